// log(1 + x) without its cancellation.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// log(1 + x), accurate near 0.
struct Log1p {
  static constexpr OpInfo info{.name = "log1p", .summary = "logarithm of one plus x", .formula = "log(1 + x)", .derivatives = {"1/(1 + x)"},
                               .domain = {{.low = -1}}, .convention = "log1p'(-1) = inf; NaN left of -1, as the value",
                               .value_ulps = 1, .derivative_ulps = 1.5,
                               .probes = {{"tiny", {1e-300, -1e-20, 1e-9}}, {"near -1", {-0.9999999999999999, -0.999999}}}, .source = "DLMF 4.7(i)"};
  static auto value(Number auto x) { return log1p(x); }
  static auto derivative(Number auto x, Number auto y) { return where(x < -1.0, y, 1.0 / (1.0 + x)); }
};

template <Differentiable X> auto log1p(X&& x, Here here = Here()) { return apply_at(here, Log1p{}, std::forward<X>(x)); }

}  // namespace gradus
