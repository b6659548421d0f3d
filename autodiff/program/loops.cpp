// The choice of replay loops at run time.
#include <autodiff/program/loops.hpp>

#include <autodiff/simd/isa.hpp>
#include <autodiff/wide_dual.hpp>

namespace gradus::replay {

const Loops& loops() {
#if defined(__x86_64__)
  static const Loops& chosen = at_active_isa(baseline_loops, avx2_loops, avx512_loops);
  return chosen;
#else
  return baseline_loops;
#endif
}

}  // namespace gradus::replay

namespace gradus::detail {
std::size_t find_vector_width() {
  const std::size_t width = replay::loops().width;
  known_vector_width.store(width, std::memory_order_relaxed);
  return width;
}
}  // namespace gradus::detail
