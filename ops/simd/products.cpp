// Kernels of matrix products: tiles in registers; Eigen's for a matrix and a vector, in chains of terms that are short enough for the accuracy claims.
#define EIGEN_NO_IO
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

#include <autodiff/simd/pack.hpp>
#include <ops/simd/array_tables.hpp>
#include <ops/simd/linear_residuals.hpp>
#include <ops/simd/product_tiles.hpp>
#include <ops/simd/thin_products.hpp>

namespace gradus {
namespace {

using gradus_kernels::Matrix;
using Index = Eigen::Index;

/// c += a·x for a vector x.
template <class Real> void multiply_vector(const Matrix<Real>& a, const Real* x, std::size_t step, Real* c) {
  if (a.by_rows && ThinProducts<Real>::fits(a.columns)) return ThinProducts<Real>::times(a.data, a.stride, a.rows, a.columns, x, c);
  if (a.by_rows && a.rows <= ThinProducts<Real>::few) return ThinProducts<Real>::times_few(a.data, a.stride, a.rows, a.columns, x, c);
  if (!a.by_rows && a.columns <= ThinProducts<Real>::few) return ThinProducts<Real>::combine_few(a.data, a.stride, a.columns, a.rows, x, step, c);
  if (!a.by_rows && ThinProducts<Real>::fits(a.rows)) return ThinProducts<Real>::combine(a.data, a.stride, a.columns, a.rows, x, step, c);
  using Eigen::internal::const_blas_data_mapper;
  const auto rows = static_cast<Index>(a.rows), terms = static_cast<Index>(a.columns), stride = static_cast<Index>(a.stride), x_step = static_cast<Index>(step);
  constexpr auto chain = static_cast<Index>(gradus_kernels::Products<Real>::chain);
  if (a.by_rows) {
    using Left = const_blas_data_mapper<Real, Index, Eigen::RowMajor>;
    using Right = const_blas_data_mapper<Real, Index, Eigen::ColMajor>;
    constexpr Index long_chain = chain * Register<Real>::lanes;  // as many chains side by side as there are lanes
    for (Index k = 0; k < terms; k += long_chain)
      Eigen::internal::general_matrix_vector_product<Index, Real, Left, Eigen::RowMajor, false, Real, Right, false>::run(
          rows, terms - k < long_chain ? terms - k : long_chain, Left(a.data + k, stride), Right(x + k, 1), c, 1, Real(1));
  } else {
    using Left = const_blas_data_mapper<Real, Index, Eigen::ColMajor>;
    using Right = const_blas_data_mapper<Real, Index, Eigen::RowMajor>;
    for (Index k = 0; k < terms; k += chain)
      Eigen::internal::general_matrix_vector_product<Index, Real, Left, Eigen::ColMajor, false, Real, Right, false>::run(
          rows, terms - k < chain ? terms - k : chain, Left(a.data + k * stride, stride), Right(x + k * x_step, x_step), c, 1, Real(1));
  }
}

/// c += a·b where packing would cost more than the product: a row of c at a time.
template <class Real> void multiply_small(const Matrix<Real>& a, const Matrix<Real>& b, Real* c) {
  using X = Pack<Real, Register<Real>::lanes>;
  constexpr std::size_t chain = gradus_kernels::Products<Real>::chain;
  const std::size_t a_row = a.by_rows ? a.stride : 1, a_column = a.by_rows ? 1 : a.stride, m = b.columns;
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t from = 0; from < a.columns; from += chain) {
      const std::size_t end = from + chain < a.columns ? from + chain : a.columns;
      std::size_t j = 0;
      if (b.by_rows)
        for (; j + X::lanes <= m; j += X::lanes) {
          X sum(0.0);
          for (std::size_t k = from; k < end; ++k) sum = multiply_add(X(a.data[i * a_row + k * a_column]), X::load(b.data + k * b.stride + j), sum);
          (X::load(c + i * m + j) + sum).store(c + i * m + j);
        }
      const std::size_t b_row = b.by_rows ? b.stride : 1, b_column = b.by_rows ? 1 : b.stride;
      for (; j < m; ++j) {
        Real sum = 0;
        for (std::size_t k = from; k < end; ++k) sum += a.data[i * a_row + k * a_column] * b.data[k * b_row + j * b_column];
        c[i * m + j] += sum;
      }
    }
}

template <class Real> Matrix<Real> transposed(const Matrix<Real>& x) { return {x.data, x.columns, x.rows, x.stride, !x.by_rows}; }

constexpr std::size_t small = 1024;  // multiplications

template <class Real> bool is_small(std::size_t rows, std::size_t terms, std::size_t columns) {
  return rows == 1 || columns == 1 || rows * terms * columns <= small;
}
template <class Real> std::size_t workspace(std::size_t rows, std::size_t terms, std::size_t columns) {
  return is_small<Real>(rows, terms, columns) ? 0 : TiledProduct<Real>::workspace(terms, columns);
}

/// c += a·b for a small product.
template <class Real> void add_small(const Matrix<Real>& a, const Matrix<Real>& b, Real* c) {
  if (a.rows * a.columns * b.columns <= small) return multiply_small(a, b, c);
  // A row-major matrix times a column needs it contiguous; otherwise the columns are added up.
  if (b.columns == 1 && (!b.by_rows || b.stride == 1 || !a.by_rows)) return multiply_vector(a, b.data, b.by_rows ? b.stride : 1, c);
  if (a.rows == 1 && (a.by_rows || a.stride == 1 || b.by_rows)) return multiply_vector(transposed(b), a.data, a.by_rows ? 1 : a.stride, c);
  multiply_small(a, b, c);
}

/// By the bits as unsigned numbers, twice the number without its sign: the largest, and the smallest but 0.
template <class Real> bool is_ordinary(const Real* x, std::size_t n) {
  using Bits = std::conditional_t<std::is_same_v<Real, double>, std::uint64_t, std::uint32_t>;
  constexpr int digits = std::is_same_v<Real, double> ? 53 : 24;
  constexpr Bits least = Bits{std::is_same_v<Real, double> ? 64 : 16} << digits, end = least + (Bits{std::is_same_v<Real, double> ? 1920 : 224} << digits);
  Bits most = 0, fewest = static_cast<Bits>(-1);
  for (std::size_t i = 0; i < n; ++i) {
    const auto bits = static_cast<Bits>(std::bit_cast<Bits>(x[i]) << 1);
    const auto less = static_cast<Bits>(bits - 1);  // 0 becomes the largest
    most = most < bits ? bits : most;
    fewest = less < fewest ? less : fewest;
  }
  return most < end && fewest >= static_cast<Bits>(least - 1);
}

template <class Real> bool multiply(const Matrix<Real>& a, const Matrix<Real>& b, const Real* bias, Real* c, Real* room) {
  if (a.columns != 0 && !is_small<Real>(a.rows, a.columns, b.columns))
    return TiledProduct<Real>::multiply(a, b, bias, c, room) || is_ordinary(c, a.rows * b.columns);
  if (bias == nullptr) __builtin_memset(c, 0, a.rows * b.columns * sizeof(Real));
  else
    for (std::size_t i = 0; i < a.rows; ++i) __builtin_memcpy(c + i * b.columns, bias, b.columns * sizeof(Real));
  if (a.rows != 0 && a.columns != 0 && b.columns != 0) add_small(a, b, c);
  return is_ordinary(c, a.rows * b.columns);
}

template <class Real> constexpr gradus_kernels::Products<Real> table{&workspace<Real>, &multiply<Real>, &is_ordinary<Real>, &LinearResiduals<Real>::take, &LinearResiduals<Real>::fits};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const ProductTables products{gradus::table<float>, gradus::table<double>};
}
