// The cosine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/sin.hpp>

namespace gradus {

/// Cosine.
struct Cos {
  static constexpr OpInfo info{.name = "cos", .summary = "cosine", .formula = "cos(x)", .derivatives = {"-sin(x)"},
                               .value_ulps = 0.9, .derivative_ulps = 0.9,
                               .probes = {{"large", {1e5, 1e22, -1e300}}, {"near a root", {3.141592653589793, 1.5707963267948966}}},
                               .source = "DLMF 4.20"};
  static auto value(Number auto x) { return cos(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return -sin(x); }
};

template <Differentiable X> [[gnu::always_inline]] inline auto cos(X&& x, Here here = Here()) { return apply_at(here, Cos{}, std::forward<X>(x)); }

}  // namespace gradus
