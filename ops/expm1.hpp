// exp(x) - 1 without its cancellation.
#pragma once

#include <autodiff/op.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// e^x - 1, accurate near 0.
struct Expm1 {
  static constexpr OpInfo info{.name = "expm1", .summary = "exponential minus one", .formula = "exp(x) - 1", .derivatives = {"exp(x)"},
                               .rule = "exp(x): y + 1 is 0 for x < -37",
                               .value_ulps = 2, .derivative_ulps = 0.9, .probes = {{"tiny", {1e-300, -1e-20, 1e-9}}},
                               .source = "DLMF 4.7(ii)"};
  static auto value(Number auto x) { return expm1(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return exp(x); }
};

template <Differentiable X> auto expm1(X&& x, Here here = Here()) { return apply_at(here, Expm1{}, std::forward<X>(x)); }

}  // namespace gradus
