// The maxout layer: the largest of several linear pieces.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// y[n,j] = max_p (sum_i x[n,i] w[i,j,p] + b[j,p]). The adjoint goes to the first of equal pieces; the first NaN wins.
/// Throws ShapeError when the sizes do not fit or there are no pieces.
template <class Real> [[nodiscard]] BasicTensor<Real> maxout(const BasicTensor<Real>& x, const BasicTensor<Real>& w, const BasicTensor<Real>& b);

/// maxout, by name. Attributes: k, the number of pieces, which must be the last extent of W; W_layout [in,out,k] and b_layout [out,k], the only ones known.
struct Maxout {
  static constexpr ArrayOpInfo info{
      .name = "maxout", .summary = "largest of several linear pieces", .operands = {"x", "W", "b"}, .formula = "y_nj = max_p (sum_i x_ni W_ijp + b_jp)",
      .derivative = "that of the largest piece", .rule = "a matrix product over all pieces; in the pullback every other piece has the adjoint 0",
      .convention = "the first of equal pieces has the whole adjoint (PyTorch's max(dim)); the first NaN wins",
      .value_ulps = 12, .derivative_ulps = 12,
      .cases = {{"normal", {"4x2", "2x2x3", "2x3"}, {Fill::normal, Fill::normal, Fill::normal}}, {"one input", {"6x1", "1x1x5", "1x5"}, {Fill::normal, Fill::normal, Fill::normal}},
                {"pairs", {"3x3", "3x2x2", "2x2"}, {Fill::normal, Fill::normal, Fill::normal}}, {"one piece", {"3x2", "2x3x1", "3x1"}, {Fill::normal, Fill::normal, Fill::normal}},
                {"ties", {"4x2", "2x2x3", "2x3"}, {Fill::ties, Fill::ties, Fill::ties}}, {"scattered", {"3x2", "2x2x3", "2x3"}, {Fill::scattered, Fill::scattered, Fill::scattered}}},
      .source = "Goodfellow et al., ICML 2013"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
