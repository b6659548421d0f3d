// The sine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/cos.hpp>

namespace gradus {

/// Sine.
struct Sin {
  static constexpr OpInfo info{.name = "sin", .summary = "sine", .formula = "sin(x)", .derivatives = {"cos(x)"},
                               .value_ulps = 0.9, .derivative_ulps = 0.9,
                               .probes = {{"large", {1e5, 1e22, -1e300}}, {"near a root", {3.141592653589793, 1.5707963267948966}}},
                               .source = "DLMF 4.20"};
  static auto value(Number auto x) { return sin(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return cos(x); }
};

template <Differentiable X> [[gnu::always_inline]] inline auto sin(X&& x, Here here = Here()) { return apply_at(here, Sin{}, std::forward<X>(x)); }

}  // namespace gradus
