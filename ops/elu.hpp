// The exponential linear unit.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/error.hpp>
#include <ops/exp.hpp>
#include <ops/expm1.hpp>

namespace gradus {

/// x, or alpha*(e^x - 1) where x is negative.
struct Elu {
  double alpha = 1;
  static constexpr OpInfo info{.name = "elu", .summary = "exponential linear unit", .formula = "x > 0 ? x : alpha*(exp(x) - 1)",
                               .derivatives = {"x > 0 ? 1 : alpha*exp(x)"},
                               .rule = "expm1; and alpha*exp(x) again for the derivative: y + alpha is 0 for x < -37",
                               .parameters = {{.name = "alpha", .value = 1, .also = {0.5, 1.5, 0.1}, .meaning = "minus the limit on the left"}},
                               .kinks = {"0"}, .convention = "alpha at 0, the derivative of the negative side (PyTorch)",
                               .value_ulps = 2.6, .derivative_ulps = 2.25,
                               .probes = {{"saturated", {-37, -40, -708, -745}}, {"tiny", {-1e-300, -1e-9}},
                                          {"worst seen", {-0x1.f37f2e3093e48p-1, -0x1.f3847014b24b8p-1, -0x1.5e87a5597ed18p-2, -0x1.67008996de068p-2}}},
                               .source = "Clevert et al. 2015, arXiv:1511.07289"};
  /// Throws ArgumentError when the parameters make no sense.
  void validate() const {
    if (alpha != alpha) throw ArgumentError("elu: alpha must not be NaN");
  }
  [[nodiscard]] bool works_in_float() const { return alpha == 1; }  // other products are rounded once more
  auto value(Number auto x) const { return where(x > 0.0, x, [&] { return alpha * expm1_below_zero(x); }); }
  auto derivative(Number auto x, Number auto /*y*/) const { return where(x > 0.0, 1.0, [&] { return alpha * exp_below_zero(x); }); }
};

template <Operand X> auto elu(X&& x, double alpha = 1, Here here = Here()) {
  const Elu op{alpha};
  op.validate();
  return apply_at(here, op, std::forward<X>(x));
}

}  // namespace gradus
