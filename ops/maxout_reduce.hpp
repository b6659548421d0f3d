// Maxout over pieces that have been computed already.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// The largest piece along an axis, which disappears; NaN if one is. The adjoint goes to the first of equal pieces.
/// Throws ShapeError when there is no such axis, or nothing along it.
template <class Real> [[nodiscard]] BasicTensor<Real> maxout_reduce(const BasicTensor<Real>& x, int axis = -1);

/// maxout_reduce, by name. Attributes axis (default -1) and k, the number of pieces, which must be the extent of the axis.
struct MaxoutReduce {
  static constexpr ArrayOpInfo info{
      .name = "maxout_reduce", .summary = "largest piece along an axis", .operands = {"x"}, .formula = "max_k x_k", .derivative = "1 for the largest piece, else 0",
      .parameters = {{.name = "axis", .value = -1, .meaning = "the axis of the pieces"}},
      .convention = "the first of equal pieces has the whole adjoint (PyTorch's max(dim)); the first NaN wins", .value_ulps = 0, .derivative_ulps = 0,
      .cases = {{"normal", {"4x5"}, {Fill::normal}}, {"3 axes", {"2x3x4"}, {Fill::normal}}, {"first axis", {"4x3"}, {Fill::normal}, "axis=0"},
                {"ties", {"5x4"}, {Fill::ties}}, {"pairs with ties", {"6x2"}, {Fill::ties}}, {"scattered", {"4x4"}, {Fill::scattered}}, {"one piece", {"4x1"}, {Fill::normal}}},
      .source = "Goodfellow et al., ICML 2013"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
