// The inverse hyperbolic sine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>
#include <ops/sqrt.hpp>

namespace gradus {

/// Inverse hyperbolic sine.
struct Asinh {
  static constexpr OpInfo info{.name = "asinh", .summary = "inverse hyperbolic sine", .formula = "asinh(x)", .derivatives = {"1/sqrt(x^2 + 1)"},
                               .rule = "1/|x| once x^2 + 1 rounds to x^2, before the square overflows at 1e154",
                               .value_ulps = 1.75, .derivative_ulps = 2.25,
                               .probes = {{"large", {9.9e7, 1.1e8, -1e155, 1e300}}, {"tiny", {1e-300, -1e-9}}}, .source = "DLMF 4.38(ii)"};
  static auto value(Number auto x) { return asinh(x); }
  template <Number T> static auto derivative(T x, T /*y*/) {
    const auto size = at_least_double(T(abs(x)));
    return where(size > 1e10, [&] { return 1.0 / size; }, [&] { return 1.0 / sqrt(1.0 + size * size); });
  }
};

template <Differentiable X> auto asinh(X&& x, Here here = Here()) { return apply_at(here, Asinh{}, std::forward<X>(x)); }

}  // namespace gradus
