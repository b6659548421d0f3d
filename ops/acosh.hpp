// The inverse hyperbolic cosine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/sqrt.hpp>

namespace gradus {

/// Inverse hyperbolic cosine, of x >= 1.
struct Acosh {
  static constexpr OpInfo info{.name = "acosh", .summary = "inverse hyperbolic cosine", .formula = "acosh(x)",
                               .derivatives = {"1/(sqrt(x - 1)*sqrt(x + 1))"},
                               .rule = "one root of (x-1)(x+1); 1/x once that rounds to x^2, before the square overflows at 1e154",
                               .domain = {{.low = 1, .closed_low = true}}, .convention = "acosh'(1) = inf; NaN left of 1, as the value",
                               .value_ulps = 2.25, .derivative_ulps = 2.5,
                               .probes = {{"near 1", {1.0000000000000002, 1.000001, 1.01}}, {"large", {9.9e7, 1.1e8, 1e155}}},
                               .source = "DLMF 4.38(ii)"};
  static auto value(Number auto x) { return acosh(x); }
  template <Number T> static auto derivative(T x, T y) {
    return where(x > 1e10, [&] { return 1.0 / x; }, [&] { return where(x < 1.0, y, 1.0 / sqrt((x - 1.0) * (x + 1.0))); });
  }
};

template <Differentiable X> auto acosh(X&& x, Here here = Here()) { return apply_at(here, Acosh{}, std::forward<X>(x)); }

}  // namespace gradus
