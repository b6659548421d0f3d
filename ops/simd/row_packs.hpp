// Packs of a row: loads and stores of parts, exponentials of what is not above 0, sums that keep their rounding errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <autodiff/simd/math.hpp>

#include <ops/simd/array_tables.hpp>

namespace gradus {

using gradus_kernels::Into;

/// Rows are read as Real and worked out in double: two registers of it for a float one.
template <class Real> inline constexpr int lanes_of = Register<Real>::lanes;
template <class Real> using Stored = Pack<Real, lanes_of<Real>>;
template <class Real> using Work = Pack<double, lanes_of<Real>>;

template <int lanes, class F> GRADUS_INLINE void for_each_pack(std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(i, std::integral_constant<std::size_t, lanes>());
  if (i < n) f(i, n - i);
}

// Part of a pack, through masks where there are some: copying bytes waits for the memory.
template <class Real> GRADUS_INLINE Stored<Real> load(const Real* from, std::integral_constant<std::size_t, lanes_of<Real>>, Real) { return Stored<Real>::load(from); }
template <class Real> GRADUS_INLINE void store(Real* to, const Stored<Real>& x, std::integral_constant<std::size_t, lanes_of<Real>>) { x.store(to); }
#if defined(__AVX512F__)
GRADUS_INLINE Stored<double> load(const double* from, std::size_t n, double otherwise) {
  Stored<double> x(otherwise);
  x.part[0] = _mm512_mask_loadu_pd(x.part[0], static_cast<__mmask8>((1U << n) - 1), from);
  return x;
}
GRADUS_INLINE Stored<float> load(const float* from, std::size_t n, float otherwise) {
  Stored<float> x(otherwise);
  x.part[0] = _mm512_mask_loadu_ps(x.part[0], static_cast<__mmask16>((1U << n) - 1), from);
  return x;
}
GRADUS_INLINE void store(double* to, const Stored<double>& x, std::size_t n) { _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << n) - 1), x.part[0]); }
GRADUS_INLINE void store(float* to, const Stored<float>& x, std::size_t n) { _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << n) - 1), x.part[0]); }
#else
template <class Real> GRADUS_INLINE Stored<Real> load(const Real* from, std::size_t n, Real otherwise) {
  Stored<Real> x(otherwise);
  for (std::size_t i = 0; i < n; ++i) x.set_lane(static_cast<int>(i), from[i]);
  return x;
}
template <class Real> GRADUS_INLINE void store(Real* to, const Stored<Real>& x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = x.lane(static_cast<int>(i));
}
#endif
template <class Real, class Count> GRADUS_INLINE void put(Real* to, Stored<Real> x, Into into, Count count) {
  if (into == Into::add) x += load(to, count, Real(0));
  store(to, x, count);
}

/// The lanes of the pack of elements first, first + 1, … that lie below n and are not that of element k.
template <class P> GRADUS_INLINE typename P::Holds lanes_but(std::size_t n, std::size_t k, std::size_t first) {
#if defined(__AVX512F__)
  static_assert(P::parts == 1);
  const std::uint64_t one = 1, others = ((one << n) - 1) & ~(one << k);  // n may be 32
  typename P::Holds holds;
  holds.part[0] = static_cast<typename Register<typename P::value_type>::Mask>(others >> first);
  return holds;
#else
  P at;
  for (int i = 0; i < P::lanes; ++i) at.set_lane(i, static_cast<typename P::value_type>(first + static_cast<std::size_t>(i)));
  return at != P(static_cast<double>(k)) && at < P(static_cast<double>(n));
#endif
}

// The halves of a vector, for folding it.
template <class V> GRADUS_INLINE auto low_half(V v) {
  if constexpr (sizeof(V) == 16) return v[0];
  else if constexpr (sizeof(V) == 32) return __builtin_shufflevector(v, v, 0, 1);
  else return __builtin_shufflevector(v, v, 0, 1, 2, 3);
}
template <class V> GRADUS_INLINE auto high_half(V v) {
  if constexpr (sizeof(V) == 16) return v[1];
  else if constexpr (sizeof(V) == 32) return __builtin_shufflevector(v, v, 2, 3);
  else return __builtin_shufflevector(v, v, 4, 5, 6, 7);
}
/// The sum of all lanes of high + low, with its rounding errors.
template <class V> GRADUS_INLINE double fold(V high, V low) {
  if constexpr (std::is_same_v<V, double>) {
    return low - low == 0 ? high + low : high;
  } else {
    const auto a = low_half(high), b = high_half(high), sum = a + b, rest = sum - a;
    return fold(sum, ((a - (sum - rest)) + (b - rest)) + (low_half(low) + high_half(low)));
  }
}

#if defined(__AVX512F__)
// e^(high + low) for high <= 0 and a low that is a rounding error of it, within an ulp: n = high/log 2 is rounded, by adding a number whose last digit is
// the units, and the first step of the reduction is exact. Inlined, so that sums stay in registers, and floats need not become doubles. On a short row,
// everything waits for these: the polynomial is a tree, and 2^n is ready before it. `tame`: nothing here under- or overflows.
template <bool tame> GRADUS_INLINE __m512d exp_register(__m512d high, __m512d low) {
  __mmask8 some = 0xff;
  if constexpr (!tame) {
    some = _mm512_cmp_pd_mask(high, _mm512_set1_pd(-745.2), _CMP_NLT_UQ);  // the others underflow to 0, which would cost 100 ns; NaN stays
    high = _mm512_maskz_mov_pd(some, high);
  }
  const __m512d units = _mm512_set1_pd(0x1.8p52), n = _mm512_fmadd_pd(high, _mm512_set1_pd(0x1.71547652b82fep+0), units) - units;
  const __m512d r = _mm512_fnmadd_pd(n, _mm512_set1_pd(0x1.62e42fefa39efp-1), high) + _mm512_fnmadd_pd(n, _mm512_set1_pd(0x1.abc9e3b39803fp-56), low);
  // Minimax on |r| < log(2)/2, relative error 8e-18.
  const __m512d square = r * r, fourth = square * square;
  const auto plus = [](double c, __m512d x, __m512d more) __attribute__((always_inline)) { return _mm512_fmadd_pd(x, more, _mm512_set1_pd(c)); };
  const auto sum_of = [&](double c0, double c1, double c2, double c3, double c4) __attribute__((always_inline)) {
    const __m512d high_part = _mm512_fmadd_pd(_mm512_set1_pd(c4), fourth, plus(c2, square, _mm512_set1_pd(c3)));
    return _mm512_fmadd_pd(high_part, fourth, plus(c0, square, _mm512_set1_pd(c1)));
  };
  const __m512d even = sum_of(0.5000000000000010224, 4.166666666652199074e-2, 1.388888894782089141e-3, 2.48014872600123423e-5, 2.763265575933008487e-7);
  const __m512d odd = sum_of(0.1666666666666667453, 8.333333333322207296e-3, 1.984126988659099928e-4, 2.755724233668041298e-6, 2.511004989583967958e-8);
  const __m512d most = _mm512_fmadd_pd(square, _mm512_fmadd_pd(odd, r, even), r);
  if constexpr (!tame) return _mm512_maskz_scalef_pd(some, most + 1.0, n);
  const __m512d power = _mm512_scalef_pd(_mm512_set1_pd(1), n);
  return _mm512_fmadd_pd(most, power, power);
}
/// 2^(j/16), and the relative error of that as a float.
struct PowersOfTwo { alignas(64) float power[16], error[16]; };
inline constexpr PowersOfTwo sixteenths{
    {0x1p+0F, 0x1.0b5586p+0F, 0x1.172b84p+0F, 0x1.2387a6p+0F, 0x1.306fep+0F, 0x1.3dea64p+0F, 0x1.4bfdaep+0F, 0x1.5ab07ep+0F,
     0x1.6a09e6p+0F, 0x1.7a1148p+0F, 0x1.8ace54p+0F, 0x1.9c4918p+0F, 0x1.ae89fap+0F, 0x1.c199bep+0F, 0x1.d5818ep+0F, 0x1.ea4afap+0F},
    {0, 0x1.8d96d4p-25F, -0x1.9c0c22p-27F, 0x1.964904p-25F, 0x1.125002p-25F, 0x1.370be4p-25F, -0x1.0a3550p-25F, -0x1.00d8acp-27F,
     0x1.26055cp-26F, -0x1.05cb44p-25F, 0x1.67a1cap-28F, 0x1.a3b5e4p-28F, -0x1.f9c304p-27F, -0x1.6961b4p-28F, -0x1.a5217cp-28F, 0x1.61428ep-28F}};
/// The same in float, where high/log 2 is rounded to sixteenths: adding a number whose last digit is one leaves their number in the last four digits.
template <bool tame> GRADUS_INLINE __m512 exp_register(__m512 high, __m512 low) {
  __mmask16 some = 0xffff;
  if constexpr (!tame) {
    some = _mm512_cmp_ps_mask(high, _mm512_set1_ps(-104), _CMP_NLT_UQ);
    high = _mm512_maskz_mov_ps(some, high);
  }
  const __m512 units = _mm512_set1_ps(0x1.8p19F), sum = _mm512_fmadd_ps(high, _mm512_set1_ps(0x1.715476p+0F), units), n = sum - units;
  const __m512i place = _mm512_castps_si512(sum);
  const __m512 root = _mm512_maskz_permutexvar_ps(0xffff, place, _mm512_load_ps(sixteenths.power));
  const __m512 error = _mm512_maskz_permutexvar_ps(0xffff, place, _mm512_load_ps(sixteenths.error));
  const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.62e43p-1F), high) + _mm512_fnmadd_ps(n, _mm512_set1_ps(-0x1.05c61p-29F), low);
  // Minimax on |r| < log(2)/32, relative error 2e-9.
  const __m512 square = r * r, more = _mm512_fmadd_ps(r, _mm512_set1_ps(0.16666667F), _mm512_set1_ps(0.5000163F)), most = _mm512_fmadd_ps(square, more, r + error);
  if constexpr (!tame) return _mm512_maskz_scalef_ps(some, _mm512_fmadd_ps(most, root, root), n);
  const __m512 power = _mm512_maskz_scalef_ps(0xffff, root, n);
  return _mm512_fmadd_ps(most, power, power);
}
template <bool tame, class T, int N> GRADUS_INLINE Pack<T, N> exp_below(const Pack<T, N>& high, const Pack<T, N>& low) {
  Pack<T, N> e;
  for (int p = 0; p < Pack<T, N>::parts; ++p) e.part[p] = exp_register<tame>(high.part[p], low.part[p]);
  return e;
}
/// What softmax is worked out in.
template <class Real> using Precise = Real;
#else
template <bool tame, class T, int N> GRADUS_INLINE Pack<T, N> exp_below(const Pack<T, N>& high, const Pack<T, N>& low) {
  const Pack<T, N> e = exp(high);
  return e + e * low;
}
template <class Real> using Precise = double;
#endif
/// x/total with the rounding error of x·(1/total) put back: as good as a division, which takes three times as long.
template <class T, int N> GRADUS_INLINE Pack<T, N> quotient(const Pack<T, N>& x, const Pack<T, N>& total, const Pack<T, N>& inverse) {
  if constexpr (has_fma) {
    const Pack<T, N> q = x * inverse;
    return fma(fma(-q, total, x), inverse, q);
  } else {
    return x / total;
  }
}

/// Sums over lanes that keep their rounding errors.
template <class T, int N> class LaneSum {
 public:
  GRADUS_INLINE void add(const Pack<T, N>& x) {
    const auto sum = high_ + x, rest = sum - high_;
    low_ += (high_ - (sum - rest)) + (x - rest);
    high_ = sum;
  }
  GRADUS_INLINE void add(const LaneSum& other) {
    add(other.high_);
    low_ += other.low_;
  }
  /// Infinite or NaN once a sum has left the range.
  [[nodiscard]] GRADUS_INLINE double total() const {
    if constexpr (std::is_same_v<T, float>) {
      LaneSum<double, N> wide;
      wide.add(high_);
      wide.add(low_);
      return wide.total();
    } else {
      LaneSum<double, Register<double>::lanes> one;
      for (int p = 0; p < Pack<double, N>::parts; ++p) one.add_register(high_.part[p], low_.part[p]);
      return one.fold_register();
    }
  }
  GRADUS_INLINE void add_register(Register<double>::Values high, Register<double>::Values low) {
    Pack<double, Register<double>::lanes> more;
    more.part[0] = high;
    add(more);
    low_.part[0] = low_.part[0] + low;
  }
  [[nodiscard]] GRADUS_INLINE double fold_register() const { return fold(high_.part[0], low_.part[0]); }
  [[nodiscard]] GRADUS_INLINE Pack<T, N> by_lane() const { return where(low_ - low_ == 0.0, high_ + low_, high_); }

 private:
  Pack<T, N> high_{0.0}, low_{0.0};
};

/// The same for floats in double, whose rounding errors are nothing to a float: 2^-29 of its ulp for each of the terms in a lane.
template <int N> class FloatSum {
 public:
  GRADUS_INLINE void add(const Pack<double, N>& x) { sum_ += x; }
  GRADUS_INLINE void add(const FloatSum& other) { sum_ += other.sum_; }
  [[nodiscard]] GRADUS_INLINE double total() const {
    double sum = 0;
    for (int i = 0; i < N; ++i) sum += sum_.lane(i);
    return sum;
  }

 private:
  Pack<double, N> sum_{0.0};
};
/// How the elements of an array are summed.
template <class Real> using ArraySum = std::conditional_t<std::is_same_v<Real, float>, FloatSum<lanes_of<Real>>, LaneSum<double, lanes_of<Real>>>;

/// Two sums side by side, to which parts of an array are added; all but the last have an even number of whole packs.
template <class Real, class Sum> struct SumOfPairs {
  Sum even, odd;
  /// term(i, count) over all packs; lanes beyond the end must be 0.
  template <class Term> GRADUS_INLINE void add(std::size_t n, Term term) {
    constexpr std::size_t lanes = lanes_of<Real>;
    constexpr std::integral_constant<std::size_t, lanes> whole;
    Sum first = even, second = odd;  // in registers, whoever has the address of this
    std::size_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      first.add(term(i, whole));
      second.add(term(i + lanes, whole));
    }
    if (i + lanes <= n) {
      first.add(term(i, whole));
      i += lanes;
    }
    if (i < n) second.add(term(i, n - i));
    even = first, odd = second;
  }
  [[nodiscard]] GRADUS_INLINE double total() {
    even.add(odd);
    return even.total();
  }
};
template <class Real, class Sum = LaneSum<double, lanes_of<Real>>, class Term> GRADUS_INLINE double sum_over(std::size_t n, Term term) {
  SumOfPairs<Real, Sum> sums;
  sums.add(n, term);
  return sums.total();
}

#if defined(__AVX512F__)
GRADUS_INLINE double largest(const Stored<double>& x) { return _mm512_reduce_max_pd(x.part[0]); }
GRADUS_INLINE float largest(const Stored<float>& x) { return _mm512_reduce_max_ps(x.part[0]); }
#else
template <class T, int N> GRADUS_INLINE T largest(const Pack<T, N>& x) {
  T most = x.lane(0);
  for (int i = 1; i < N; ++i) most = most < x.lane(i) ? x.lane(i) : most;
  return most;
}
#endif

GRADUS_INLINE double plain_total(double x) { return x; }
template <class V> GRADUS_INLINE double plain_total(V x)
  requires(sizeof(V) > sizeof(double) && sizeof(x[0]) == sizeof(double))
{
  return plain_total(low_half(x) + high_half(x));
}
/// Sums of the lanes of a pack: as many as a register of doubles has.
using OneRegister = Pack<double, Register<double>::lanes>;
template <int N> GRADUS_INLINE OneRegister one_register(const Pack<double, N>& x) {
  OneRegister sum;
  sum.part[0] = x.part[0];
  for (int p = 1; p < Pack<double, N>::parts; ++p) sum.part[0] = sum.part[0] + x.part[p];
  return sum;
}
template <int N> GRADUS_INLINE OneRegister one_register(const Pack<float, N>& x) { return one_register(Pack<double, N>(x)); }
template <class T, int N> GRADUS_INLINE double plain_total(const Pack<T, N>& x) { return plain_total(one_register(x).part[0]); }

}  // namespace gradus
