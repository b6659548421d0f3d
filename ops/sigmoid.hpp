// The logistic function.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// Logistic function 1/(1 + e^-x): squashes the real line into (0, 1).
struct Sigmoid {
  static constexpr bool works_in_float() { return true; }
  static constexpr OpInfo info{.name = "sigmoid", .summary = "logistic function", .formula = "1/(1 + exp(-x))",
                               .derivatives = {"sigmoid(x)*(1 - sigmoid(x))"},
                               .rule = "sigmoid(x)*sigmoid(-x) = e/(1 + e(2+e)) with e = exp(-|x|): y(1-y) is 0 for x > 37",
                               .value_ulps = 2.5, .derivative_ulps = 2.5,
                               .probes = {{"saturated", {37, -37, 709, -709.5, -745}}}, .source = "DLMF 4.34"};
  static auto value(Number auto x) {
    const auto e = exp_below_zero(minus_abs(x));
    return part_of_one_plus(x < 0.0, e);
  }
  static auto derivative(Number auto x, Number auto /*y*/) {
    const auto e = exp_below_zero(minus_abs(x));
    return logistic_slope(e);
  }
};

template <Operand X> [[gnu::always_inline]] inline auto sigmoid(X&& x, Here here = Here()) { return apply_at(here, Sigmoid{}, std::forward<X>(x)); }

}  // namespace gradus
