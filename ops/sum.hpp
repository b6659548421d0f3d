// The sum of an array.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// The sum of all elements: a scalar. 0 if there are none.
template <class Real> [[nodiscard]] BasicTensor<Real> sum(const BasicTensor<Real>& x);
/// The sums along one axis, which disappears. Throws ShapeError when there is no such axis.
template <class Real> [[nodiscard]] BasicTensor<Real> sum(const BasicTensor<Real>& x, int axis);

/// sum, by name. Attribute axis: an axis, or "all" (the default).
struct Sum {
  static constexpr ArrayOpInfo info{
      .name = "sum", .summary = "sum of all elements or along an axis", .operands = {"x"}, .formula = "sum_k x_k", .derivative = "1",
      .rule = "compensated in independent lanes: 1e5 terms cost no more than one rounding; repeated in a wider range if it overflows on the way",
      .value_ulps = 1, .derivative_ulps = 0,
      .cases = {{"normal", {"3x4"}, {Fill::normal}, "axis=all"}, {"first axis", {"3x4"}, {Fill::normal}, "axis=0"}, {"last axis", {"3x4"}, {Fill::normal}, "axis=-1"},
                {"middle axis", {"2x3x4"}, {Fill::normal}, "axis=1"}, {"scattered", {"12"}, {Fill::scattered}, "axis=all"}, {"wide", {"2x5"}, {Fill::wide}, "axis=1"},
                {"size-1 axis", {"4x1"}, {Fill::normal}, "axis=1"}, {"scalar", {"scalar"}, {Fill::normal}, "axis=all"}},
      .source = "Neumaier, ZAMM 54 (1974)"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
