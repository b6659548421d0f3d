// The inverse tangent.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Inverse tangent.
struct Atan {
  static constexpr OpInfo info{.name = "atan", .summary = "inverse tangent", .formula = "atan(x)", .derivatives = {"1/(1 + x^2)"},
                               .value_ulps = 1, .derivative_ulps = 2.25,
                               .probes = {{"large", {1e8, -1e100, 1e160}}}, .source = "DLMF 4.24(ii)"};
  static auto value(Number auto x) { return atan(at_least_double(x)); }  // glibc's own for float is 0.85 ulps off
  static auto derivative(Number auto x, Number auto /*y*/) { return 1.0 / (1.0 + x * x); }
};

template <Differentiable X> auto atan(X&& x, Here here = Here()) { return apply_at(here, Atan{}, std::forward<X>(x)); }

}  // namespace gradus
