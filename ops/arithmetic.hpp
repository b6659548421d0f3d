// The four operations and the sign change: as ops, and as operators of tensors. Var and Dual bring operators of their own, which `record` names.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/tensor.hpp>
#include <ops/prediction.hpp>

namespace gradus {

/// a + b.
struct Add {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "add", .summary = "sum", .operands = {"a", "b"}, .formula = "a + b", .derivatives = {"1", "1"},
                               .value_ulps = 0.5, .derivative_ulps = 0};
  static auto record(const auto& a, const auto& b) { return a + b; }
  static auto value(Number auto a, Number auto b) { return a + b; }
  template <Number T> static Partials<T> derivatives(T /*a*/, T /*b*/, T /*y*/) { return {T(1.0), T(1.0)}; }
};

/// a - b.
struct Sub {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "sub", .summary = "difference", .operands = {"a", "b"}, .formula = "a - b", .derivatives = {"1", "-1"},
                               .value_ulps = 0.5, .derivative_ulps = 0};
  static auto record(const auto& a, const auto& b) { return a - b; }
  static auto value(Number auto a, Number auto b) { return a - b; }
  template <Number T> static Partials<T> derivatives(T /*a*/, T /*b*/, T /*y*/) { return {T(1.0), T(-1.0)}; }
};

/// a*b.
struct Mul {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "mul", .summary = "product", .operands = {"a", "b"}, .formula = "a*b", .derivatives = {"b", "a"},
                               .value_ulps = 0.5, .derivative_ulps = 0};
  static auto record(const auto& a, const auto& b) { return a * b; }
  static auto value(Number auto a, Number auto b) { return a * b; }
  template <Number T> static Partials<T> derivatives(T a, T b, T /*y*/) { return {b, a}; }
};

/// a/b.
struct Div {
  static constexpr OpInfo info{.name = "div", .summary = "quotient", .operands = {"a", "b"}, .formula = "a/b", .derivatives = {"1/b", "-a/b^2"},
                               .rule = "-y/b: b^2 leaves the range at 1e154 and 1e-154", .domain = {{}, {.low = 0}},
                               .value_ulps = 0.5, .derivative_ulps = 1.5,
                               .probes = {{"signs", {1, 2, -1, 2, 1, -2, -1, -2}}, {"range", {1e200, 1e200, 1e-200, 1e-200, 1, 1e-160, 1, 1e160, 1e-300, 1e-5}}}};
  static auto record(const auto& a, const auto& b) { return a / b; }
  static auto value(Number auto a, Number auto b) { return a / b; }
  template <Number T> static Partials<T> derivatives(T /*a*/, T b, T y) { return {T(1.0 / b), T(-y / b)}; }
};

/// -x.
struct Neg {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "neg", .summary = "change of sign", .formula = "-x", .derivatives = {"-1"},
                               .value_ulps = 0, .derivative_ulps = 0};
  static auto record(const auto& x) { return -x; }
  static auto value(Number auto x) { return -x; }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x == x, -1.0, x); }
};

/// A tensor with a tensor, a Var or a plain number, in either order.
template <class A, class B>
concept TensorOperands = (is_tensor<A> && (is_tensor<B> || is_var<B> || std::is_arithmetic_v<B>)) || (is_tensor<B> && (is_var<A> || std::is_arithmetic_v<A>));

// Elementwise with NumPy broadcasting. Throw ShapeError when the shapes do not broadcast.
template <class A, class B>
  requires TensorOperands<A, B>
[[nodiscard]] auto operator+(const A& a, const B& b) {
  if constexpr (is_tensor<A>)
    if (is_product_and_number(a, b)) [[unlikely]] return product_plus(a, detail::operand_beside(a, b));
  if constexpr (is_tensor<B>)
    if (is_product_and_number(b, a)) [[unlikely]] return product_plus(b, detail::operand_beside(b, a));
  return apply(Add{}, a, b);
}
template <class A, class B>
  requires TensorOperands<A, B>
[[nodiscard]] auto operator-(const A& a, const B& b) { return apply(Sub{}, a, b); }
template <class A, class B>
  requires TensorOperands<A, B>
[[nodiscard]] auto operator*(const A& a, const B& b) { return apply(Mul{}, a, b); }
template <class A, class B>
  requires TensorOperands<A, B>
[[nodiscard]] auto operator/(const A& a, const B& b) { return apply(Div{}, a, b); }
template <class Real> [[nodiscard]] BasicTensor<Real> operator-(const BasicTensor<Real>& x) { return apply(Neg{}, x); }

// The tensor becomes the result; other copies of it keep what they had.
template <class Real, class B>
  requires TensorOperands<BasicTensor<Real>, B>
BasicTensor<Real>& operator+=(BasicTensor<Real>& a, const B& b) { return a = a + b; }
template <class Real, class B>
  requires TensorOperands<BasicTensor<Real>, B>
BasicTensor<Real>& operator-=(BasicTensor<Real>& a, const B& b) { return a = a - b; }
template <class Real, class B>
  requires TensorOperands<BasicTensor<Real>, B>
BasicTensor<Real>& operator*=(BasicTensor<Real>& a, const B& b) { return a = a * b; }
template <class Real, class B>
  requires TensorOperands<BasicTensor<Real>, B>
BasicTensor<Real>& operator/=(BasicTensor<Real>& a, const B& b) { return a = a / b; }

}  // namespace gradus
