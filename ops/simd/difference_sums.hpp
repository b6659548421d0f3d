// The sum of differences and of their squares, which keep their rounding errors from one block to the next.
#pragma once

#include <ops/simd/row_packs.hpp>

namespace gradus {

template <class Real> class DifferenceSums {
  static constexpr int lanes = lanes_of<Real>;
  using W = Work<Real>;

 public:
  static constexpr std::size_t block = 8;  ///< packs
  /// The packs given(0), given(1), … They are added up in pairs before they join a sum that keeps its rounding errors, which would cost six operations each.
  template <std::size_t packs = block, class Given> GRADUS_INLINE void add_block(Given given) {
    static_assert(packs % 2 == 0);
    W sum[packs / 2], square[packs / 2];
    for (std::size_t k = 0; k < packs / 2; ++k) {
      const W x(given(2 * k)), y(given(2 * k + 1));
      sum[k] = x + y;
      square[k] = multiply_add(x, x, y * y);
    }
    for (std::size_t step = packs / 4; step > 0; step /= 2)
      for (std::size_t k = 0; k < step; ++k) sum[k] += sum[k + step], square[k] += square[k + step];
    first_.add(sum[0]);
    second_.add(square[0]);
  }
  template <class P> GRADUS_INLINE void add(const P& pack) {
    const W x(pack);
    first_.add(x);
    second_.add(x * x);
  }
  [[nodiscard]] GRADUS_INLINE gradus_kernels::Moments totals() const { return {first_.total(), second_.total()}; }

 private:
  LaneSum<double, lanes> first_, second_;
};

}  // namespace gradus
