// The cross-entropy between given probabilities and labels.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// -sum_k y_k log(s_k) over the last axis, which disappears, with 0 log 0 = 0. Both operands have gradients, -y/s and -log s.
/// Where y_k = s_k = 0 that of s_k is 0 and that of y_k infinite. Throws ShapeError unless both have the same shape of at least one axis.
template <class Real> [[nodiscard]] BasicTensor<Real> cross_entropy(const BasicTensor<Real>& s, const BasicTensor<Real>& y);

/// cross_entropy, by name.
struct CrossEntropy {
  static constexpr ArrayOpInfo info{
      .name = "cross_entropy", .summary = "cross-entropy of probabilities and labels", .operands = {"s", "y"}, .formula = "-sum_k y_k log(s_k)",
      .derivative = "-y_k / s_k for s; -log(s_k) for y", .domain = "s > 0, or s = 0 where y = 0", .convention = "0 log 0 = 0, with gradient 0 for s",
      .cases = {{"one-hot", {"3x4", "3x4"}, {Fill::simplex, Fill::one_hot}}, {"soft", {"3x4", "3x4"}, {Fill::simplex, Fill::simplex}},
                {"unnormalised", {"3x4", "3x4"}, {Fill::positive, Fill::unnormalised}}, {"any labels", {"2x5", "2x5"}, {Fill::positive, Fill::normal}},
                {"scattered labels", {"3x3", "3x3"}, {Fill::positive, Fill::scattered}}, {"one class", {"3x1", "3x1"}, {Fill::positive, Fill::positive}},
                {"3 axes", {"2x2x3", "2x2x3"}, {Fill::simplex, Fill::simplex}}, {"vector", {"5", "5"}, {Fill::simplex, Fill::simplex}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
