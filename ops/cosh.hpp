// The hyperbolic cosine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/sinh.hpp>

namespace gradus {

/// Hyperbolic cosine.
struct Cosh {
  static constexpr OpInfo info{.name = "cosh", .summary = "hyperbolic cosine", .formula = "(exp(x) + exp(-x))/2",
                               .derivatives = {"(exp(x) - exp(-x))/2"},
                               .value_ulps = 1.25, .derivative_ulps = 2,
                               .probes = {{"overflow", {710.4, 710.5, -710.4}}, {"tiny", {1e-300, 1e-9}}}, .source = "DLMF 4.34"};
  static auto value(Number auto x) { return cosh(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return sinh(x); }
};

template <Differentiable X> auto cosh(X&& x, Here here = Here()) { return apply_at(here, Cosh{}, std::forward<X>(x)); }

}  // namespace gradus
