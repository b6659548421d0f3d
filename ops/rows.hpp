// Rows along an axis, and the exponentials of a row relative to its largest entry: what softmax and its relatives share.
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include <autodiff/adjoints.hpp>
#include <autodiff/shape.hpp>
#include <ops/compensated_sum.hpp>
#include <ops/exp.hpp>
#include <ops/log1p.hpp>
#include <ops/simd/array_tables.hpp>
#include <ops/simd/log_of_total.hpp>

namespace gradus {

/// The type that a row is worked out in: float in double, all others in themselves. Rows that leave its range are repeated in Wider<Real>.
template <class Real> using Work = std::conditional_t<std::is_same_v<Real, float>, double, Real>;

/// A row of an array: its entries lie `stride` apart.
template <class T> struct Strided {
  T* first;
  std::size_t stride;
  [[nodiscard]] T& operator[](std::size_t k) const { return first[k * stride]; }
};

/// f(number of the row, position of its first entry) for every row along an axis.
template <class F> void for_each_row(const AxisView& view, F&& f) {
  for (std::size_t o = 0; o < view.outer; ++o)
    for (std::size_t i = 0; i < view.inner; ++i) f(o * view.inner + i, o * view.length * view.inner + i);
}

/// Where the largest of n > 0 entries is: the first of equal ones, the first NaN if there is one.
template <class Real> [[nodiscard]] std::size_t first_max(Strided<const Real> x, std::size_t n) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < n && x[best] == x[best]; ++k)
    if (!(x[k] <= x[best])) best = k;
  return best;
}

/// e^(a - b). The rounding error of the difference is put back: at a - b = -700 it costs 256 ulps.
template <class W> [[nodiscard]] W exp_of_difference(const W& a, const W& b) {
  if constexpr (PlainReal<W>) {
    return exp_of(two_sum(a, -b));
  } else if constexpr (is_dual<W>) {
    const auto e = exp_of_difference(a.value, b.value);
    return {e, e == 0 ? e : e * (a.tangent - b.tangent)};
  } else {
    return exp(a - b);
  }
}

/// A row of exponentials e_k = exp(z_k - z_top), e_top = 1.
template <class W> struct SoftRow {
  std::size_t top;  ///< the first of the largest entries
  W rest;           ///< the sum of e_k without e_top: 1 + rest loses it when one entry dominates
};

/// The exponentials of n > 0 entries, given to write(k, e_k). NaN where the largest entry is infinite or NaN.
template <class W, class Real, class Write> [[nodiscard]] SoftRow<W> exponentials(Strided<const Real> z, std::size_t n, Write&& write) {
  const std::size_t top = first_max(z, n);
  const W largest(z[top]);
  write(top, W(1));
  const W rest = sum_of<W>(n, [&](std::size_t k) {
    if (k == top) return largest - largest;
    const W e = exp_of_difference(W(z[k]), largest);
    write(k, e);
    return e;
  });
  return {top, rest};
}

/// The softmax of a row of n > 0 entries, in `s` unless that is null.
template <class W, class Real, class Out> SoftRow<W> soft_row(Strided<const Real> z, std::size_t n, Strided<Out> s) {
  if (s.first == nullptr) return exponentials<W>(z, n, [](std::size_t, const W&) {});
  const SoftRow<W> row = exponentials<W>(z, n, [&](std::size_t k, const W& e) { s[k] = static_cast<Out>(e); });
  const W total = row.rest + 1.0;
  for (std::size_t k = 0; k < n; ++k) s[k] = static_cast<Out>(static_cast<W>(s[k]) / total);
  return row;
}

/// The softmax of a contiguous row of n > 0 entries by kernels; rows that are out of the ordinary go through soft_row.
template <PlainReal Real> [[nodiscard]] gradus_kernels::SoftmaxRow soft_row_by_kernels(const Real* z, std::size_t n, Real* s) {
  const gradus_kernels::SoftmaxRow row = row_kernels<Real>().softmax(z, s, n);
  if (row.is_ordinary()) [[likely]] return row;
  const auto [top, rest] = soft_row<Work<Real>>(Strided<const Real>{z, 1}, n, Strided<Real>{s, 1});
  return {static_cast<double>(z[top]), static_cast<double>(rest), false};
}

/// The exponentials of a contiguous row of n > 0 entries relative to the largest, in e, where the row is easy; else only what is known of their sum.
template <PlainReal Real> [[nodiscard]] gradus_kernels::SoftmaxRow exponentials_by_kernels(const Real* z, std::size_t n, Real* e) {
  const gradus_kernels::SoftmaxRow row = row_kernels<Real>().exponentials(z, e, n);
  if (row.is_ordinary()) [[likely]] return row;
  const auto [top, rest] = soft_row<Work<Real>>(Strided<const Real>{z, 1}, n, Strided<Real>{nullptr, 1});
  return {static_cast<double>(z[top]), static_cast<double>(rest), false};
}

/// How kernels treat a target.
template <class Real> [[nodiscard]] gradus_kernels::Into into_of(const Target<Real>& target) {
  return target.add ? gradus_kernels::Into::add : gradus_kernels::Into::write;
}

/// False when a softmax value is so small that its product with an adjoint may have left the range of Real although the exact product has not:
/// then the row is repeated in Wider<Real>. Entries too far down for any adjoint, such as masked ones, are no reason.
template <class Real> [[nodiscard]] bool is_easy_row(Strided<const Real> z, Strided<const Real> s, std::size_t n, std::size_t top) {
  if constexpr (PlainReal<Real>) {
    constexpr bool is_float = std::is_same_v<Real, float>;
    constexpr Real small = static_cast<Real>(is_float ? 0x1p-126 : 0x1p-250), nothing = is_float ? -200 : -1460;
    for (std::size_t k = 0; k < n; ++k)
      if (!(s[k] >= small) && !(z[k] - z[top] < nothing)) return false;
  }
  return true;
}

/// False for an adjoint that may take products with moderate numbers out of the range of Work<Real>.
template <class Real> [[nodiscard]] bool is_easy_adjoint(const Real& w) {
  if constexpr (std::is_same_v<Real, double>) {
    const double size = std::abs(w);
    return size == 0 || (size >= 0x1p-300 && size <= 0x1p500);
  } else {
    return true;
  }
}

}  // namespace gradus
