// The choice of replay loops at run time.
#include <autodiff/program/loops.hpp>

#include <cstdlib>
#include <string_view>

#include <autodiff/wide_dual.hpp>

namespace gradus::replay {
namespace {

const Loops& choose() {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const char* text = std::getenv("GRADUS_ISA");
  const std::string_view wanted = text == nullptr ? "" : text;
  if (wanted == "baseline") return baseline_loops;
  if (avx512 && wanted != "avx2") return avx512_loops;
  if (avx2) return avx2_loops;
#endif
  return baseline_loops;
}

}  // namespace

const Loops& loops() {
  static const Loops& chosen = choose();
  return chosen;
}

}  // namespace gradus::replay

namespace gradus::detail {
std::size_t find_vector_width() {
  const std::size_t width = replay::loops().width;
  known_vector_width.store(width, std::memory_order_relaxed);
  return width;
}
}  // namespace gradus::detail
