// The mathematical functions of packs: SLEEF's of at most 1 ulp, or the standard ones lane by lane where there is no SLEEF; those that activation
// functions are made of are in exponential.hpp.
#pragma once

#if GRADUS_HAS_SLEEF && defined(__x86_64__)
#include <sleef.h>
#define GRADUS_CALLS_SLEEF 1
#endif

#include <autodiff/simd/exponential.hpp>
#include <autodiff/simd/float_exponential.hpp>
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
#define GRADUS_UNARY_OF(T, name, function)                                                    \
  template <int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(const Pack<T, N>& x) {         \
    return by_register(x, [](auto r) __attribute__((always_inline)) { return function(r); }); \
  }
#define GRADUS_BINARY_OF(T, name, function)                                                         \
  template <int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> a, const Pack<T, N>& b) { \
    for (int p = 0; p < Pack<T, N>::parts; ++p) a.part[p] = function(a.part[p], b.part[p]);         \
    return a;                                                                                       \
  }
#else
#define GRADUS_SLEEF_DOUBLE(name, ulp) std::name
#define GRADUS_SLEEF_FLOAT(name, ulp) std::name
#define GRADUS_UNARY_OF(T, name, function)                                     \
  template <int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> x) { \
    for (int i = 0; i < N; ++i) x.set_lane(i, function(x.lane(i)));            \
    return x;                                                                  \
  }
#define GRADUS_BINARY_OF(T, name, function)                                                         \
  template <int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> name(Pack<T, N> a, const Pack<T, N>& b) { \
    for (int i = 0; i < N; ++i) a.set_lane(i, function(a.lane(i), b.lane(i)));                      \
    return a;                                                                                       \
  }
#endif
#define GRADUS_UNARY(name, ulp) GRADUS_UNARY_OF(double, name, GRADUS_SLEEF_DOUBLE(name, ulp))
#define GRADUS_BINARY(name, ulp) GRADUS_BINARY_OF(double, name, GRADUS_SLEEF_DOUBLE(name, ulp))

GRADUS_UNARY(exp2, u10)
GRADUS_UNARY(log, u10)
GRADUS_UNARY(log2, u10)
GRADUS_UNARY(log10, u10)
GRADUS_UNARY(sin, u10)
GRADUS_UNARY(cos, u10)
GRADUS_UNARY(tan, u10)
GRADUS_UNARY(asin, u10)
GRADUS_UNARY(acos, u10)
GRADUS_UNARY(atan, u10)
GRADUS_UNARY(atanh, u10)
GRADUS_UNARY(erf, u10)
#if GRADUS_CALLS_SLEEF
GRADUS_UNARY(cbrt, u10)
GRADUS_UNARY(erfc, u15)
#else
// glibc's own for double are 4 ulps off.
namespace detail {
inline double accurate_cbrt(double x) { return static_cast<double>(std::cbrt(static_cast<long double>(x))); }
inline double accurate_erfc(double x) { return static_cast<double>(std::erfc(static_cast<long double>(x))); }
}  // namespace detail
GRADUS_UNARY_OF(double, cbrt, detail::accurate_cbrt)
GRADUS_UNARY_OF(double, erfc, detail::accurate_erfc)
#endif
GRADUS_BINARY(atan2, u10)
GRADUS_BINARY(pow, u10)
GRADUS_BINARY(hypot, u05)

// Those that SLEEF lets overflow too early.
namespace detail::within_range {
GRADUS_UNARY(log1p, u10)
GRADUS_UNARY(sinh, u10)
GRADUS_UNARY(cosh, u10)
GRADUS_UNARY(asinh, u10)
GRADUS_UNARY(acosh, u10)
}  // namespace detail::within_range
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> log1p(const Pack<double, N>& x) {
  return where(x > 1e300, [&] { return log(x); }, [&] { return detail::within_range::log1p(x); });
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> sinh(const Pack<double, N>& x) {
  const auto size = abs(x);
  return where(size > 700.0, [&] { return detail::copy_sign(detail::shifted_exp(size, -1), x); }, [&] { return detail::within_range::sinh(x); });
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> cosh(const Pack<double, N>& x) {
  const auto size = abs(x);
  return where(size > 700.0, [&] { return detail::shifted_exp(size, -1); }, [&] { return detail::within_range::cosh(x); });
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> asinh(const Pack<double, N>& x) {
  const auto size = abs(x);
  return where(size > 1e100, [&] { return detail::copy_sign(log(size) + 0.6931471805599453, x); }, [&] { return detail::within_range::asinh(x); });
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> acosh(const Pack<double, N>& x) {
  return where(x > 1e100, [&] { return log(x) + 0.6931471805599453; }, [&] { return detail::within_range::acosh(x); });
}

// Of floats, what kernels of rows need: formulas of elementwise ops are evaluated in double.
GRADUS_UNARY_OF(float, exp, GRADUS_SLEEF_FLOAT(exp, u10))
GRADUS_UNARY_OF(float, log, GRADUS_SLEEF_FLOAT(log, u10))
#undef GRADUS_UNARY
#undef GRADUS_BINARY
#undef GRADUS_UNARY_OF
#undef GRADUS_BINARY_OF

}  // namespace gradus
