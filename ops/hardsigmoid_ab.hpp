// The piecewise linear logistic function with its slope and offset as parameters.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/error.hpp>

namespace gradus {

/// alpha*x + beta, held within [0, 1].
struct HardSigmoidAb {
  static constexpr bool cheap_derivative = true;
  double alpha = 0.2, beta = 0.5;
  static constexpr bool flat = true;
  static constexpr OpInfo info{.name = "hardsigmoid_ab", .summary = "piecewise linear logistic function, general form",
                               .formula = "alpha*x + beta <= 0 ? 0 : alpha*x + beta >= 1 ? 1 : alpha*x + beta",
                               .derivatives = {"alpha*x + beta <= 0 ? 0 : alpha*x + beta >= 1 ? 0 : alpha"},
                               .rule = "with the rounding error of alpha*x put back: it is all that is left near -beta/alpha",
                               .parameters = {{.name = "alpha", .value = 0.2, .also = {0.3, -0.25, 1}, .meaning = "slope"},
                                              {.name = "beta", .value = 0.5, .also = {0.4, 0.1, 0.75}, .meaning = "value at 0"}},
                               .kinks = {"-beta/alpha", "(1 - beta)/alpha"}, .convention = "0 at both ends (PyTorch)",
                               .value_ulps = 0.51, .derivative_ulps = 0.5, .source = "ONNX HardSigmoid"};
  /// Throws ArgumentError when the parameters make no sense.
  void validate() const {
    if (alpha != alpha || beta != beta) throw ArgumentError("hardsigmoid_ab: alpha and beta must not be NaN");
  }
  auto value(Number auto x) const {
    const auto y = line(x);
    return where(y.high + y.low <= 0.0, 0.0, where(y.high + y.low >= 1.0, 1.0, y.high + y.low));
  }
  auto derivative(Number auto x, Number auto /*y*/) const {
    const auto y = line(x);
    return where(y.high + y.low > 0.0 && (y.high - 1.0) + y.low < 0.0, alpha, where(x == x, 0.0, x));
  }

 private:
  template <Number T> auto line(const T& x) const {
    using Wide = decltype(at_least_double(x));
    const auto product = two_product(Wide(alpha), at_least_double(x));
    const auto sum = two_sum(product.high, Wide(beta));
    return TwoPart<Wide>{sum.high, sum.low + product.low};
  }
};

template <Operand X> auto hardsigmoid_ab(X&& x, double alpha = 0.2, double beta = 0.5, Here here = Here()) {
  const HardSigmoidAb op{alpha, beta};
  op.validate();
  return apply_at(here, op, std::forward<X>(x));
}

}  // namespace gradus
