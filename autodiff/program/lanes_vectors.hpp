// Vectors of GRADUS_LANES doubles for the replay loops. In an unnamed namespace, like the loops.
#pragma once

#include <cstddef>
#include <cstdint>

#if GRADUS_LANES > 2
#include <immintrin.h>
#endif

namespace gradus::replay {
namespace {

constexpr std::size_t width = GRADUS_LANES;
typedef double Vec __attribute__((vector_size(8 * GRADUS_LANES), may_alias));
typedef std::int64_t Mask __attribute__((vector_size(8 * GRADUS_LANES), may_alias));

[[gnu::always_inline]] inline Vec broadcast(double x) { return x - Vec{}; }
[[gnu::always_inline]] inline bool any(Mask m) {
#if GRADUS_LANES == 8
  return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0;
#elif GRADUS_LANES == 4
  return _mm256_testz_si256((__m256i)m, (__m256i)m) == 0;
#else
  return (m[0] | m[1]) != 0;
#endif
}

/// a·b + c, rounded once where the machine can. For adjoints only: values are those of the function on double.
[[gnu::always_inline]] inline Vec multiply_add(Vec a, Vec b, Vec c) {
#if GRADUS_LANES == 8
  return (Vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif GRADUS_LANES == 4
  return (Vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  return a * b + c;
#endif
}

}  // namespace
}  // namespace gradus::replay
