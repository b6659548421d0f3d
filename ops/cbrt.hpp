// The cube root.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Cube root, of negative numbers too.
struct Cbrt {
  static constexpr OpInfo info{.name = "cbrt", .summary = "cube root", .formula = "cbrt(x)", .derivatives = {"1/(3*cbrt(x)^2)"},
                               .rule = "the library's root (4 ulps in glibc) and one Newton step with the exact residual",
                               .convention = "cbrt'(0) = inf",
                               .value_ulps = 0.75, .derivative_ulps = 2.25, .probes = {{"subnormal", {5e-324, -1e-310}}}, .source = "DLMF 4.7(ii)"};
  template <Number T> static auto value(T x) {
    if constexpr (std::is_same_v<T, double>) return where(abs(x) < 1e-200, [&] { return 0x1p-200 * refined(0x1p600 * x); }, [&] { return refined(x); });
    else return cbrt(at_least_double(x));
  }
  static auto derivative(Number auto x, Number auto y) {
    const auto slope = y / (3.0 * x);
    return where(slope == slope, slope, 1.0 / (y * y));  // 0/0 and inf/inf
  }

 private:
  static double refined(double x) {
    const double y = cbrt(x);
    const TwoPart<double> square = two_product(y, y);
    const double step = (fma(square.high, y, -x) + square.low * y) / (3.0 * square.high);
    return where(step - step == 0.0, y - step, y);  // 0, infinities and NaN have no residual
  }
};

template <Differentiable X> auto cbrt(X&& x, Here here = Here()) { return apply_at(here, Cbrt{}, std::forward<X>(x)); }

}  // namespace gradus
