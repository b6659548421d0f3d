// The rectifier.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// The positive part of x.
struct Relu {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "relu", .summary = "rectifier", .formula = "x > 0 ? x : 0", .derivatives = {"x > 0 ? 1 : 0"},
                               .kinks = {"0"}, .convention = "relu'(0) = 0 (PyTorch, JAX, TensorFlow); NaN at NaN",
                               .value_ulps = 0, .derivative_ulps = 0,
                               .source = "Nair and Hinton, ICML 2010"};
  static auto value(Number auto x) { return where(x <= 0.0, 0.0, x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x > 0.0, 1.0, where(x <= 0.0, 0.0, x)); }
};

template <Operand X> [[gnu::always_inline]] inline auto relu(X&& x, Here here = Here()) { return apply_at(here, Relu{}, std::forward<X>(x)); }

}  // namespace gradus
