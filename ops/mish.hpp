// The self-regularised smooth unit x*tanh(softplus(x)).
#pragma once

#include <autodiff/op.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// x*tanh(softplus(x)).
struct Mish {
  static constexpr OpInfo info{.name = "mish", .summary = "x*tanh(softplus(x))", .formula = "x*tanh(log(1 + exp(x)))",
                               .derivatives = {"tanh(log(1 + exp(x))) + x*(1 - tanh(log(1 + exp(x)))^2)/(1 + exp(-x))"},
                               .rule = "tanh(softplus(x)) = 1/(e + 1/2 + 1/(4e+2)) with e = exp(-x): nothing cancels",
                               .value_ulps = 2.75, .derivative_ulps = 3.5,
                               .cancels = {"tanh(log(1 + exp(x))) + abs(x)*(1 - tanh(log(1 + exp(x)))^2)/(1 + exp(-x))"},
                               .probes = {{"root of the derivative", {-1.1924312106054236, -1.192}}, {"saturated", {20, 37, -37, -699, -701, -709.5, -745, -750}}},
                               .source = "Misra 2019, arXiv:1908.08681"};
  static auto value(Number auto given) {
    const auto x = where(given < -2e4, -2e4, given);  // there both are 0 in every range; -inf*0 is not
    return where(x < -690.0, [&] { const auto root = exp(0.5 * x); return (x * root) * root; }, [&] {
      const auto e = exp(-at_least_double(x));
      return x / (e + (0.5 + 1.0 / (4.0 * e + 2.0)));
    });
  }
  static auto derivative(Number auto given, Number auto /*y*/) {
    const auto x = where(given < -2e4, -2e4, where(given > 2e4, 2e4, given));
    return where(x > -2.0,
                 [&] {
                   const auto e = exp(-at_least_double(x)), q = 1.0 / (4.0 * e + 2.0), t = 1.0 / (e + (0.5 + q));
                   return t + (x * e) * ((1.0 - 4.0 * (q * q)) * (t * t));
                 },
                 [&] {  // the same over a common denominator, in 1/e
                   const auto e = exp(at_least_double(x)), rest = e * (1.0 + 0.5 * e);
                   return e * ((x + 1.0) + e * ((x + 1.5) + e * (1.0 + 0.25 * e))) / (1.0 + rest * (2.0 + rest));
                 });
  }
};

template <Operand X> auto mish(X&& x, Here here = Here()) { return apply_at(here, Mish{}, std::forward<X>(x)); }

}  // namespace gradus
