// The mathematical functions of packs: SLEEF's of at most 1 ulp, or the standard ones lane by lane where there is no SLEEF.
#pragma once

#if GRADUS_HAS_SLEEF && defined(__x86_64__)
#include <sleef.h>
#define GRADUS_CALLS_SLEEF 1
#endif

#include <autodiff/simd/pack.hpp>

namespace gradus {

#if GRADUS_CALLS_SLEEF
#if defined(__AVX512F__)
#define GRADUS_SLEEF_DOUBLE(name, ulp) Sleef_##name##d8_##ulp##avx512f
#define GRADUS_SLEEF_FLOAT(name, ulp) Sleef_##name##f16_##ulp##avx512f
#elif defined(__AVX2__)
#define GRADUS_SLEEF_DOUBLE(name, ulp) Sleef_##name##d4_##ulp##avx2
#define GRADUS_SLEEF_FLOAT(name, ulp) Sleef_##name##f8_##ulp##avx2
#else
#define GRADUS_SLEEF_DOUBLE(name, ulp) Sleef_##name##d2_##ulp##sse2
#define GRADUS_SLEEF_FLOAT(name, ulp) Sleef_##name##f4_##ulp##sse2
#endif
#define GRADUS_UNARY(name, ulp)                                                                                   \
  namespace detail {                                                                                              \
  GRADUS_INLINE Register<double>::Values name(Register<double>::Values x) { return GRADUS_SLEEF_DOUBLE(name, ulp)(x); } \
  GRADUS_INLINE Register<float>::Values name(Register<float>::Values x) { return GRADUS_SLEEF_FLOAT(name, ulp)(x); }     \
  }                                                                                                               \
  template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> x) {                           \
    for (auto& p : x.part) p = detail::name(p);                                                                   \
    return x;                                                                                                     \
  }
#define GRADUS_BINARY(name, ulp)                                                                                  \
  namespace detail {                                                                                              \
  GRADUS_INLINE Register<double>::Values name(Register<double>::Values a, Register<double>::Values b) { return GRADUS_SLEEF_DOUBLE(name, ulp)(a, b); } \
  GRADUS_INLINE Register<float>::Values name(Register<float>::Values a, Register<float>::Values b) { return GRADUS_SLEEF_FLOAT(name, ulp)(a, b); }     \
  }                                                                                                               \
  template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> a, const Pack<T, N>& b) {      \
    for (int p = 0; p < Pack<T, N>::parts; ++p) a.part[p] = detail::name(a.part[p], b.part[p]);                   \
    return a;                                                                                                     \
  }
#else
#define GRADUS_UNARY(name, ulp)                                                         \
  template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> x) { \
    for (int i = 0; i < N; ++i) x.set_lane(i, std::name(x.lane(i)));                    \
    return x;                                                                           \
  }
#define GRADUS_BINARY(name, ulp)                                                                             \
  template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> a, const Pack<T, N>& b) { \
    for (int i = 0; i < N; ++i) a.set_lane(i, std::name(a.lane(i), b.lane(i)));                              \
    return a;                                                                                                \
  }
#endif

GRADUS_UNARY(exp, u10)
GRADUS_UNARY(exp2, u10)
GRADUS_UNARY(expm1, u10)
GRADUS_UNARY(log, u10)
GRADUS_UNARY(log2, u10)
GRADUS_UNARY(log10, u10)
GRADUS_UNARY(log1p, u10)
GRADUS_UNARY(cbrt, u10)
GRADUS_UNARY(sin, u10)
GRADUS_UNARY(cos, u10)
GRADUS_UNARY(tan, u10)
GRADUS_UNARY(asin, u10)
GRADUS_UNARY(acos, u10)
GRADUS_UNARY(atan, u10)
GRADUS_UNARY(sinh, u10)
GRADUS_UNARY(cosh, u10)
GRADUS_UNARY(tanh, u10)
GRADUS_UNARY(asinh, u10)
GRADUS_UNARY(acosh, u10)
GRADUS_UNARY(atanh, u10)
GRADUS_UNARY(erf, u10)
GRADUS_UNARY(erfc, u15)
GRADUS_BINARY(atan2, u10)
GRADUS_BINARY(pow, u10)
GRADUS_BINARY(hypot, u05)
#undef GRADUS_UNARY
#undef GRADUS_BINARY

}  // namespace gradus
