// Your own operation with a hand-written pullback: partials for a scalar result, a pullback over spans for an array result.
#pragma once

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
  if (!result.is_recorded()) return std::move(result).record([](Slot) { return [](Real*) {}; });
  struct Range { Slot first; std::size_t count; };
  struct State {
    Pullback pullback;
    std::vector<Range> ranges;
    mutable std::vector<std::span<Real>> gradients;
  };
  auto state = std::make_shared<State>(State{std::move(pullback), {}, std::vector<std::span<Real>>(operands.size())});
  for (const auto* operand : operands) state->ranges.push_back({operand->slot(), operand->is_constant() ? 0 : operand->size()});
  result.tape().keep(state);
  return std::move(result).record([&](Slot first) {
    return [state = static_cast<const State*>(state.get()), first, n = values.size()](Real* adjoint) {
      for (std::size_t k = 0; k < state->ranges.size(); ++k) state->gradients[k] = {adjoint + state->ranges[k].first, state->ranges[k].count};
      state->pullback(std::span<const Real>(adjoint + first, n), std::span<const std::span<Real>>(state->gradients));
    };
  });
}
template <class Pullback>
[[nodiscard]] BasicTensor<double> custom(const Shape& shape, std::span<const double> values, std::initializer_list<const BasicTensor<double>*> operands, Pullback pullback) {
  return custom<double>(shape, values, std::span(operands.begin(), operands.size()), std::move(pullback));
}

}  // namespace gradus
