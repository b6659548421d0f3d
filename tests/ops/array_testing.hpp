// What the tests of array ops share: the value of an op and the gradients of its operands in one call.
#pragma once

#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <ops/array_ops.hpp>

namespace gradus::testing {

using Numbers = std::vector<double>;
inline constexpr double inf = std::numeric_limits<double>::infinity(), undefined = std::numeric_limits<double>::quiet_NaN();

struct Outcome {
  Numbers value;
  std::vector<Numbers> gradients;
};

/// The value of f and the gradients of all operands, for given adjoints of the value (1 if none are given).
template <class F> Outcome evaluate(F&& f, const std::vector<std::pair<Shape, Numbers>>& operands, Numbers up = {}) {
  Tape tape;
  const Recording recording(tape);
  std::vector<Tensor> x;
  for (const auto& [shape, values] : operands) x.push_back(Tensor::input(shape, values));
  const Tensor y = f(x);
  if (up.empty()) up.assign(y.size(), 1.0);
  Adjoints adjoints;
  tape.sweep({Seed<double>(y, std::span<const double>(up))}, adjoints);
  Outcome outcome{{y.values().begin(), y.values().end()}, {}};
  for (const Tensor& t : x) outcome.gradients.emplace_back(adjoints[t].begin(), adjoints[t].end());
  return outcome;
}

}  // namespace gradus::testing
