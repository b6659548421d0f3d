// The natural logarithm.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Natural logarithm.
struct Log {
  static constexpr OpInfo info{.name = "log", .summary = "natural logarithm", .formula = "log(x)", .derivatives = {"1/x"},
                               .domain = {{.low = 0}}, .convention = "log'(0) = inf; NaN left of 0, as the value",
                               .value_ulps = 0.9, .derivative_ulps = 0.75,
                               .probes = {{"near 1", {0.999999, 1, 1.000001}}, {"subnormal", {5e-324, 1e-310}}, {"worst seen", {0x1.7d356abc21859p-1}}}, .source = "DLMF 4.7(i)"};
  static auto value(Number auto x) { return log(at_least_double(x)); }  // glibc's own for float is 0.81 ulps off
  static auto derivative(Number auto x, Number auto y) { return where(x < 0.0, y, 1.0 / x); }
};

template <Differentiable X> [[gnu::always_inline]] inline auto log(X&& x, Here here = Here()) { return apply_at(here, Log{}, std::forward<X>(x)); }

}  // namespace gradus
