// A linear layer: matrix product and bias in one operation.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// a[n,k]·b[k,m] + bias[m], the bias added to every row. A vector a[k] counts as one row; the result is then a vector.
/// Throws ShapeError when the sizes do not fit.
template <class Real> [[nodiscard]] BasicTensor<Real> linear(const BasicTensor<Real>& a, const BasicTensor<Real>& b, const BasicTensor<Real>& bias);

/// linear, by name.
struct Linear {
  static constexpr ArrayOpInfo info{
      .name = "linear", .summary = "matrix product plus a bias for every column", .operands = {"a", "b", "bias"}, .formula = "c_ij = sum_k a_ik b_kj + bias_j",
      .derivative = "g bT for a; aT g for b; column sums of g for bias",
      .rule = "as matmul; the bias is one more term of the sum, its gradient a compensated sum", .value_ulps = 12, .derivative_ulps = 12,
      .cases = {{"normal", {"3x4", "4x2", "2"}, {Fill::normal, Fill::normal, Fill::normal}}, {"one row", {"1x5", "5x3", "3"}, {Fill::normal, Fill::normal, Fill::normal}},
                {"one column", {"4x3", "3x1", "1"}, {Fill::normal, Fill::normal, Fill::normal}}, {"one element", {"1x1", "1x1", "1"}, {Fill::normal, Fill::normal, Fill::normal}},
                {"scattered", {"3x4", "4x2", "2"}, {Fill::scattered, Fill::scattered, Fill::scattered}},
                {"large bias", {"2x3", "3x3", "3"}, {Fill::normal, Fill::normal, Fill::wide}}, {"vector", {"4", "4x3", "3"}, {Fill::normal, Fill::normal, Fill::normal}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
