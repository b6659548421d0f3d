// Your own operation with a hand-written pullback: partials for a scalar result, a pullback over spans for an array result.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/tensor.hpp>

namespace gradus {

/// A scalar with given value whose partials with respect to the operands are given. Constants among the operands are skipped.
/// Throws ShapeError unless there is one partial an operand.
template <class Real> [[nodiscard]] BasicVar<Real> custom(const Real& value, std::span<const BasicVar<Real>> operands, std::span<const Real> partials) {
  if (operands.size() != partials.size())
    throw ShapeError("custom: " + std::to_string(operands.size()) + " operands but " + std::to_string(partials.size()) + " partials");
  BasicVar<Real> y(value);
  bool recorded = false;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].is_constant()) continue;
    if (!recorded) y = BasicVar<Real>::unary(operands[i], value, partials[i]);
    else active_tape<Real>->accumulate(y.slot(), (static_cast<void>(active_tape<Real>->admits(operands[i].word(), operands[i].slot())), operands[i].slot()), partials[i]);
    recorded = true;
  }
  return y;
}
inline BasicVar<double> custom(double value, std::initializer_list<BasicVar<double>> operands, std::initializer_list<double> partials) {
  return custom<double>(value, std::span(operands.begin(), operands.size()), std::span(partials.begin(), partials.size()));
}

/// A tensor with given values whose pullback is yours: pullback(upstream, gradients) reads the adjoint of the result, one value an element, and
/// *adds* to gradients[k], the adjoint of operand k (an empty span for a constant). It may capture anything; it lives until the tape is rewound.
/// A pullback that needs the operands' values captures the tensors.
template <class Real, class Pullback>
  requires std::invocable<const Pullback&, std::span<const Real>, std::span<const std::span<Real>>>
[[nodiscard]] BasicTensor<Real> custom(const Shape& shape, std::span<const Real> values, std::span<const BasicTensor<Real>* const> operands, Pullback pullback) {
  if (values.size() != shape.size()) throw_size_mismatch("custom", values.size(), shape);
  BasicResult<Real> result(shape, operands);
  std::uninitialized_copy(values.begin(), values.end(), result.data());
  if (!result.is_recorded()) return std::move(result).record([](Slot) { return [](BasicSweep<Real>&) {}; });
  struct Part { Destination to; std::size_t size; };
  struct State {
    Pullback pullback;
    std::vector<Part> parts;
    mutable std::vector<std::span<Real>> gradients;
  };
  auto state = std::make_shared<State>(State{std::move(pullback), {}, std::vector<std::span<Real>>(operands.size())});
  for (const auto* operand : operands) state->parts.push_back({operand->destination(), operand->is_constant() ? 0 : operand->size()});
  result.tape().keep(state);
  return std::move(result).record([&](Slot first) {
    return [state = static_cast<const State*>(state.get()), first, n = values.size()](BasicSweep<Real>& sweep) {
      for (std::size_t k = 0; k < state->parts.size(); ++k) {
        const auto& [to, size] = state->parts[k];
        state->gradients[k] = to ? std::span<Real>(sweep.sum(to), size) : std::span<Real>();
      }
      state->pullback(std::span<const Real>(sweep.adjoint(first), n), std::span<const std::span<Real>>(state->gradients));
    };
  });
}
template <class Pullback>
[[nodiscard]] BasicTensor<double> custom(const Shape& shape, std::span<const double> values, std::initializer_list<const BasicTensor<double>*> operands, Pullback pullback) {
  return custom<double>(shape, values, std::span(operands.begin(), operands.size()), std::move(pullback));
}

/// An operation of your own on vectors, with its value and its pullback by hand. Call it with vectors of any number: `prelu(x, slope)`.
/// Unlike `custom`, it can be evaluated again elsewhere, so that `check` and `check_tape` can tell whether its pullback is right.
struct VectorOp {
  using Values = std::vector<double>;
  using View = std::span<const double>;

  std::string name;
  std::vector<std::string> operands;                                          ///< their names, for messages
  std::function<Values(std::span<const View> x)> value;                       ///< x: the operands' values
  /// *Adds* to gradients[k], as long as operand k, its part of the upstream adjoint.
  std::function<void(std::span<const View> x, View upstream, std::span<const std::span<double>> gradients)> pullback;

  template <class A> [[nodiscard]] auto operator()(const A& a, Here here = Here()) const { return call(here, a); }
  template <class A, class B> [[nodiscard]] auto operator()(const A& a, const B& b, Here here = Here()) const { return call(here, a, b); }
  template <class A, class B, class C> [[nodiscard]] auto operator()(const A& a, const B& b, const C& c, Here here = Here()) const { return call(here, a, b, c); }

  /// The gradient with respect to all operands, one after the other.
  [[nodiscard]] Values gradient(View x, std::span<const std::size_t> sizes, View upstream) const;

 private:
  template <class... A> auto call(Here here, const A&... a) const {
    using T = typename std::common_type_t<std::type_identity<typename A::value_type>...>::type;
    const std::vector<T> operands_of[] = {std::vector<T>(a.begin(), a.end())...};
    return run(*this, here, std::span<const std::vector<T>>(operands_of));
  }
};
/// The parts of x, by their sizes.
[[nodiscard]] std::vector<std::span<const double>> split(std::span<const double> x, std::span<const std::size_t> sizes);

// What VectorOp does with each kind of number.
std::vector<double> run(const VectorOp& op, Here here, std::span<const std::vector<double>> operands);
std::vector<BasicVar<double>> run(const VectorOp& op, Here here, std::span<const std::vector<BasicVar<double>>> operands);
/// Forward mode has no rule to use: the tangents are NaN.
std::vector<Dual<double>> run(const VectorOp& op, Here here, std::span<const std::vector<Dual<double>>> operands);
/// Nor have second derivatives: they are NaN.
std::vector<BasicVar<Dual<double>>> run(const VectorOp& op, Here here, std::span<const std::vector<BasicVar<Dual<double>>>> operands);

}  // namespace gradus
