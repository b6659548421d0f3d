// The rectifier with a constant slope on the negative side.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/error.hpp>

namespace gradus {

/// x, or slope*x where x is negative.
struct LeakyRelu {
  static constexpr bool cheap_derivative = true;
  double slope = 0.01;
  static constexpr OpInfo info{.name = "leaky_relu", .summary = "leaky rectifier", .formula = "x > 0 ? x : slope*x",
                               .derivatives = {"x > 0 ? 1 : slope"},
                               .parameters = {{.name = "slope", .value = 0.01, .also = {0.3, -0.5, 2}, .meaning = "slope of the negative side"}},
                               .kinks = {"0"}, .convention = "the slope of the negative side at 0 (PyTorch)",
                               .value_ulps = 0.5, .derivative_ulps = 0.5,
                               .source = "Maas et al., ICML 2013"};
  /// Throws ArgumentError when the parameters make no sense.
  void validate() const {
    if (slope != slope) throw ArgumentError("leaky_relu: slope must not be NaN");
  }
  auto value(Number auto x) const { return where(x > 0.0, x, slope * x); }
  auto derivative(Number auto x, Number auto /*y*/) const { return where(x > 0.0, 1.0, where(x <= 0.0, slope, x)); }
};

template <Operand X> [[gnu::always_inline]] inline auto leaky_relu(X&& x, double slope = 0.01, Here here = Here()) {
  const LeakyRelu op{slope};
  op.validate();
  return apply_at(here, op, std::forward<X>(x));
}

}  // namespace gradus
