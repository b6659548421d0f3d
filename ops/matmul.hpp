// The matrix product.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// a[n,k]·b[k,m], a matrix n x m. A vector a[k] counts as one row and a vector b[k] as one column; the result then lacks that axis.
/// Throws ShapeError when the inner sizes differ or an operand is neither vector nor matrix.
template <class Real> [[nodiscard]] BasicTensor<Real> matmul(const BasicTensor<Real>& a, const BasicTensor<Real>& b);

/// matmul, by name.
struct Matmul {
  static constexpr ArrayOpInfo info{
      .name = "matmul", .summary = "matrix product", .operands = {"a", "b"}, .formula = "c_ij = sum_k a_ik b_kj", .derivative = "g bT for a; aT g for b",
      .rule = "summed in blocks of 64 terms; entries that overflow or underflow on the way are formed again in a wider range",
      .value_ulps = 12, .derivative_ulps = 12,  // 8.5 were seen, of 63 terms of very different sizes
      .cases = {{"normal", {"3x4", "4x2"}, {Fill::normal, Fill::normal}}, {"square", {"3x3", "3x3"}, {Fill::normal, Fill::normal}},
                {"one term", {"3x1", "1x4"}, {Fill::normal, Fill::normal}}, {"one row", {"1x5", "5x3"}, {Fill::normal, Fill::normal}},
                {"one column", {"3x5", "5x1"}, {Fill::normal, Fill::normal}}, {"one element", {"1x1", "1x1"}, {Fill::normal, Fill::normal}},
                {"scattered", {"3x4", "4x2"}, {Fill::scattered, Fill::scattered}}, {"many terms", {"1x12", "12x1"}, {Fill::normal, Fill::normal}},
                {"vector times matrix", {"4", "4x3"}, {Fill::normal, Fill::normal}}, {"matrix times vector", {"3x4", "4"}, {Fill::normal, Fill::normal}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
