// The piecewise linear logistic function.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// (x + 3)/6, held within [0, 1].
struct HardSigmoid {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "hardsigmoid", .summary = "piecewise linear logistic function",
                               .formula = "x <= -3 ? 0 : x >= 3 ? 1 : (x + 3)/6",
                               .derivatives = {"x <= -3 ? 0 : x >= 3 ? 0 : 1/6"}, .kinks = {"-3", "3"}, .convention = "0 at both ends (PyTorch)",
                               .value_ulps = 1.25, .derivative_ulps = 0.5,
                               .probes = {{"near the ends", {-2.9999999999999996, 2.9999999999999996, -2.99, 2.99}}},
                               .source = "Howard et al. 2019, arXiv:1905.02244"};
  static auto value(Number auto x) { return where(x <= -3.0, 0.0, where(x >= 3.0, 1.0, (x + 3.0) / 6.0)); }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x > -3.0 && x < 3.0, 1.0 / 6.0, where(x == x, 0.0, x)); }
};

template <Operand X> auto hardsigmoid(X&& x, Here here = Here()) { return apply_at(here, HardSigmoid{}, std::forward<X>(x)); }

}  // namespace gradus
