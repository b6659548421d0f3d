// Several numbers side by side in vector registers: arithmetic, comparisons, choice, loads and stores. Formulas over a Number take it for one.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <autodiff/number.hpp>

namespace gradus {

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

template <class T> struct IntegerOf;
template <> struct IntegerOf<float> {
  using type = std::int32_t;
};
template <> struct IntegerOf<double> {
  using type = std::int64_t;
};

/// One register of T: its values, its bits, and which lanes a condition holds in.
template <class T> struct Register {
  static constexpr int lanes = register_bytes / static_cast<int>(sizeof(T));
  using Integer = typename IntegerOf<T>::type;
  typedef T Values __attribute__((vector_size(register_bytes)));
  typedef Integer Bits __attribute__((vector_size(register_bytes)));
#if defined(__AVX512F__)
  using Mask = std::conditional_t<sizeof(T) == 8, __mmask8, __mmask16>;  // GCC 12 does not find mask registers for vectors of integers by itself
#else
  using Mask = Bits;
#endif
};

#define GRADUS_INLINE [[gnu::always_inline]] inline

namespace detail {
// How registers are compared and chosen from.
#if defined(__AVX512F__)
#define GRADUS_COMPARE(name, predicate)                                                             \
  GRADUS_INLINE __mmask8 name(__m512d a, __m512d b) { return _mm512_cmp_pd_mask(a, b, predicate); } \
  GRADUS_INLINE __mmask16 name(__m512 a, __m512 b) { return _mm512_cmp_ps_mask(a, b, predicate); }
GRADUS_COMPARE(less, _CMP_LT_OQ)
GRADUS_COMPARE(less_equal, _CMP_LE_OQ)
GRADUS_COMPARE(equal, _CMP_EQ_OQ)
#undef GRADUS_COMPARE
GRADUS_INLINE __m512d blend(__mmask8 m, __m512d yes, __m512d no) { return _mm512_mask_blend_pd(m, no, yes); }
GRADUS_INLINE __m512 blend(__mmask16 m, __m512 yes, __m512 no) { return _mm512_mask_blend_ps(m, no, yes); }
GRADUS_INLINE unsigned bits_of(__mmask8 m) { return m; }
GRADUS_INLINE unsigned bits_of(__mmask16 m) { return m; }
#else
template <class V> GRADUS_INLINE auto less(V a, V b) { return a < b; }
template <class V> GRADUS_INLINE auto less_equal(V a, V b) { return a <= b; }
template <class V> GRADUS_INLINE auto equal(V a, V b) { return a == b; }
template <class M, class V> GRADUS_INLINE V blend(M m, V yes, V no) { return m ? yes : no; }
#if defined(__AVX2__)
GRADUS_INLINE unsigned bits_of(Register<double>::Mask m) { return static_cast<unsigned>(_mm256_movemask_pd(reinterpret_cast<__m256d>(m))); }
GRADUS_INLINE unsigned bits_of(Register<float>::Mask m) { return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(m))); }
#elif defined(__SSE2__)
GRADUS_INLINE unsigned bits_of(Register<double>::Mask m) { return static_cast<unsigned>(_mm_movemask_pd(reinterpret_cast<__m128d>(m))); }
GRADUS_INLINE unsigned bits_of(Register<float>::Mask m) { return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(m))); }
#else
template <class M> GRADUS_INLINE unsigned bits_of(M m) {
  unsigned bits = 0;
  for (unsigned i = 0; i < register_bytes / sizeof(m[0]); ++i) bits |= m[i] != 0 ? 1U << i : 0U;
  return bits;
}
#endif
#endif

// The second where either is NaN.
#if defined(__AVX512F__)
GRADUS_INLINE __m512d larger(__m512d a, __m512d b) { return _mm512_max_pd(a, b); }
GRADUS_INLINE __m512 larger(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
GRADUS_INLINE __m512d smaller(__m512d a, __m512d b) { return _mm512_min_pd(a, b); }
GRADUS_INLINE __m512 smaller(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
#else
template <class V> GRADUS_INLINE V larger(V a, V b) { return a > b ? a : b; }
template <class V> GRADUS_INLINE V smaller(V a, V b) { return a < b ? a : b; }
#endif

// a*b + c, rounded once.
#if defined(__AVX512F__)
GRADUS_INLINE __m512d fused(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }
GRADUS_INLINE __m512 fused(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
GRADUS_INLINE __m512d root(__m512d a) { return _mm512_sqrt_pd(a); }
GRADUS_INLINE __m512 root(__m512 a) { return _mm512_sqrt_ps(a); }
#elif defined(__AVX2__) && defined(__FMA__)
GRADUS_INLINE __m256d fused(__m256d a, __m256d b, __m256d c) { return _mm256_fmadd_pd(a, b, c); }
GRADUS_INLINE __m256 fused(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
GRADUS_INLINE __m256d root(__m256d a) { return _mm256_sqrt_pd(a); }
GRADUS_INLINE __m256 root(__m256 a) { return _mm256_sqrt_ps(a); }
#else
template <class V> GRADUS_INLINE V fused(V a, V b, V c) {
  V r{};
  for (unsigned i = 0; i < sizeof(V) / sizeof(a[0]); ++i)
    if constexpr (sizeof(a[0]) == 8) r[i] = __builtin_fma(a[i], b[i], c[i]);
    else r[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return r;
}
#if defined(__SSE2__)
GRADUS_INLINE __m128d root(__m128d a) { return _mm_sqrt_pd(a); }
GRADUS_INLINE __m128 root(__m128 a) { return _mm_sqrt_ps(a); }
#else
template <class V> GRADUS_INLINE V root(V a) {
  V r{};
  for (unsigned i = 0; i < sizeof(V) / sizeof(a[0]); ++i)
    if constexpr (sizeof(a[0]) == 8) r[i] = __builtin_sqrt(a[i]);
    else r[i] = __builtin_sqrtf(a[i]);
  return r;
}
#endif
#endif

// Half a register of floats as one of doubles, and back.
typedef float HalfRegister __attribute__((vector_size(register_bytes / 2)));
GRADUS_INLINE Register<double>::Values widened(HalfRegister h) {
#if defined(__AVX512F__)
  return _mm512_cvtps_pd(h);  // GCC 12 converts quarters
#else
  return __builtin_convertvector(h, Register<double>::Values);
#endif
}
GRADUS_INLINE Register<double>::Values widened(const Register<float>::Values& x, int half) {
#if defined(__AVX512F__)
  return widened(half == 0 ? _mm512_castps512_ps256(x) : _mm512_extractf32x8_ps(x, 1));  // GCC 12 goes through memory
#else
  HalfRegister h;
  __builtin_memcpy(&h, reinterpret_cast<const char*>(&x) + static_cast<std::size_t>(half) * sizeof h, sizeof h);
  return widened(h);
#endif
}
GRADUS_INLINE Register<float>::Values narrowed(Register<double>::Values low, Register<double>::Values high) {
#if defined(__AVX512F__)
  const HalfRegister a = _mm512_cvtpd_ps(low), b = _mm512_cvtpd_ps(high);
#else
  const HalfRegister a = __builtin_convertvector(low, HalfRegister), b = __builtin_convertvector(high, HalfRegister);
#endif
  Register<float>::Values x;
  __builtin_memcpy(&x, &a, sizeof a);
  __builtin_memcpy(reinterpret_cast<char*>(&x) + sizeof a, &b, sizeof b);
  return x;
}
}  // namespace detail

/// In which of N lanes a condition on numbers of type T holds.
template <class T, int N> struct Mask {
  static constexpr bool is_mask = true;
  static constexpr int parts = N / Register<T>::lanes;
  static_assert(parts * Register<T>::lanes == N && N <= 32, "a pack fills whole registers");
  typename Register<T>::Mask part[parts];

  GRADUS_INLINE friend Mask operator&&(Mask a, Mask b) {
    for (int p = 0; p < parts; ++p) a.part[p] = static_cast<Part>(a.part[p] & b.part[p]);
    return a;
  }
  GRADUS_INLINE friend Mask operator||(Mask a, Mask b) {
    for (int p = 0; p < parts; ++p) a.part[p] = static_cast<Part>(a.part[p] | b.part[p]);
    return a;
  }
  GRADUS_INLINE friend Mask operator!(Mask a) {
    for (int p = 0; p < parts; ++p) a.part[p] = static_cast<Part>(~a.part[p]);
    return a;
  }
  /// Bit i is set when lane i is.
  [[nodiscard]] GRADUS_INLINE unsigned bits() const {
    unsigned b = 0;
    for (int p = 0; p < parts; ++p) b |= detail::bits_of(part[p]) << (p * Register<T>::lanes);
    return b;
  }

 private:
  using Part = typename Register<T>::Mask;
};

template <class T, int N> [[nodiscard]] GRADUS_INLINE bool any(const Mask<T, N>& m) { return m.bits() != 0; }
template <class T, int N> [[nodiscard]] GRADUS_INLINE bool all(const Mask<T, N>& m) { return m.bits() == (N == 32 ? ~0U : (1U << (N % 32)) - 1); }

/// N numbers of type T, a multiple of what a register holds. Mixes with plain numbers, and of a float and a double pack makes a double one.
template <class T, int N> struct Pack {
  using value_type = T;
  static constexpr int lanes = N, per_register = Register<T>::lanes, parts = N / per_register;
  static_assert(parts * per_register == N, "a pack fills whole registers");
  using Values = typename Register<T>::Values;
  Values part[parts];

  Pack() = default;
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_INLINE Pack(S value) {  // NOLINT: a constant is a number
    for (int p = 0; p < parts; ++p) part[p] = static_cast<T>(value) - Values{};
  }
  template <class S>
    requires(std::is_same_v<T, double> && std::is_same_v<S, float>)
  GRADUS_INLINE Pack(const Pack<S, N>& narrow) {  // NOLINT: as a float converts to double
    for (int p = 0; p < parts; ++p) part[p] = detail::widened(narrow.part[p / 2], p % 2);
  }
  template <class S>
    requires(std::is_same_v<T, float> && std::is_same_v<S, double>)
  GRADUS_INLINE explicit Pack(const Pack<S, N>& wide) {
    for (int p = 0; p < parts; ++p) part[p] = detail::narrowed(wide.part[2 * p], wide.part[2 * p + 1]);
  }

  [[nodiscard]] GRADUS_INLINE static Pack load(const T* from) {
    Pack x;
    __builtin_memcpy(x.part, from, sizeof x.part);
    return x;
  }
  /// The first n lanes; the others are 0.
  [[nodiscard]] GRADUS_INLINE static Pack load(const T* from, std::size_t n) {
    Pack x(0.0);
    __builtin_memcpy(x.part, from, n * sizeof(T));
    return x;
  }
  GRADUS_INLINE void store(T* to) const { __builtin_memcpy(to, part, sizeof part); }
  GRADUS_INLINE void store(T* to, std::size_t n) const { __builtin_memcpy(to, part, n * sizeof(T)); }
  [[nodiscard]] GRADUS_INLINE T lane(int i) const { return part[i / per_register][i % per_register]; }
  GRADUS_INLINE void set_lane(int i, T value) { part[i / per_register][i % per_register] = value; }

  GRADUS_INLINE friend Pack operator+(Pack a, const Pack& b) {
    for (int p = 0; p < parts; ++p) a.part[p] = a.part[p] + b.part[p];
    return a;
  }
  GRADUS_INLINE friend Pack operator-(Pack a, const Pack& b) {
    for (int p = 0; p < parts; ++p) a.part[p] = a.part[p] - b.part[p];
    return a;
  }
  GRADUS_INLINE friend Pack operator*(Pack a, const Pack& b) {
    for (int p = 0; p < parts; ++p) a.part[p] = a.part[p] * b.part[p];
    return a;
  }
  GRADUS_INLINE friend Pack operator/(Pack a, const Pack& b) {
    for (int p = 0; p < parts; ++p) a.part[p] = a.part[p] / b.part[p];
    return a;
  }
  GRADUS_INLINE friend Pack operator-(Pack a) {
    for (int p = 0; p < parts; ++p) a.part[p] = -a.part[p];
    return a;
  }
  GRADUS_INLINE Pack& operator+=(const Pack& b) { return *this = *this + b; }
  GRADUS_INLINE Pack& operator-=(const Pack& b) { return *this = *this - b; }
  GRADUS_INLINE Pack& operator*=(const Pack& b) { return *this = *this * b; }
  GRADUS_INLINE Pack& operator/=(const Pack& b) { return *this = *this / b; }

  using Holds = Mask<T, N>;
  GRADUS_INLINE friend Holds operator<(const Pack& a, const Pack& b) {
    Holds m;
    for (int p = 0; p < parts; ++p) m.part[p] = detail::less(a.part[p], b.part[p]);
    return m;
  }
  GRADUS_INLINE friend Holds operator<=(const Pack& a, const Pack& b) {
    Holds m;
    for (int p = 0; p < parts; ++p) m.part[p] = detail::less_equal(a.part[p], b.part[p]);
    return m;
  }
  GRADUS_INLINE friend Holds operator==(const Pack& a, const Pack& b) {
    Holds m;
    for (int p = 0; p < parts; ++p) m.part[p] = detail::equal(a.part[p], b.part[p]);
    return m;
  }
  GRADUS_INLINE friend Holds operator!=(const Pack& a, const Pack& b) { return !(a == b); }
  GRADUS_INLINE friend Holds operator>(const Pack& a, const Pack& b) { return b < a; }
  GRADUS_INLINE friend Holds operator>=(const Pack& a, const Pack& b) { return b <= a; }
};

template <class X> constexpr bool is_pack = false;
template <class T, int N> constexpr bool is_pack<Pack<T, N>> = true;

/// f of every register.
template <class T, int N, class F> [[nodiscard]] GRADUS_INLINE Pack<T, N> by_register(const Pack<T, N>& x, F f) {
  Pack<T, N> y;
  for (int p = 0; p < Pack<T, N>::parts; ++p) y.part[p] = f(x.part[p]);
  return y;
}

template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> abs(Pack<T, N> x) {
  using Bits = typename Register<T>::Bits;
  for (auto& p : x.part)
    p = reinterpret_cast<typename Register<T>::Values>(reinterpret_cast<Bits>(p) & ~reinterpret_cast<Bits>(-typename Register<T>::Values{}));
  return x;
}
/// The larger of a bound and x, and the smaller: NaN where x is.
template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> larger(Pack<T, N> bound, const Pack<T, N>& x) {
  for (int p = 0; p < Pack<T, N>::parts; ++p) bound.part[p] = detail::larger(bound.part[p], x.part[p]);
  return bound;
}
template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> smaller(Pack<T, N> bound, const Pack<T, N>& x) {
  for (int p = 0; p < Pack<T, N>::parts; ++p) bound.part[p] = detail::smaller(bound.part[p], x.part[p]);
  return bound;
}
template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> sqrt(const Pack<T, N>& x) {
  return by_register(x, [](auto r) { return detail::root(r); });
}
/// a*b + c, rounded once; slow without FMA instructions.
template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> fma(Pack<T, N> a, const Pack<T, N>& b, const Pack<T, N>& c) {
  for (int p = 0; p < Pack<T, N>::parts; ++p) a.part[p] = detail::fused(a.part[p], b.part[p], c.part[p]);
  return a;
}
/// a*b + c, rounded as is fastest.
template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> multiply_add(const Pack<T, N>& a, const Pack<T, N>& b, const Pack<T, N>& c) {
  if constexpr (has_fma) return fma(a, b, c);
  else return a * b + c;
}

/// The lower and the upper lanes of a pack of floats, as doubles; and one pack of floats made of two halves.
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N / 2> low_half(const Pack<float, N>& x) {
  Pack<double, N / 2> y;
  for (int p = 0; p < Pack<float, N>::parts; ++p) y.part[p] = detail::widened(x.part[p / 2], p % 2);
  return y;
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N / 2> high_half(const Pack<float, N>& x) {
  constexpr int parts = Pack<float, N>::parts;
  Pack<double, N / 2> y;
  for (int p = 0; p < parts; ++p) y.part[p] = detail::widened(x.part[(parts + p) / 2], (parts + p) % 2);
  return y;
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<float, 2 * N> join(const Pack<double, N>& low, const Pack<double, N>& high) {
  Pack<double, 2 * N> both;
  constexpr int parts = Pack<double, N>::parts;
  for (int p = 0; p < parts; ++p) {
    both.part[p] = low.part[p];
    both.part[parts + p] = high.part[p];
  }
  return Pack<float, 2 * N>(both);
}

/// For each lane what is_extreme says of a number.
template <class T, int N> [[nodiscard]] GRADUS_INLINE Mask<T, N> is_extreme(const Pack<T, N>& x) {
  constexpr T smallest = std::is_same_v<T, double> ? static_cast<T>(0x1p-959) : static_cast<T>(0x1p-111);
  constexpr T largest = std::is_same_v<T, double> ? static_cast<T>(0x1p961) : static_cast<T>(0x1p113);
  const Pack<T, N> size = abs(x);
  return !(size >= smallest && size < largest);
}

namespace detail {
template <class U, class T, int N> [[nodiscard]] GRADUS_INLINE Mask<U, N> mask_for(const Mask<T, N>& m) {
  if constexpr (std::is_same_v<U, T>) {
    return m;
  } else {
    Mask<U, N> r;
    for (int p = 0; p < Mask<U, N>::parts; ++p) {
#if defined(__AVX512F__)
      r.part[p] = static_cast<typename Register<U>::Mask>(m.bits() >> (p * Register<U>::lanes));
#else
      for (int i = 0; i < Register<U>::lanes; ++i) r.part[p][i] = (m.bits() >> (p * Register<U>::lanes + i) & 1) != 0 ? -1 : 0;
#endif
    }
    return r;
  }
}
template <class T, int N, class U> struct Chosen {
  using type = U;
};
}  // namespace detail

/// In each lane `yes` or `no`. Callables are evaluated only when some lane wants them, but then for all lanes.
template <class T, int N, class Yes, class No> [[nodiscard]] GRADUS_INLINE auto where(const Mask<T, N>& condition, Yes&& yes, No&& no) {
  using Y = std::remove_cvref_t<decltype(detail::force(yes))>;
  using M = std::remove_cvref_t<decltype(detail::force(no))>;
  constexpr bool wide = std::is_same_v<Y, Pack<double, N>> || std::is_same_v<M, Pack<double, N>>;
  using Result = Pack<std::conditional_t<wide, double, T>, N>;
  if constexpr (std::invocable<Yes> || std::invocable<No>) {
    if (all(condition)) return static_cast<Result>(detail::force(yes));
    if (!any(condition)) return static_cast<Result>(detail::force(no));
  }
  const auto a = static_cast<Result>(detail::force(yes)), b = static_cast<Result>(detail::force(no));
  const auto mask = detail::mask_for<typename Result::value_type>(condition);
  Result r;
  for (int p = 0; p < Result::parts; ++p) r.part[p] = detail::blend(mask.part[p], a.part[p], b.part[p]);
  return r;
}

// What number.hpp has for plain numbers.
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> at_least_double(const Pack<float, N>& x) { return x; }
template <int N> struct WiderReal<Pack<float, N>> {
  using type = Pack<double, N>;
};
template <class T, int N> [[nodiscard]] GRADUS_INLINE TwoPart<Pack<T, N>> two_product(const Pack<T, N>& a, const Pack<T, N>& b) {
  const Pack<T, N> high = a * b, low = fma(a, b, -high);
  return {high, where(low - low == 0.0, low, 0.0)};
}
template <class T, int N> [[nodiscard]] GRADUS_INLINE TwoPart<Pack<T, N>> two_sum(const Pack<T, N>& a, const Pack<T, N>& b) {
  const Pack<T, N> high = a + b, rest = high - a, low = (a - (high - rest)) + (b - rest);
  return {high, where(low == low, low, 0.0)};
}
template <class T, int N> [[nodiscard]] GRADUS_INLINE TwoPart<Pack<T, N>> two_quotient(const Pack<T, N>& a, const Pack<T, N>& b) {
  const Pack<T, N> high = a / b, low = fma(-high, b, a) / b;
  return {high, where(low - low == 0.0, low, 0.0)};
}
template <class T, int N, std::size_t Terms> [[nodiscard]] GRADUS_INLINE Pack<T, N> polynomial(const Pack<T, N>& x, const double (&c)[Terms]) {
  Pack<T, N> sum(c[Terms - 1]);
  for (std::size_t i = Terms - 1; i-- > 0;) sum = multiply_add(sum, x, Pack<T, N>(c[i]));
  return sum;
}

}  // namespace gradus
