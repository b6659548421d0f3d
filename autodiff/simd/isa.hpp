// Instruction sets: which the machine has, which one array kernels use, and how kernels of each are named.
#pragma once

#include <span>
#include <string_view>

namespace gradus {

/// A set of vector instructions: what every processor of the architecture has; AVX2 with FMA; AVX-512 F, DQ, BW and VL.
enum class Isa { baseline, avx2, avx512 };

/// "baseline", "avx2" or "avx512", the values of GRADUS_ISA.
[[nodiscard]] std::string_view name_of(Isa isa) noexcept;
/// Those that this machine can run, the least first.
[[nodiscard]] std::span<const Isa> available_isas() noexcept;
/// The one that array kernels use: the best available, or a lesser one that the environment variable GRADUS_ISA names; it is read once.
/// Throws ArgumentError when the variable names none, or one that the machine lacks.
[[nodiscard]] Isa active_isa();

/// That of three which is meant for the active instruction set.
template <class Kernels> [[nodiscard]] const Kernels& at_active_isa(const Kernels& baseline, const Kernels& avx2, const Kernels& avx512) {
  const Isa isa = active_isa();
  return isa == Isa::avx512 ? avx512 : isa == Isa::avx2 ? avx2 : baseline;
}

}  // namespace gradus

// A source of kernels (gradus_kernels in CMake) is compiled once an instruction set, with `gradus` renamed to gradus_avx2 and so on: otherwise
// the linker would merge inline functions of all of them, and run AVX-512 code on a machine without it. What such a source and its callers share
// is a table of function pointers, of a type in the namespace gradus_kernels, which keeps its name and must hold plain data only:
//   GRADUS_DECLARE_KERNELS(Table, rows)                                            in a header
//   namespace gradus_kernels::GRADUS_ISA_NAME { constinit const Table rows{…}; }   in the source of kernels
//   const Table& table = GRADUS_ACTIVE_KERNELS(rows);                              in any other source
#define GRADUS_DECLARE_KERNELS(Table, name) \
  namespace gradus_kernels {                \
  namespace baseline {                      \
  extern const Table name;                  \
  }                                         \
  namespace avx2 {                          \
  extern const Table name;                  \
  }                                         \
  namespace avx512 {                        \
  extern const Table name;                  \
  }                                         \
  }
#if defined(__x86_64__)
#define GRADUS_ACTIVE_KERNELS(name) ::gradus::at_active_isa(::gradus_kernels::baseline::name, ::gradus_kernels::avx2::name, ::gradus_kernels::avx512::name)
#else
#define GRADUS_ACTIVE_KERNELS(name) \
  ::gradus::at_active_isa(::gradus_kernels::baseline::name, ::gradus_kernels::baseline::name, ::gradus_kernels::baseline::name)
#endif
