// The hyperbolic tangent.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// Hyperbolic tangent: squashes the real line into (-1, 1).
struct Tanh {
  static constexpr bool works_in_float() { return true; }
  static constexpr OpInfo info{.name = "tanh", .summary = "hyperbolic tangent", .formula = "tanh(x)", .derivatives = {"1 - tanh(x)^2"},
                               .rule = "4t/(1 + t(2+t)) with t = exp(-2|x|): 1 - y^2 is 0 for |x| > 19", .value_ulps = 3.25, .derivative_ulps = 2.5,
                               .probes = {{"saturated", {19.1, -37, 354, -372}}, {"tiny", {1e-300, -1e-9}},
                                          {"worst seen", {0x1.f03eb5fa5a0d4p-6, 0x1.ee8b21176f5cp-5, -0x1.c61cad9464394p-7}}}, .source = "DLMF 4.34"};
  static auto value(Number auto x) { return tanh(x); }
  static auto derivative(Number auto x, Number auto /*y*/) {
    return 4.0 * logistic_slope(exp_below_zero(-2.0 * abs(x)));
  }
};

template <Differentiable X> [[gnu::always_inline]] inline auto tanh(X&& x, Here here = Here()) { return apply_at(here, Tanh{}, std::forward<X>(x)); }

}  // namespace gradus
