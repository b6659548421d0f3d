// What a float result is compared with: formulas for double and long double, written apart from the rules.
#pragma once

#include <cmath>

#include <autodiff/op.hpp>
#include <ops/elu.hpp>
#include <ops/leaky_relu.hpp>
#include <ops/relu.hpp>
#include <ops/sigmoid.hpp>
#include <ops/softplus.hpp>
#include <ops/tanh.hpp>

namespace gradus {

/// The value and derivative of an op, in a type with far more digits than float.
template <class T> struct Reference { T value, derivative; };

namespace reference {

// At a float, which is all that these are asked for, each is right to a few units of the last place of T: the exponent range of T is so much
// wider that the textbook forms neither overflow nor lose a tail before the float result has become 0, 1 or infinite.

template <PlainReal T> Reference<T> of(const Relu&, T x) { return x > 0 ? Reference<T>{x, 1} : Reference<T>{0, 0}; }
template <PlainReal T> Reference<T> of(const LeakyRelu& op, T x) {
  const auto slope = static_cast<T>(op.slope);
  return x > 0 ? Reference<T>{x, 1} : Reference<T>{slope * x, slope};
}
template <PlainReal T> Reference<T> of(const Sigmoid&, T x) {
  const T e = std::exp(-x);
  return {1 / (1 + e), 1 / (e + 2 + 1 / e)};  // 1/(2 + 2 cosh x): a sum of positive terms
}
template <PlainReal T> Reference<T> of(const Tanh&, T x) {
  const T e = std::exp(x), twice_cosh = e + 1 / e;
  return {std::tanh(x), 4 / (twice_cosh * twice_cosh)};
}
template <PlainReal T> Reference<T> of(const Elu& op, T x) {
  if (x > 0) return {x, 1};
  const auto alpha = static_cast<T>(op.alpha);
  return {alpha * std::expm1(x), alpha * std::exp(x)};
}
template <PlainReal T> Reference<T> of(const Softplus&, T x) {
  const T e = std::exp(x);
  return {x > 40 ? x : std::log1p(e), 1 / (1 + 1 / e)};  // beyond 40 the rest, e^-x, is 1e-19 of x
}

}  // namespace reference

/// The reference at x. An op without a formula above is its own reference, in more digits: that is no independent oracle for the formula, but
/// `gradus check` holds it against 400 digits in double, and what is asked here is what is lost in float.
template <UnaryOp Op, PlainReal T> Reference<T> reference_at(const Op& op, T x) {
  if constexpr (requires { reference::of(op, x); }) {
    return reference::of(op, x);
  } else {
    const T y = static_cast<T>(op.value(x));
    return {y, static_cast<T>(op.derivative(x, y))};
  }
}

}  // namespace gradus
