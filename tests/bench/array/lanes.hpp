// The vectors of the hand-written gradients: those of the machine that compiles them, with functions of SLEEF and libmvec, whichever is faster.
#pragma once

#include <cstddef>
#include <cstring>

#include <immintrin.h>
#include <sleef.h>

extern "C" {  // libmvec, as the compiler itself would call it
__m512d _ZGVeN8v_expm1(__m512d);
__m512 _ZGVeN16v_expm1f(__m512);
__m256d _ZGVdN4v_expm1(__m256d);
__m256 _ZGVdN8v_expm1f(__m256);
__m128d _ZGVbN2v_expm1(__m128d);
__m128 _ZGVbN4v_expm1f(__m128);
}

namespace bench {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#define GRADUS_BENCH_SELECT(V512, V256, V128) V512
#elif defined(__AVX2__)
constexpr std::size_t vector_bytes = 32;
#define GRADUS_BENCH_SELECT(V512, V256, V128) V256
#else
constexpr std::size_t vector_bytes = 16;
#define GRADUS_BENCH_SELECT(V512, V256, V128) V128
#endif

using Doubles [[gnu::vector_size(vector_bytes), gnu::may_alias]] = double;
using Floats [[gnu::vector_size(vector_bytes), gnu::may_alias]] = float;

inline Doubles exp(Doubles x) { return GRADUS_BENCH_SELECT(Sleef_expd8_u10avx512f, Sleef_expd4_u10avx2, Sleef_expd2_u10sse2)(x); }
inline Floats exp(Floats x) { return GRADUS_BENCH_SELECT(Sleef_expf16_u10avx512f, Sleef_expf8_u10avx2, Sleef_expf4_u10sse2)(x); }
inline Doubles log(Doubles x) { return GRADUS_BENCH_SELECT(Sleef_logd8_u35avx512f, Sleef_logd4_u35avx2, Sleef_logd2_u35sse2)(x); }
inline Floats log(Floats x) { return GRADUS_BENCH_SELECT(Sleef_logf16_u35avx512f, Sleef_logf8_u35avx2, Sleef_logf4_u35sse2)(x); }
inline Doubles tanh(Doubles x) { return GRADUS_BENCH_SELECT(Sleef_tanhd8_u35avx512f, Sleef_tanhd4_u35avx2, Sleef_tanhd2_u35sse2)(x); }
inline Floats tanh(Floats x) { return GRADUS_BENCH_SELECT(Sleef_tanhf16_u35avx512f, Sleef_tanhf8_u35avx2, Sleef_tanhf4_u35sse2)(x); }
inline Doubles expm1(Doubles x) { return GRADUS_BENCH_SELECT(_ZGVeN8v_expm1, _ZGVdN4v_expm1, _ZGVbN2v_expm1)(x); }
inline Floats expm1(Floats x) { return GRADUS_BENCH_SELECT(_ZGVeN16v_expm1f, _ZGVdN8v_expm1f, _ZGVbN4v_expm1f)(x); }

template <class Real> struct Lanes;
template <> struct Lanes<double> {
  using Vector = Doubles;
};
template <> struct Lanes<float> {
  using Vector = Floats;
};
template <class Real> using Vector = typename Lanes<Real>::Vector;
template <class Real> constexpr std::size_t lanes = vector_bytes / sizeof(Real);

template <class Real> Vector<Real> all(Real x) { return x - Vector<Real>{}; }
template <class Real> Vector<Real> load(const Real* from) {
  Vector<Real> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class Real> void store(Real* to, Vector<Real> v) { std::memcpy(to, &v, sizeof v); }

/// The first `count` lanes; the others are `fill`.
template <class Real> Vector<Real> load(const Real* from, std::size_t count, Real fill) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Real) == 8) return _mm512_mask_loadu_pd(all(fill), static_cast<__mmask8>((1U << count) - 1), from);
  else return _mm512_mask_loadu_ps(all(fill), static_cast<__mmask16>((1U << count) - 1), from);
#else
  Vector<Real> v = all(fill);
  std::memcpy(&v, from, count * sizeof(Real));
  return v;
#endif
}
template <class Real> void store(Real* to, std::size_t count, Vector<Real> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Real) == 8) _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1), v);
  else _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), v);
#else
  std::memcpy(to, &v, count * sizeof(Real));
#endif
}

template <class V> V max(V a, V b) { return a > b ? a : b; }
/// The lanes combined in pairs.
template <class Real, class Combine> Real reduce(Vector<Real> v, Combine&& combine) {
  Real x[lanes<Real>];
  std::memcpy(x, &v, sizeof v);
  for (std::size_t n = lanes<Real> / 2; n > 0; n /= 2)
    for (std::size_t i = 0; i < n; ++i) x[i] = combine(x[i], x[i + n]);
  return x[0];
}
template <class Real> Real sum(Vector<Real> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Real) == 8) return _mm512_reduce_add_pd(v);
  else return _mm512_reduce_add_ps(v);
#else
  return reduce<Real>(v, [](Real a, Real b) { return a + b; });
#endif
}
template <class Real> Real largest(Vector<Real> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Real) == 8) return _mm512_reduce_max_pd(v);
  else return _mm512_reduce_max_ps(v);
#else
  return reduce<Real>(v, [](Real a, Real b) { return a > b ? a : b; });
#endif
}

}  // namespace bench
