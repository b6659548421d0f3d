// The kernel behind matmul, linear and maxout: packed panels and a tile of the result in registers.
#include <ops/matrix_product.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace gradus {

namespace {

constexpr std::size_t depth = 64;   // terms that are added up before they join the result: the error grows with depth + k/depth, not with k
constexpr std::size_t strip = 256;  // columns of b that are packed at a time
constexpr std::size_t tile_rows = 4;
#if defined(__AVX512F__)
constexpr std::size_t tile_bytes = 128;
#elif defined(__AVX__)
constexpr std::size_t tile_bytes = 64;
#else
constexpr std::size_t tile_bytes = 32;
#endif
template <class Real> constexpr std::size_t tile_columns = std::max<std::size_t>(2, tile_bytes / sizeof(Real));

/// to[0 … n) += x·from[0 … n·step): one row of b.
template <class Real> void add_scaled(const Real& x, const Real* from, std::size_t step, std::size_t n, Real* to) {
  if (step == 1)
    for (std::size_t j = 0; j < n; ++j) to[j] += x * from[j];
  else
    for (std::size_t j = 0; j < n; ++j) to[j] += x * from[j * step];
}

/// The product of two vectors, in lanes and blocks.
template <class Real> Real inner_product(const Real* a, std::size_t a_step, const Real* b, std::size_t b_step, std::size_t n) {
  constexpr std::size_t lanes = 8;
  Real total(0);
  for (std::size_t from = 0; from < n; from += lanes * depth) {
    const std::size_t end = std::min(n, from + lanes * depth);
    std::array<Real, lanes> lane{};
    std::size_t k = from;
    if (a_step == 1 && b_step == 1)
      for (; k + lanes <= end; k += lanes)
        for (std::size_t j = 0; j < lanes; ++j) lane[j] += a[k + j] * b[k + j];
    for (; k < end; ++k) lane[k % lanes] += a[k * a_step] * b[k * b_step];
    total += ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
  return total;
}

/// c += a·b without packing: for few rows.
template <class Real> void multiply_rows(const MatrixView<Real>& a, const MatrixView<Real>& b, Real* c) {
  if (b.row_step == 1 && b.column_step != 1) {  // the columns of b are contiguous
    for (std::size_t i = 0; i < a.rows; ++i)
      for (std::size_t j = 0; j < b.columns; ++j)
        c[i * b.columns + j] += inner_product(a.data + i * a.row_step, a.column_step, b.data + j * b.column_step, b.row_step, a.columns);
    return;
  }
  constexpr std::size_t width = 64;
  std::array<Real, width> sums;
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < b.columns; j += width) {
      const std::size_t n = std::min(width, b.columns - j);
      for (std::size_t from = 0; from < a.columns; from += depth) {
        std::fill_n(sums.begin(), n, Real(0));
        for (std::size_t k = from; k < std::min(a.columns, from + depth); ++k)
          add_scaled(a(i, k), b.data + k * b.row_step + j * b.column_step, b.column_step, n, sums.data());
        for (std::size_t l = 0; l < n; ++l) c[i * b.columns + j + l] += sums[l];
      }
    }
}

/// Copies `count` lanes over `terms` steps into panel[step·width + lane], the missing lanes as 0.
template <class Real, class At> void pack(Real* panel, std::size_t terms, std::size_t count, std::size_t width, At&& at) {
  for (std::size_t k = 0; k < terms; ++k)
    for (std::size_t l = 0; l < width; ++l) panel[k * width + l] = l < count ? at(k, l) : Real(0);
}

/// c[rows × columns] += left·right for packed panels of `terms` terms.
template <class Real> void multiply_tile(const Real* left, const Real* right, std::size_t terms, Real* c, std::size_t c_step, std::size_t rows, std::size_t columns) {
  constexpr std::size_t width = tile_columns<Real>;
  Real tile[tile_rows][width] = {};
  for (std::size_t k = 0; k < terms; ++k, left += tile_rows, right += width)
    for (std::size_t i = 0; i < tile_rows; ++i)
      for (std::size_t j = 0; j < width; ++j) tile[i][j] += left[i] * right[j];
  if (rows == tile_rows && columns == width) {
    for (std::size_t i = 0; i < tile_rows; ++i)
      for (std::size_t j = 0; j < width; ++j) c[i * c_step + j] += tile[i][j];
    return;
  }
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) c[i * c_step + j] += tile[i][j];
}

/// c += a·b through packed panels.
template <class Real> void multiply_packed(const MatrixView<Real>& a, const MatrixView<Real>& b, Real* c) {
  constexpr std::size_t width = tile_columns<Real>;
  const std::size_t n = a.rows, m = b.columns;
  std::vector<Real> left(tile_rows * depth), right(depth * (std::min(strip, m) + width));
  for (std::size_t from = 0; from < m; from += strip)
    for (std::size_t k = 0; k < a.columns; k += depth) {
      const std::size_t columns = std::min(strip, m - from), terms = std::min(depth, a.columns - k);
      for (std::size_t j = 0; j < columns; j += width)
        pack(right.data() + j * terms, terms, std::min(width, columns - j), width, [&](std::size_t t, std::size_t l) { return b(k + t, from + j + l); });
      for (std::size_t i = 0; i < n; i += tile_rows) {
        const std::size_t rows = std::min(tile_rows, n - i);
        pack(left.data(), terms, rows, tile_rows, [&](std::size_t t, std::size_t l) { return a(i + l, k + t); });
        for (std::size_t j = 0; j < columns; j += width)
          multiply_tile(left.data(), right.data() + j * terms, terms, c + i * m + from + j, m, rows, std::min(width, columns - j));
      }
    }
}

/// True when an entry may owe its value to an overflow or underflow on the way, or to 0·inf.
template <class Real> bool is_suspicious(const Real& x) {
  if constexpr (is_dual<Real>) return !std::isfinite(x.value) || !std::isfinite(x.tangent);
  else return is_extreme(x) && x != 0;
}

}  // namespace

template <class Real> void multiply(const MatrixView<Real>& a, const MatrixView<Real>& b, const Real* bias, Real* c, Annihilates zeros) {
  const std::size_t n = a.rows, m = b.columns;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) c[i * m + j] = bias == nullptr ? Real(0) : bias[j];
  if (m == 1) multiply_rows(b.transposed(), a.transposed(), c);  // a matrix times a vector, as the vector times the transpose
  else if (n < tile_rows || n * m * a.columns < 1024) multiply_rows(a, b, c);
  else multiply_packed(a, b, c);

  using Wide = Wider<Real>;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      if (!is_suspicious(c[i * m + j])) [[likely]] continue;
      Wide sum = bias == nullptr ? Wide(0) : static_cast<Wide>(bias[j]);
      for (std::size_t k = 0; k < a.columns; ++k) {
        if ((zeros == Annihilates::left && is_zero(a(i, k))) || (zeros == Annihilates::right && is_zero(b(k, j)))) continue;
        sum += static_cast<Wide>(a(i, k)) * static_cast<Wide>(b(k, j));
      }
      c[i * m + j] = static_cast<Real>(sum);
    }
}

template <class Real> void put_product(const MatrixView<Real>& a, const MatrixView<Real>& b, const Target<Real>& target, Annihilates zeros) {
  if (!target.add) return multiply<Real>(a, b, nullptr, target.to, zeros);
  std::vector<Real> product(a.rows * b.columns);
  multiply<Real>(a, b, nullptr, product.data(), zeros);
  for (std::size_t i = 0; i < product.size(); ++i) target.to[i] += product[i];
}

template void multiply(const MatrixView<float>&, const MatrixView<float>&, const float*, float*, Annihilates);
template void multiply(const MatrixView<double>&, const MatrixView<double>&, const double*, double*, Annihilates);
template void multiply(const MatrixView<Dual<double>>&, const MatrixView<Dual<double>>&, const Dual<double>*, Dual<double>*, Annihilates);
template void put_product(const MatrixView<float>&, const MatrixView<float>&, const Target<float>&, Annihilates);
template void put_product(const MatrixView<double>&, const MatrixView<double>&, const Target<double>&, Annihilates);
template void put_product(const MatrixView<Dual<double>>&, const MatrixView<Dual<double>>&, const Target<Dual<double>>&, Annihilates);

}  // namespace gradus
