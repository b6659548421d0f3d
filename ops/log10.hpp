// The decimal logarithm.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Logarithm to base 10.
struct Log10 {
  static constexpr OpInfo info{.name = "log10", .summary = "decimal logarithm", .formula = "log(x)/log(10)", .derivatives = {"1/(x*log(10))"},
                               .domain = {{.low = 0}}, .convention = "log10'(0) = inf; NaN left of 0, as the value",
                               .value_ulps = 2, .derivative_ulps = 1,
                               .probes = {{"near 1", {0.999999, 1, 1.000001}}, {"subnormal", {5e-324, 1e-310}}}, .source = "DLMF 4.7(i)"};
  static auto value(Number auto x) { return log10(x); }
  static auto derivative(Number auto x, Number auto y) { return where(x < 0.0, y, 0.4342944819032518 / x); }
};

template <Differentiable X> auto log10(X&& x, Here here = Here()) { return apply_at(here, Log10{}, std::forward<X>(x)); }

}  // namespace gradus
