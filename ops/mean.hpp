// The mean of an array.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// The mean of all elements: a scalar. NaN if there are none.
template <class Real> [[nodiscard]] BasicTensor<Real> mean(const BasicTensor<Real>& x);
/// The means along one axis, which disappears. Throws ShapeError when there is no such axis.
template <class Real> [[nodiscard]] BasicTensor<Real> mean(const BasicTensor<Real>& x, int axis);

/// mean, by name. Attribute axis: an axis, or "all" (the default).
struct Mean {
  static constexpr ArrayOpInfo info{
      .name = "mean", .summary = "mean of all elements or along an axis", .operands = {"x"}, .formula = "sum_k x_k / n", .derivative = "1/n",
      .rule = "a compensated sum divided once; the adjoint is divided by n, not multiplied by a rounded 1/n", .value_ulps = 1, .derivative_ulps = 1,
      .cases = {{"normal", {"3x4"}, {Fill::normal}, "axis=all"}, {"first axis", {"3x4"}, {Fill::normal}, "axis=0"}, {"last axis", {"3x5"}, {Fill::normal}, "axis=-1"},
                {"middle axis", {"2x3x4"}, {Fill::normal}, "axis=1"}, {"scattered", {"11"}, {Fill::scattered}, "axis=all"}, {"wide", {"2x5"}, {Fill::wide}, "axis=1"},
                {"size-1 axis", {"4x1"}, {Fill::normal}, "axis=1"}, {"scalar", {"scalar"}, {Fill::normal}, "axis=all"}},
      .source = "Neumaier, ZAMM 54 (1974)"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
