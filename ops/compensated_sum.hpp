// Sums whose rounding error does not grow with the number of terms.
#pragma once

#include <cstddef>

#include <autodiff/dual.hpp>

namespace gradus {

/// A running sum as high + low, by Knuth's two-sum: off by at most about an ulp of the sum of |terms|, however many there are.
/// Plain addition of 1e5 equal terms is off by hundreds.
template <class T> struct Compensated {
  T high{}, low{};
  void add(const T& x) {
    const T sum = high + x, rest = sum - high;
    low += (high - (sum - rest)) + (x - rest);
    high = sum;
  }
  void add(const Compensated& other) {
    add(other.high);
    low += other.low;
  }
  /// Infinite or NaN once the sum has left the range of T, even if later terms would have brought it back.
  [[nodiscard]] T value() const { return low - low == T(0) ? high + low : high; }
};

/// The same in both components.
template <class T> struct Compensated<Dual<T>> {
  Compensated<T> values, tangents;
  void add(const Dual<T>& x) {
    values.add(x.value);
    tangents.add(x.tangent);
  }
  void add(const Compensated& other) {
    values.add(other.values);
    tangents.add(other.tangents);
  }
  [[nodiscard]] Dual<T> value() const { return {values.value(), tangents.value()}; }
};

/// term(0) + … + term(n-1) in type W, in four independent sums that the processor overlaps.
template <class W, class Term> [[nodiscard]] W sum_of(std::size_t n, Term&& term) {
  constexpr std::size_t lanes = 4;
  Compensated<W> lane[lanes];
  std::size_t k = 0;
  for (; k + lanes <= n; k += lanes)
    for (std::size_t j = 0; j < lanes; ++j) lane[j].add(term(k + j));
  for (; k < n; ++k) lane[0].add(term(k));
  for (std::size_t j = 1; j < lanes; ++j) lane[0].add(lane[j]);
  return lane[0].value();
}

}  // namespace gradus
