// The kernel behind matmul, linear and maxout: products of the active instruction set, and what they cannot do in the range of Real.
#include <ops/matrix_product.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>

#include <autodiff/scratch.hpp>
#include <autodiff/threads.hpp>
#include <ops/simd/array_tables.hpp>

namespace gradus {

namespace {

constexpr std::size_t chain = gradus_kernels::Products<double>::chain;

/// Every row of c is the bias, or 0 where that is null.
template <class Real> void fill_rows(const Real* bias, std::size_t rows, std::size_t columns, Real* c) {
  if (bias == nullptr || columns == 1) std::fill_n(c, rows * columns, bias == nullptr ? Real(0) : bias[0]);
  else
    for (std::size_t i = 0; i < rows; ++i) std::copy_n(bias, columns, c + i * columns);
}

/// c += a·b for numbers that have no kernels.
template <class Real> void add_plainly(const MatrixView<Real>& a, const MatrixView<Real>& b, Real* c) {
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < b.columns; ++j)
      for (std::size_t from = 0; from < a.columns; from += chain) {
        Real sum(0);
        for (std::size_t k = from; k < std::min(a.columns, from + chain); ++k) sum += a(i, k) * b(k, j);
        c[i * b.columns + j] += sum;
      }
}

template <class Real> gradus_kernels::Matrix<Real> for_kernels(const MatrixView<Real>& x) {
  const bool by_rows = x.column_step == 1;
  return {x.data, x.rows, x.columns, by_rows ? x.row_step : x.column_step, by_rows};
}

/// c = a·b + bias through kernels; true when every entry of c is 0 or of ordinary size. The error grows with chain + k/chain: long sums are those of
/// sections, put together with their rounding errors.
template <class Real> bool multiply_rows(const MatrixView<Real>& a, const MatrixView<Real>& b, const Real* bias, Real* c) {
  const auto& kernels = product_kernels<Real>();
  constexpr std::size_t section = 16 * chain;
  const Scratch<Real> room(kernels.workspace(a.rows, std::min(a.columns, section), b.columns));
  if (a.columns <= section) return kernels.multiply(for_kernels(a), for_kernels(b), bias, c, room.data());
  const std::size_t n = a.rows * b.columns;
  const Scratch<Real> part(n), low(n);
  std::fill_n(low.data(), n, Real(0));
  fill_rows(bias, a.rows, b.columns, c);
  for (std::size_t k = 0; k < a.columns; k += section) {
    const std::size_t terms = std::min(section, a.columns - k);
    kernels.multiply(for_kernels(MatrixView<Real>(a.data + k * a.column_step, a.rows, terms, a.row_step, a.column_step)),
                     for_kernels(MatrixView<Real>(b.data + k * b.row_step, terms, b.columns, b.row_step, b.column_step)), nullptr, part.data(), room.data());
    for (std::size_t i = 0; i < n; ++i) {
      const auto sum = two_sum(c[i], part.data()[i]);
      c[i] = sum.high;
      low.data()[i] += sum.low;
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    if (std::isfinite(c[i])) c[i] += low.data()[i];
  return kernels.is_ordinary(c, n);
}

/// The same on several threads where it is worth it. The rows that one of them gets do not depend on how many there are.
template <class Real> bool multiply_by_kernels(const MatrixView<Real>& a, const MatrixView<Real>& b, const Real* bias, Real* c) {
  constexpr std::size_t worthwhile = std::size_t{1} << 20, step = 8;  // multiplications: 25 us; rows
  const std::size_t by_row = std::max<std::size_t>(a.columns * b.columns, 1);
  const std::size_t rows = std::max((worthwhile / by_row + step - 1) / step, std::size_t{1}) * step;
  if (a.rows < 4 * rows) return multiply_rows(a, b, bias, c);
  std::atomic<bool> ordinary{true};
  parallel_for(a.rows, rows, [&](std::size_t begin, std::size_t end) {
    const MatrixView<Real> part(a.data + begin * a.row_step, end - begin, a.columns, a.row_step, a.column_step);
    if (!multiply_rows(part, b, bias, c + begin * b.columns)) ordinary.store(false, std::memory_order_relaxed);
  });
  return ordinary.load();
}

/// True when an entry may owe its value to an overflow or underflow on the way, or to 0·inf.
template <class Real> bool is_suspicious(const Real& x) {
  if constexpr (is_dual<Real>) return !std::isfinite(x.value) || !std::isfinite(x.tangent);
  else return is_extreme(x) && x != 0;
}

template <class Real> void repair(const MatrixView<Real>& a, const MatrixView<Real>& b, const Real* bias, Real* c, Annihilates zeros) {
  using Wide = Wider<Real>;
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < b.columns; ++j) {
      if (!is_suspicious(c[i * b.columns + j])) [[likely]] continue;
      Wide sum = bias == nullptr ? Wide(0) : static_cast<Wide>(bias[j]);
      for (std::size_t k = 0; k < a.columns; ++k) {
        if ((zeros == Annihilates::left && is_zero(a(i, k))) || (zeros == Annihilates::right && is_zero(b(k, j)))) continue;
        sum += static_cast<Wide>(a(i, k)) * static_cast<Wide>(b(k, j));
      }
      c[i * b.columns + j] = static_cast<Real>(sum);
    }
}

}  // namespace

template <class Real> void multiply(const MatrixView<Real>& a, const MatrixView<Real>& b, const Real* bias, Real* c, Annihilates zeros) {
  if constexpr (PlainReal<Real>) {
    if (multiply_by_kernels(a, b, bias, c)) [[likely]] return;
  } else {
    fill_rows(bias, a.rows, b.columns, c);
    add_plainly(a, b, c);
  }
  repair(a, b, bias, c, zeros);
}

template <class Real> void put_product(const MatrixView<Real>& a, const MatrixView<Real>& b, const Target<Real>& target, Annihilates zeros) {
  if (!target.add) return multiply<Real>(a, b, nullptr, target.to, zeros);
  const std::size_t n = a.rows * b.columns;
  const Scratch<Real> product(n);
  multiply<Real>(a, b, nullptr, product.data(), zeros);
  for (std::size_t i = 0; i < n; ++i) target.to[i] += product.data()[i];
}

template void multiply(const MatrixView<float>&, const MatrixView<float>&, const float*, float*, Annihilates);
template void multiply(const MatrixView<double>&, const MatrixView<double>&, const double*, double*, Annihilates);
template void multiply(const MatrixView<Dual<double>>&, const MatrixView<Dual<double>>&, const Dual<double>*, Dual<double>*, Annihilates);
template void put_product(const MatrixView<float>&, const MatrixView<float>&, const Target<float>&, Annihilates);
template void put_product(const MatrixView<double>&, const MatrixView<double>&, const Target<double>&, Annihilates);
template void put_product(const MatrixView<Dual<double>>&, const MatrixView<Dual<double>>&, const Target<Dual<double>>&, Annihilates);

}  // namespace gradus
