// The largest element of an array.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// The largest of all elements: a scalar; NaN if one is. The adjoint goes to the first of equal ones. Throws ShapeError if there are none.
template <class Real> [[nodiscard]] BasicTensor<Real> reduce_max(const BasicTensor<Real>& x);
/// The largest elements along one axis, which disappears. Throws ShapeError when there is no such axis, or nothing along it.
/// (Not called max: max(t, 1) is the elementwise maximum of t and 1.)
template <class Real> [[nodiscard]] BasicTensor<Real> reduce_max(const BasicTensor<Real>& x, int axis);

/// reduce_max, by name. Attribute axis: an axis, or "all" (the default).
struct ReduceMax {
  static constexpr ArrayOpInfo info{
      .name = "reduce_max", .summary = "largest of all elements or along an axis", .operands = {"x"}, .formula = "max_k x_k", .derivative = "1 for the largest, else 0",
      .convention = "the first of equal elements has the whole adjoint (PyTorch's max(dim)); the first NaN wins",
                               .value_ulps = 0, .derivative_ulps = 0,
      .cases = {{"normal", {"3x4"}, {Fill::normal}, "axis=all"}, {"first axis", {"3x4"}, {Fill::normal}, "axis=0"}, {"last axis", {"3x4"}, {Fill::normal}, "axis=-1"},
                {"middle axis", {"2x3x4"}, {Fill::normal}, "axis=1"}, {"ties", {"4x4"}, {Fill::ties}, "axis=1"}, {"scattered", {"3x4"}, {Fill::scattered}, "axis=1"},
                {"size-1 axis", {"4x1"}, {Fill::normal}, "axis=1"}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
