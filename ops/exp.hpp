// The exponential function.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// e^x.
struct Exp {
  static constexpr bool cheap_derivative = true;
  static constexpr OpInfo info{.name = "exp", .summary = "exponential", .formula = "exp(x)", .derivatives = {"exp(x)"},
                               .value_ulps = 0.9, .derivative_ulps = 0.9,
                               .probes = {{"worst seen", {-0x1.18345321fc133p+9, 0x1.6363743085d78p-2}},
                                          {"overflow", {709.7, 709.8, 1000}}, {"subnormal", {-708.5, -730, -745, -746, -11000}}},
                               .source = "DLMF 4.7(ii)"};
  static auto value(Number auto x) { return exp(x); }
  static auto derivative(Number auto /*x*/, Number auto y) { return y; }
};

template <Differentiable X> [[gnu::always_inline]] inline auto exp(X&& x, Here here = Here()) { return apply_at(here, Exp{}, std::forward<X>(x)); }

/// exp(high + low): the digits that rounding the argument to `high` alone would lose, |high| ulps of them.
template <Number T> T exp_of(const TwoPart<T>& argument) {
  const T y = exp(argument.high);
  return y + y * argument.low;
}

}  // namespace gradus
