// The binary logarithm.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Logarithm to base 2.
struct Log2 {
  static constexpr OpInfo info{.name = "log2", .summary = "binary logarithm", .formula = "log(x)/log(2)", .derivatives = {"1/(x*log(2))"},
                               .domain = {{.low = 0}}, .convention = "log2'(0) = inf; NaN left of 0, as the value",
                               .value_ulps = 1, .derivative_ulps = 0.75,
                               .probes = {{"near 1", {0.999999, 1, 1.000001}}, {"subnormal", {5e-324, 1e-310}}}, .source = "DLMF 4.7(i)"};
  static auto value(Number auto x) { return log2(x); }
  static auto derivative(Number auto x, Number auto y) { return where(x < 0.0, y, 1.4426950408889634 / x); }
};

template <Differentiable X> auto log2(X&& x, Here here = Here()) { return apply_at(here, Log2{}, std::forward<X>(x)); }

}  // namespace gradus
