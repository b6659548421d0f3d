// The tangent.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Tangent.
struct Tan {
  static constexpr OpInfo info{.name = "tan", .summary = "tangent", .formula = "tan(x)", .derivatives = {"1/cos(x)^2"},
                               .rule = "1 + y^2: no second evaluation", .value_ulps = 1, .derivative_ulps = 2,
                               .probes = {{"large", {1e5, 1e22, -1e300}}, {"near a pole", {1.5707963267948966, 1.57, -1.5708}}},
                               .source = "DLMF 4.20"};
  static auto value(Number auto x) { return tan(x); }
  static auto derivative(Number auto /*x*/, Number auto y) { return 1.0 + y * y; }
};

template <Differentiable X> auto tan(X&& x, Here here = Here()) { return apply_at(here, Tan{}, std::forward<X>(x)); }

}  // namespace gradus
