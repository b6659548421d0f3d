// Softmax along an axis.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// exp(x_i) / sum_k exp(x_k) along an axis: positive numbers that sum to 1. Entries of -inf get 0; NaN if the largest entry is infinite or NaN.
/// Throws ShapeError when there is no such axis.
template <class Real> [[nodiscard]] BasicTensor<Real> softmax(const BasicTensor<Real>& x, int axis = -1);

/// softmax, by name. Attribute axis (default -1).
struct Softmax {
  static constexpr ArrayOpInfo info{
      .name = "softmax", .summary = "exponentials normalised along an axis", .operands = {"x"}, .formula = "s_i = exp(x_i) / sum_k exp(x_k)",
      .derivative = "s_i (g_i - sum_k s_k g_k)",
      .rule = "s_i ((g_i - r) + sum_k s_k (r - g_k)) with r = g of the largest entry if that has half the weight, else the mean of g: "
              "s_i (1 - s_i) loses every digit when s_i -> 1",
      .parameters = {{.name = "axis", .value = -1, .meaning = "the axis that sums to 1"}},
      .cases = {{"normal", {"3x5"}, {Fill::normal}}, {"first axis", {"4x3"}, {Fill::normal}, "axis=0"}, {"middle axis", {"2x3x4"}, {Fill::normal}, "axis=1"},
                {"wide", {"3x4"}, {Fill::wide}}, {"saturated", {"4x4"}, {Fill::saturated}}, {"saturated, first axis", {"4x2"}, {Fill::saturated}, "axis=0"},
                {"ties", {"3x4"}, {Fill::ties}}, {"two classes", {"4x2"}, {Fill::normal}}, {"one class", {"3x1"}, {Fill::normal}}, {"vector", {"7"}, {Fill::normal}}},
      .source = "Bridle, NIPS 1990"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
