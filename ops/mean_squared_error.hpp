// The mean squared error of predictions.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// sum_k (p_k - t_k)^2 / n, a scalar, for predictions p and targets t. NaN if there are none. Throws ShapeError unless the shapes are the same.
template <class Real> [[nodiscard]] BasicTensor<Real> mean_squared_error(const BasicTensor<Real>& prediction, const BasicTensor<Real>& target);

/// mean_squared_error, by name.
struct MeanSquaredError {
  static constexpr ArrayOpInfo info{
      .name = "mean_squared_error", .summary = "mean of the squared differences", .operands = {"prediction", "target"},
      .formula = "sum_k (prediction_k - target_k)^2 / n", .derivative = "2 (prediction_k - target_k)/n for prediction; minus that for target",
      .rule = "differences, squares and their sum in one pass", .value_ulps = 4, .derivative_ulps = 2,
      .cases = {{"normal", {"7", "7"}, {Fill::normal, Fill::normal}}, {"matrices", {"5x7", "5x7"}, {Fill::normal, Fill::normal}},
                {"many", {"300", "300"}, {Fill::normal, Fill::normal}}, {"scattered", {"9", "9"}, {Fill::scattered, Fill::scattered}},
                {"wide", {"6", "6"}, {Fill::wide, Fill::normal}}, {"ties", {"8", "8"}, {Fill::ties, Fill::ties}},
                {"one element", {"1", "1"}, {Fill::normal, Fill::normal}}, {"scalars", {"scalar", "scalar"}, {Fill::normal, Fill::normal}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
