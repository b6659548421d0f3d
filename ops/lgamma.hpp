// The logarithm of the gamma function.
#pragma once

#include <ops/gamma.hpp>

namespace gradus {

/// log |gamma(x)|.
struct Lgamma {
  static constexpr bool scalar_only = true;
  static constexpr OpInfo info{.name = "lgamma", .summary = "logarithm of |gamma(x)|", .formula = "lgamma(x)", .derivatives = {"digamma(x)"},
                               .rule = "Boost.Math's digamma in long double",
                               .convention = "-1/x at 0, NaN at the other poles, the negative integers", .value_ulps = 0.51, .derivative_ulps = 0.51,
                               .cancels = {"x > 0 ? 0 : abs(digamma(1 - x)) + abs(pi/tan(pi*x))"},
                               .probes = {{"near the roots", {0.999999, 1, 1.000001, 1.4616321449683622, 2, 2.000001}},
                                          {"negative", {-0.5, -1.5, -3.9229480652836699, -10.25, -100.3}}, {"large", {171, 1e10, 1e300}}, {"tiny", {1e-300, -1e-10}}},
                               .source = "DLMF 5.2(i)"};
  template <Number T> static auto value(const T& x) {
    if constexpr (PlainReal<T>) return log_gamma(x);
    else return lgamma(x);
  }
  static auto derivative(Number auto x, Number auto /*y*/) { return polygamma(0, x); }
};

template <Differentiable X> auto lgamma(X&& x, Here here = Here()) { return apply_at(here, Lgamma{}, std::forward<X>(x)); }

}  // namespace gradus
