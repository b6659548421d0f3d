// The logarithm of 1 + what a row of exponentials sums up to.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include <autodiff/simd/pack.hpp>

namespace gradus {

/// log(1 + rest). From 1 on the sum loses nothing that matters, and a logarithm takes half as long as log1p.
[[nodiscard]] inline double log_of_total(double rest) { return rest >= 1 ? std::log(1 + rest) : std::log1p(rest); }

/// Logarithms of the middles of intervals from 127/128 on, the first of which is 1, and the reciprocals of these middles.
struct LogTable {
  struct Entry {
    std::int64_t reciprocal;  ///< its bits
    double log;
  };
  static constexpr int bits = 5;
  Entry entry[1 << bits];
  constexpr LogTable() : entry() {
    for (int i = 0; i < 1 << bits; ++i) {
      const double reciprocal = static_cast<float>((1 << bits) / static_cast<double>((1 << bits) + i)), r = (1 - reciprocal) / (1 + reciprocal);
      double log = 0;  // 2 artanh(r), r <= 1/3
      for (int k = 35; k > 0; k -= 2) log = log * r * r + 2.0 / k;
      entry[i] = {std::bit_cast<std::int64_t>(reciprocal), log * r};
    }
  }
};
inline constexpr LogTable log_table{};

/// The same for a float, where rest is neither infinite nor NaN: within 2^-28 of it, in half the time.
template <class Real> [[nodiscard]] GRADUS_INLINE double log_of_moderate_total(double rest) {
  if constexpr (std::is_same_v<Real, float>) {
    const auto plus = [](double sum, double a, double b) __attribute__((always_inline)) {
      if constexpr (has_fma) return __builtin_fma(a, b, sum);
      else return sum + a * b;
    };
    // 1 + rest = 2^k·(1 + r)/reciprocal. Where k is 0 and the reciprocal 1, r is rest with all its digits.
    const std::int64_t place = std::bit_cast<std::int64_t>(1 + rest) - std::bit_cast<std::int64_t>(1 - 0x1p-7), k = place >> 52;
    const LogTable::Entry& entry = log_table.entry[place >> (52 - LogTable::bits) & ((1 << LogTable::bits) - 1)];
    const auto factor = std::bit_cast<double>(entry.reciprocal - (k << 52));
    const double r = plus(factor - 1, rest, factor), square = r * r;
    // log(1 + r), |r| <= 1/64: the last coefficient but one makes up for what comes after the last.
    return plus(plus(entry.log, static_cast<double>(k), 0x1.62e42fefa39efp-1) + r, square, plus(plus(-0.5, r, 0.33337), square, -0.25));
  } else {
    return log_of_total(rest);
  }
}

}  // namespace gradus
