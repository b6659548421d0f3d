// The piecewise quadratic swish.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// x*(x + 3)/6 between -3 and 3, 0 on the left, x on the right.
struct HardSwish {
  static constexpr bool cheap_derivative = true;
  static constexpr bool flat = true;
  static constexpr OpInfo info{.name = "hardswish", .summary = "piecewise quadratic swish", .formula = "x <= -3 ? 0 : x >= 3 ? x : x*(x + 3)/6",
                               .derivatives = {"x < -3 ? 0 : x <= 3 ? x/3 + 1/2 : 1"}, .rule = "(2x + 3)/6, which keeps its digits at the root",
                               .kinks = {"-3", "3"}, .convention = "-1/2 and 3/2 at the ends, the derivatives of the middle piece (PyTorch 1.13)",
                               .value_ulps = 2, .derivative_ulps = 1.25,
                               .cancels = {"x < -3 ? 0 : x <= 3 ? abs(x)/3 + 1/2 : 1"},
                               .probes = {{"root of the derivative", {-1.5, -1.4999999999999998, -1.51}}, {"near the ends", {-2.9999999999999996, 2.9999999999999996}}},
                               .source = "Howard et al. 2019, arXiv:1905.02244"};
  static auto value(Number auto x) { return where(x <= -3.0, 0.0, where(x >= 3.0, x, x * (x + 3.0) / 6.0)); }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x < -3.0, 0.0, where(x > 3.0, 1.0, (2.0 * x + 3.0) / 6.0)); }
};

template <Operand X> auto hardswish(X&& x, Here here = Here()) { return apply_at(here, HardSwish{}, std::forward<X>(x)); }

}  // namespace gradus
