// The sigmoid-weighted linear unit, also known as swish.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// x*sigmoid(x).
struct Silu {
  static constexpr OpInfo info{.name = "silu", .summary = "sigmoid-weighted linear unit (swish)", .formula = "x/(1 + exp(-x))",
                               .derivatives = {"1/(1 + exp(-x)) + x*exp(-x)/(1 + exp(-x))^2"},
                               .rule = "over the common denominator, in e = exp(-|x|); e in two factors where it alone is subnormal",
                               .value_ulps = 2.75, .derivative_ulps = 3.25,
                               .cancels = {"1/(1 + exp(-x)) + abs(x)*exp(-x)/(1 + exp(-x))^2"},
                               .probes = {{"root of the derivative", {-1.2784645427610738, -1.278}}, {"saturated", {37, -37, -699, -701, -709.5, -745, -750}}},
                               .source = "Elfwing et al. 2017, arXiv:1702.03118"};
  static auto value(Number auto given) {
    const auto x = where(given < -2e4, -2e4, given);  // there both are 0 in every range; -inf*0 is not
    return where(x < -690.0, [&] { const auto root = exp(0.5 * x); return (x * root) * root; }, [&] { return x / (1.0 + exp(-x)); });
  }
  static auto derivative(Number auto given, Number auto /*y*/) {
    const auto x = where(given < -2e4, -2e4, where(given > 2e4, 2e4, given));
    const auto e = exp(-abs(x));
    return over_square_of_one_plus(where(x < 0.0, e * ((1.0 + x) + e), 1.0 + (e + x * e)), e);
  }
};

template <Operand X> auto silu(X&& x, Here here = Here()) { return apply_at(here, Silu{}, std::forward<X>(x)); }

}  // namespace gradus
