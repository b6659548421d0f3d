// The inner product of two arrays.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// sum_k a_k b_k, a scalar. Throws ShapeError unless the shapes are the same.
template <class Real> [[nodiscard]] BasicTensor<Real> dot(const BasicTensor<Real>& a, const BasicTensor<Real>& b);

/// dot, by name.
struct Dot {
  static constexpr ArrayOpInfo info{
      .name = "dot", .summary = "inner product", .operands = {"a", "b"}, .formula = "sum_k a_k b_k", .derivative = "b for a; a for b",
      .rule = "a compensated sum of rounded products", .value_ulps = 2, .derivative_ulps = 1,
      .cases = {{"normal", {"7", "7"}, {Fill::normal, Fill::normal}}, {"matrices", {"2x3", "2x3"}, {Fill::normal, Fill::normal}},
                {"scattered", {"8", "8"}, {Fill::scattered, Fill::scattered}}, {"wide", {"6", "6"}, {Fill::wide, Fill::normal}},
                {"one element", {"1", "1"}, {Fill::normal, Fill::normal}}, {"scalars", {"scalar", "scalar"}, {Fill::normal, Fill::normal}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
