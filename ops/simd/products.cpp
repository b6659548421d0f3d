// Kernels of matrix products: Eigen's, with its blocks in our memory and chains of terms that are short enough for the accuracy claims.
#define EIGEN_NO_IO
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

#include <autodiff/simd/pack.hpp>
#include <ops/simd/array_tables.hpp>
#include <ops/simd/thin_products.hpp>

namespace gradus {
namespace {

using gradus_kernels::Matrix;
using Index = Eigen::Index;

constexpr Index most_rows = 512, most_columns = 1024;  // of a packed block: 256 and 512 KiB of doubles

/// Eigen would choose longer chains (an error of 13 ulps at 256 equal terms), and allocate.
template <class Real> struct Blocks : Eigen::internal::level3_blocking<Real, Real> {
  static constexpr Index chain = static_cast<Index>(gradus_kernels::Products<Real>::chain);
  Blocks(Index rows, Index terms, Index columns, Real* workspace) {
    this->m_kc = terms < chain ? terms : chain;
    this->m_mc = rows < most_rows ? rows : most_rows;
    this->m_nc = columns < most_columns ? columns : most_columns;
    this->m_blockA = workspace;
    this->m_blockB = workspace + size_a();
  }
  [[nodiscard]] Index size_a() const { return (this->m_kc * this->m_mc + 15) / 16 * 16; }
  [[nodiscard]] Index size() const { return size_a() + this->m_kc * this->m_nc; }
};

constexpr int order(bool by_rows) { return by_rows ? static_cast<int>(Eigen::RowMajor) : static_cast<int>(Eigen::ColMajor); }

template <class Real, bool a_by_rows, bool b_by_rows> void multiply(const Matrix<Real>& a, const Matrix<Real>& b, Real* c, Real* workspace) {
  // Eigen's columns come first: c is its transpose.
  const auto rows = static_cast<Index>(b.columns), terms = static_cast<Index>(a.columns), columns = static_cast<Index>(a.rows);
  Blocks<Real> blocks(rows, terms, columns, workspace);
  Eigen::internal::general_matrix_matrix_product<Index, Real, order(!b_by_rows), false, Real, order(!a_by_rows), false, Eigen::ColMajor, 1>::run(
      rows, columns, terms, b.data, static_cast<Index>(b.stride), a.data, static_cast<Index>(a.stride), c, 1, rows, Real(1), blocks, nullptr);
}

/// Eigen's kernel works on three registers of rows at a time: for a narrow c these must be rows of c, which is therefore made column by column.
template <class Real> bool is_narrow(std::size_t rows, std::size_t columns) { return columns < 3 * static_cast<std::size_t>(Register<Real>::lanes) && rows > columns; }
template <class Real> std::size_t transposed_size(std::size_t rows, std::size_t columns) { return (rows * columns + 15) / 16 * 16; }
template <class Real, bool a_by_rows, bool b_by_rows> void multiply_narrow(const Matrix<Real>& a, const Matrix<Real>& b, Real* c, Real* workspace) {
  const auto rows = static_cast<Index>(a.rows), terms = static_cast<Index>(a.columns), columns = static_cast<Index>(b.columns);
  const std::size_t n = a.rows, m = b.columns;
  Blocks<Real> blocks(rows, terms, columns, workspace + transposed_size<Real>(n, m));
  __builtin_memset(workspace, 0, n * m * sizeof(Real));
  Eigen::internal::general_matrix_matrix_product<Index, Real, order(a_by_rows), false, Real, order(b_by_rows), false, Eigen::ColMajor, 1>::run(
      rows, columns, terms, a.data, static_cast<Index>(a.stride), b.data, static_cast<Index>(b.stride), workspace, 1, rows, Real(1), blocks, nullptr);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) c[i * m + j] += workspace[j * n + i];
}

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

template <class Real> std::size_t workspace(std::size_t rows, std::size_t terms, std::size_t columns) {
  if (rows == 1 || columns == 1 || rows * terms * columns <= small) return 0;
  if (is_narrow<Real>(rows, columns))
    return transposed_size<Real>(rows, columns) +
           static_cast<std::size_t>(Blocks<Real>(static_cast<Index>(rows), static_cast<Index>(terms), static_cast<Index>(columns), nullptr).size());
  return static_cast<std::size_t>(Blocks<Real>(static_cast<Index>(columns), static_cast<Index>(terms), static_cast<Index>(rows), nullptr).size());
}

template <class Real> void add(const Matrix<Real>& a, const Matrix<Real>& b, Real* c, Real* room) {
  if (a.rows == 0 || a.columns == 0 || b.columns == 0) return;
  if (a.rows * a.columns * b.columns <= small) return multiply_small(a, b, c);
  // A row-major matrix times a column needs it contiguous; otherwise the columns are added up.
  if (b.columns == 1 && (!b.by_rows || b.stride == 1 || !a.by_rows)) return multiply_vector(a, b.data, b.by_rows ? b.stride : 1, c);
  if (a.rows == 1 && (a.by_rows || a.stride == 1 || b.by_rows)) return multiply_vector(transposed(b), a.data, a.by_rows ? 1 : a.stride, c);
  if (a.rows == 1 || b.columns == 1) return multiply_small(a, b, c);
  const auto with_orders = [&](auto call) {
    if (a.by_rows) return b.by_rows ? call.template operator()<true, true>() : call.template operator()<true, false>();
    return b.by_rows ? call.template operator()<false, true>() : call.template operator()<false, false>();
  };
  if (is_narrow<Real>(a.rows, b.columns)) return with_orders([&]<bool a_by_rows, bool b_by_rows>() { multiply_narrow<Real, a_by_rows, b_by_rows>(a, b, c, room); });
  with_orders([&]<bool a_by_rows, bool b_by_rows>() { multiply<Real, a_by_rows, b_by_rows>(a, b, c, room); });
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

template <class Real> constexpr gradus_kernels::Products<Real> table{&workspace<Real>, &add<Real>, &is_ordinary<Real>};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const ProductTables products{gradus::table<float>, gradus::table<double>};
}
