// Kernels of differences of two arrays: their first two moments in one pass, and what pulls them back.
#include <ops/simd/difference_sums.hpp>

namespace gradus {
namespace {

using gradus_kernels::Moments;

template <class Real> struct DifferenceKernels {
  static constexpr std::size_t lanes = lanes_of<Real>;
  static constexpr std::integral_constant<std::size_t, lanes> whole{};
  using X = Stored<Real>;
  using W = Work<Real>;

  /// The differences of one pack after the other; those beyond the end are 0.
  template <bool single> struct Source {
    const Real *a, *b;
    W from;
    Source(const Real* first, const Real* second) : a(first), b(second), from(single ? static_cast<double>(*second) : 0.0) {}
    template <class Count> GRADUS_INLINE W at(std::size_t i, Count count) const {
      if constexpr (single) return W(load(a + i, count, *b)) - from;
      else return W(load(a + i, count, Real(0))) - W(load(b + i, count, Real(0)));
    }
  };

  template <bool single> static Moments moments_of(const Real* a, const Real* b, std::size_t n) {
    const Source<single> difference(a, b);
    DifferenceSums<Real> sums;
    constexpr std::size_t block = DifferenceSums<Real>::block * lanes;
    std::size_t i = 0;
    for (; i + block <= n; i += block) sums.add_block([&](std::size_t p) __attribute__((always_inline)) { return difference.at(i + p * lanes, whole); });
    for (; i + lanes <= n; i += lanes) sums.add(difference.at(i, whole));
    if (i < n) sums.add(difference.at(i, n - i));
    return sums.totals();
  }
  static Moments moments(const Real* a, const Real* b, std::size_t step_b, std::size_t n) {
    if (n == 0) return {0, 0};
    return step_b == 0 ? moments_of<true>(a, b, n) : moments_of<false>(a, b, n);
  }

  template <bool single> static void scaled(const Real* a, const Real* b, double factor, Real* to, Into into, std::size_t n) {
    const Source<single> difference(a, b);
    const W by(factor);
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) { put(to + i, X(by * difference.at(i, count)), into, count); });
  }
  static void scale(const Real* a, const Real* b, std::size_t step_b, double factor, Real* to, Into into, std::size_t n) {
    if (n == 0) return;
    if (step_b == 0) scaled<true>(a, b, factor, to, into, n);
    else scaled<false>(a, b, factor, to, into, n);
  }

  static constexpr gradus_kernels::Differences<Real> table{&moments, &scale};
};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const DifferenceTables differences{gradus::DifferenceKernels<float>::table, gradus::DifferenceKernels<double>::table};
}
