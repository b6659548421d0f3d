// Asks the processor, and the environment, for the instruction set of array kernels.
#include <autodiff/simd/isa.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include <autodiff/error.hpp>

namespace gradus {
namespace {

constexpr std::array all{Isa::baseline, Isa::avx2, Isa::avx512};

std::size_t count_available() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();  // asks the operating system as well, whether it saves the wide registers
  if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 1;
  const bool avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return avx512 ? 3 : 2;
#else
  return 1;
#endif
}

Isa choose() {
  const std::span<const Isa> available = available_isas();
  const char* wanted = std::getenv("GRADUS_ISA");
  if (wanted == nullptr || *wanted == 0) return available.back();
  for (const Isa isa : all) {
    if (name_of(isa) != wanted) continue;
    if (isa <= available.back()) return isa;
    throw ArgumentError("GRADUS_ISA: this machine does not have " + std::string(wanted) + "; the best that it has is " +
                        std::string(name_of(available.back())));
  }
  throw ArgumentError("GRADUS_ISA: '" + std::string(wanted) + "' is none of baseline, avx2, avx512");
}

}  // namespace

std::string_view name_of(Isa isa) noexcept { return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "baseline"; }

std::span<const Isa> available_isas() noexcept {
  static const std::size_t count = count_available();
  return std::span(all).first(count);
}

Isa active_isa() {
  static const Isa chosen = choose();  // one that throws is asked again
  return chosen;
}

}  // namespace gradus
