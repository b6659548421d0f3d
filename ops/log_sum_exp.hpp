// The logarithm of a sum of exponentials: a smooth maximum.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// log sum_k exp(x_k) along an axis, which disappears. -inf where there is nothing along it; infinite or NaN where the largest entry is.
/// Throws ShapeError when there is no such axis.
template <class Real> [[nodiscard]] BasicTensor<Real> log_sum_exp(const BasicTensor<Real>& x, int axis = -1);

/// log_sum_exp, by name. Attribute axis (default -1).
struct LogSumExp {
  static constexpr ArrayOpInfo info{
      .name = "log_sum_exp", .summary = "smooth maximum along an axis", .operands = {"x"}, .formula = "log(sum_k exp(x_k))", .derivative = "s_i, the softmax",
      .rule = "x_m + log1p(sum over k != m of exp(x_k - x_m)), m the largest", .parameters = {{.name = "axis", .value = -1, .meaning = "the axis that disappears"}},
      .cases = {{"normal", {"3x5"}, {Fill::normal}}, {"first axis", {"4x3"}, {Fill::normal}, "axis=0"}, {"middle axis", {"2x3x4"}, {Fill::normal}, "axis=1"},
                {"wide", {"3x4"}, {Fill::wide}}, {"saturated", {"4x4"}, {Fill::saturated}}, {"ties", {"3x4"}, {Fill::ties}}, {"one class", {"3x1"}, {Fill::normal}},
                {"vector", {"7"}, {Fill::normal}}},
      .source = "Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021)"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
