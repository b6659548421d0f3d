// The kernel behind matmul, linear and maxout: c = a·b + bias for matrices of any strides.
#pragma once

#include <cstddef>

#include <autodiff/adjoints.hpp>
#include <autodiff/dual.hpp>

namespace gradus {

/// A matrix in borrowed memory: element (i, j) is at data[i·row_step + j·column_step].
template <class Real> struct MatrixView {
  const Real* data;
  std::size_t rows, columns, row_step, column_step;
  /// Row-major, without gaps.
  MatrixView(const Real* d, std::size_t r, std::size_t c) : MatrixView(d, r, c, c, 1) {}
  MatrixView(const Real* d, std::size_t r, std::size_t c, std::size_t rs, std::size_t cs) : data(d), rows(r), columns(c), row_step(rs), column_step(cs) {}
  [[nodiscard]] const Real& operator()(std::size_t i, std::size_t j) const { return data[i * row_step + j * column_step]; }
  [[nodiscard]] MatrixView transposed() const { return {data, columns, rows, column_step, row_step}; }
};

/// Which factor's exact zeros make a product 0 even against an infinity or NaN: the one that holds adjoints.
enum class Annihilates : unsigned char { neither, left, right };

/// c = a·b + bias, row-major; bias has one element a column, or is null. Summed in blocks, so that the error stays small however many terms there
/// are. Entries near either end of the range of Real, infinite or NaN, are formed again in Wider<Real>.
template <class Real> void multiply(const MatrixView<Real>& a, const MatrixView<Real>& b, const Real* bias, Real* c, Annihilates zeros = Annihilates::neither);

/// Contributes a·b, where one factor holds adjoints.
template <class Real> void put_product(const MatrixView<Real>& a, const MatrixView<Real>& b, const Target<Real>& target, Annihilates zeros);

}  // namespace gradus
