// Products of a vector and a matrix that has few rows or columns, in either order: a regression on a few features.
#pragma once

#include <utility>

#include <autodiff/simd/pack.hpp>
#include <ops/simd/array_tables.hpp>

namespace gradus {

/// For lines (rows or columns of a matrix) of 1 to 4 registers, which lie one after the other. The last register of a line ends where the line ends; the
/// lanes that it shares with the one before count once. (0·inf there is NaN: that, like any sum out of range, is for the caller to repair.)
template <class Real> class ThinProducts {
  static constexpr int lanes = Register<Real>::lanes;
  using X = Pack<Real, lanes>;

 public:
  static bool fits(std::size_t length) { return length >= static_cast<std::size_t>(lanes) && length <= 4 * static_cast<std::size_t>(lanes); }

  /// to[i] += line i times x, for `count` lines of `length` entries, `stride` apart.
  static void times(const Real* lines, std::size_t stride, std::size_t count, std::size_t length, const Real* x, Real* to) {
    with_registers(length, [&]<int registers>() __attribute__((always_inline)) { times_of<registers>(lines, stride, count, length, x, to); });
  }
  /// to += the sum over i of x[i·step] times line i.
  static void combine(const Real* lines, std::size_t stride, std::size_t count, std::size_t length, const Real* x, std::size_t step, Real* to) {
    with_registers(length, [&]<int registers>() __attribute__((always_inline)) { combine_of<registers>(lines, stride, count, length, x, step, to); });
  }

  // The same for few lines of any length.
  static constexpr std::size_t few = 16;
  static void times_few(const Real* lines, std::size_t stride, std::size_t count, std::size_t length, const Real* x, Real* to) {
    std::size_t i = 0;
    for (; i + 2 <= count; i += 2) times_side_by_side<2>(lines + i * stride, stride, length, x, to + i);
    if (i < count) times_side_by_side<1>(lines + i * stride, stride, length, x, to + i);
  }
  static void combine_few(const Real* lines, std::size_t stride, std::size_t count, std::size_t length, const Real* x, std::size_t step, Real* to) {
    std::size_t j = 0;
    const auto block = [&]<std::size_t registers>() __attribute__((always_inline)) {
      X sum[registers];
      for (std::size_t r = 0; r < registers; ++r) sum[r] = X::load(to + j + r * lanes);
      for (std::size_t i = 0; i < count; ++i) {
        const X by(x[i * step]);
        for (std::size_t r = 0; r < registers; ++r) sum[r] = multiply_add(X::load(lines + i * stride + j + r * lanes), by, sum[r]);
      }
      for (std::size_t r = 0; r < registers; ++r) sum[r].store(to + j + r * lanes);
      j += registers * lanes;
    };
    while (j + 4 * lanes <= length) block.template operator()<4>();
    while (j + lanes <= length) block.template operator()<1>();
    for (; j < length; ++j)
      for (std::size_t i = 0; i < count; ++i) to[j] += lines[i * stride + j] * x[i * step];
  }

 private:
  /// As many lines at once, each in four sums, which join a total at the end of every chain.
  template <std::size_t side> GRADUS_INLINE static void times_side_by_side(const Real* lines, std::size_t stride, std::size_t length, const Real* x, Real* to) {
    constexpr std::size_t sums = 4, chain = gradus_kernels::Products<Real>::chain * sums * lanes;
    std::size_t j = 0;
    while (j + sums * lanes <= length) {
      const std::size_t end = length - j < chain ? length : j + chain;
      X sum[side][sums];
      for (std::size_t i = 0; i < side; ++i)
        for (std::size_t s = 0; s < sums; ++s) sum[i][s] = X(0.0);
      for (; j + sums * lanes <= end; j += sums * lanes)
        for (std::size_t s = 0; s < sums; ++s) {
          const X by = X::load(x + j + s * lanes);
          for (std::size_t i = 0; i < side; ++i) sum[i][s] = multiply_add(X::load(lines + i * stride + j + s * lanes), by, sum[i][s]);
        }
      for (std::size_t i = 0; i < side; ++i) {
        const X all = (sum[i][0] + sum[i][1]) + (sum[i][2] + sum[i][3]);
        Real total = 0;
        for (int lane = 0; lane < lanes; ++lane) total += all.lane(lane);
        to[i] += total;
      }
    }
    for (std::size_t i = 0; i < side; ++i) {
      Real rest = 0;
      for (std::size_t k = j; k < length; ++k) rest += lines[i * stride + k] * x[k];
      to[i] += rest;
    }
  }

  template <class F> GRADUS_INLINE static void with_registers(std::size_t length, F f) {
    if (length == lanes) f.template operator()<1>();
    else if (length <= 2 * lanes) f.template operator()<2>();
    else if (length <= 3 * lanes) f.template operator()<3>();
    else f.template operator()<4>();
  }
  template <int registers> GRADUS_INLINE static std::size_t place(int r, std::size_t length) {
    return r + 1 < registers ? static_cast<std::size_t>(r) * lanes : length - lanes;
  }

  /// Lane i of the result is the sum of `step` lanes of a or, every second group of `step` lanes, of b.
  template <int step, class V, int... lane> GRADUS_INLINE static V halved(V a, V b, std::integer_sequence<int, lane...>) {
    constexpr auto source = [](int i) { return i / (2 * step) * (2 * step) + i % step + (i % (2 * step) < step ? 0 : lanes); };
    return __builtin_shufflevector(a, b, source(lane)...) + __builtin_shufflevector(a, b, (source(lane) + step)...);
  }
  /// Lane i is the sum of all lanes of v[i].
  template <int step, class V> GRADUS_INLINE static V sums_of(V* v) {
    if constexpr (step == lanes) {
      return v[0];
    } else {
      for (int i = 0; i < lanes / (2 * step); ++i) v[i] = halved<step>(v[2 * i], v[2 * i + 1], std::make_integer_sequence<int, lanes>());
      return sums_of<2 * step>(v);
    }
  }

  template <int registers> static void times_of(const Real* lines, std::size_t stride, std::size_t count, std::size_t length, const Real* x, Real* to) {
    X by[registers];
    for (int r = 0; r < registers; ++r) by[r] = X::load(x + place<registers>(r, length));
    for (std::size_t shared = 0; registers > 1 && shared < static_cast<std::size_t>(registers) * lanes - length; ++shared)
      by[registers - 1].set_lane(static_cast<int>(shared), Real(0));
    const auto totals_of = [&](auto line_of) __attribute__((always_inline)) {
      typename Register<Real>::Values sums[lanes];
      for (std::size_t k = 0; k < static_cast<std::size_t>(lanes); ++k) {
        const Real* const line = line_of(k);
        X sum = X::load(line) * by[0];
        for (int r = 1; r < registers; ++r) sum = multiply_add(X::load(line + place<registers>(r, length)), by[r], sum);
        sums[k] = sum.part[0];
      }
      X total;
      total.part[0] = sums_of<1>(sums);
      return total;
    };
    std::size_t i = 0;
    for (const Real* line = lines; i + lanes <= count; i += lanes, line += lanes * stride)
      (X::load(to + i) + totals_of([&](std::size_t k) __attribute__((always_inline)) { return line + k * stride; })).store(to + i);
    if (const std::size_t rest = count - i; rest != 0) {
      const X total = totals_of([&](std::size_t k) __attribute__((always_inline)) { return lines + (i + (k < rest ? k : 0)) * stride; });
      (X::load(to + i, rest) + total).store(to + i, rest);
    }
  }

  template <int registers>
  static void combine_of(const Real* lines, std::size_t stride, std::size_t count, std::size_t length, const Real* x, std::size_t step, Real* to) {
    constexpr std::size_t chain = gradus_kernels::Products<Real>::chain, side_by_side = registers <= 2 ? 4 : 2;
    X total[registers];
    for (int r = 0; r < registers; ++r) total[r] = X::load(to + place<registers>(r, length));
    for (std::size_t from = 0; from < count; from += chain * side_by_side) {
      const std::size_t end = count - from < chain * side_by_side ? count : from + chain * side_by_side;
      X sum[side_by_side][registers];
      for (std::size_t k = 0; k < side_by_side; ++k)
        for (int r = 0; r < registers; ++r) sum[k][r] = X(0.0);
      const auto add = [&](std::size_t i, std::size_t k) __attribute__((always_inline)) {
        const X by(x[i * step]);
        for (int r = 0; r < registers; ++r) sum[k][r] = multiply_add(X::load(lines + i * stride + place<registers>(r, length)), by, sum[k][r]);
      };
      std::size_t i = from;
      for (; i + side_by_side <= end; i += side_by_side)
        for (std::size_t k = 0; k < side_by_side; ++k) add(i + k, k);
      for (; i < end; ++i) add(i, 0);
      for (int r = 0; r < registers; ++r) {
        if constexpr (side_by_side == 4) total[r] += (sum[0][r] + sum[1][r]) + (sum[2][r] + sum[3][r]);
        else total[r] += sum[0][r] + sum[1][r];
      }
    }
    for (int r = 0; r < registers; ++r) total[r].store(to + place<registers>(r, length));
  }
};

}  // namespace gradus
