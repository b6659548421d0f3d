// The hyperbolic sine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/cosh.hpp>

namespace gradus {

/// Hyperbolic sine.
struct Sinh {
  static constexpr OpInfo info{.name = "sinh", .summary = "hyperbolic sine", .formula = "(exp(x) - exp(-x))/2",
                               .derivatives = {"(exp(x) + exp(-x))/2"},
                               .value_ulps = 2, .derivative_ulps = 1.25,
                               .probes = {{"overflow", {710.4, 710.5, -710.4}}, {"tiny", {1e-300, 1e-9}}}, .source = "DLMF 4.34"};
  static auto value(Number auto x) { return sinh(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return cosh(x); }
};

template <Differentiable X> auto sinh(X&& x, Here here = Here()) { return apply_at(here, Sinh{}, std::forward<X>(x)); }

}  // namespace gradus
