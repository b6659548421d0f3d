// The absolute value.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// Absolute value.
struct Abs {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "abs", .summary = "absolute value", .formula = "x < 0 ? -x : x", .derivatives = {"x > 0 ? 1 : x < 0 ? -1 : 0"},
                               .kinks = {"0"}, .convention = "abs'(0) = 0 (PyTorch, JAX, TensorFlow)",
                               .value_ulps = 0, .derivative_ulps = 0, .source = "DLMF 1.9(i)"};
  static auto value(Number auto x) { return abs(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x > 0.0, 1.0, where(x < 0.0, -1.0, x)); }
};

template <Differentiable X> [[gnu::always_inline]] inline auto abs(X&& x, Here here = Here()) { return apply_at(here, Abs{}, std::forward<X>(x)); }

}  // namespace gradus
