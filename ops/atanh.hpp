// The inverse hyperbolic tangent.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>

namespace gradus {

/// Inverse hyperbolic tangent, of |x| < 1.
struct Atanh {
  static constexpr OpInfo info{.name = "atanh", .summary = "inverse hyperbolic tangent", .formula = "atanh(x)", .derivatives = {"1/(1 - x^2)"},
                               .rule = "1 - x^2 as (1-x)(1+x): x^2 rounds away the distance to 1",
                               .domain = {{.low = -1, .high = 1}}, .convention = "inf at both ends; NaN outside, as the value",
                               .value_ulps = 1.75, .derivative_ulps = 2,
                               .probes = {{"near the ends", {0.9999999999999999, -0.9999999999999999, 0.999999, -0.999}}, {"tiny", {1e-300, -1e-9}}},
                               .source = "DLMF 4.38(ii)"};
  static auto value(Number auto x) { return atanh(x); }
  static auto derivative(Number auto x, Number auto y) { return where(abs(x) > 1.0, y, 1.0 / ((1.0 - x) * (1.0 + x))); }
};

template <Differentiable X> auto atanh(X&& x, Here here = Here()) { return apply_at(here, Atanh{}, std::forward<X>(x)); }

}  // namespace gradus
