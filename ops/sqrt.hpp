// The square root.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Square root.
struct Sqrt {
  static constexpr OpInfo info{.name = "sqrt", .summary = "square root", .formula = "sqrt(x)", .derivatives = {"1/(2*sqrt(x))"},
                               .domain = {{.low = 0, .closed_low = true}}, .convention = "sqrt'(0) = inf", .value_ulps = 0.5, .derivative_ulps = 1.5,
                               .probes = {{"subnormal", {5e-324, 1e-310}}}, .source = "DLMF 4.7(ii)"};
  static auto value(Number auto x) { return sqrt(x); }
  static auto derivative(Number auto /*x*/, Number auto y) { return 0.5 / y; }
};

template <Differentiable X> [[gnu::always_inline]] inline auto sqrt(X&& x, Here here = Here()) { return apply_at(here, Sqrt{}, std::forward<X>(x)); }

}  // namespace gradus
