// The piecewise linear hyperbolic tangent.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/error.hpp>

namespace gradus {

/// x, held within [min, max].
struct HardTanh {
  double min = -1, max = 1;
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "hardtanh", .summary = "piecewise linear hyperbolic tangent", .formula = "x <= min ? min : x >= max ? max : x",
                               .derivatives = {"x <= min ? 0 : x >= max ? 0 : 1"},
                               .parameters = {{.name = "min", .value = -1, .also = {-0.5, 0, -6}, .meaning = "lower bound"},
                                              {.name = "max", .value = 1, .also = {2.5, 6, 0.125}, .meaning = "upper bound"}},
                               .kinks = {"min", "max"}, .convention = "0 at both ends (PyTorch)", .value_ulps = 0, .derivative_ulps = 0,
                               .source = "Collobert 2004"};
  /// Throws ArgumentError when the parameters make no sense.
  void validate() const {
    if (!(min <= max)) throw ArgumentError("hardtanh: min must not be greater than max, and neither NaN");
  }
  auto value(Number auto x) const { return where(x <= min, min, where(x >= max, max, x)); }
  auto derivative(Number auto x, Number auto /*y*/) const { return where(x > min && x < max, 1.0, where(x == x, 0.0, x)); }
};

template <Operand X> auto hardtanh(X&& x, double min = -1, double max = 1, Here here = Here()) {
  const HardTanh op{min, max};
  op.validate();
  return apply_at(here, op, std::forward<X>(x));
}

}  // namespace gradus
