// The loops that replay a plan, compiled once for each instruction set: what they read and write, and which to use on this machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include <autodiff/program/plan.hpp>

namespace gradus::replay {

/// A share of a batch: what one call of a replay loop reads and writes. Plain pointers, as no inline function may be shared between instruction sets.
struct Share {
  const Plan* plan = nullptr;
  const double* samples = nullptr;       ///< row-major
  std::size_t inputs = 0;                ///< numbers a sample
  const std::size_t* which = nullptr;    ///< the samples to replay; null: begin, begin + 1, …
  std::size_t begin = 0, end = 0;        ///< positions in `which`, or samples
  const double* uniforms = nullptr;
  double* rows = nullptr;                ///< plan rows and 4 more, each `lanes` long, on a boundary of 64 bytes
  bool reverse = false;
  double* uniform_adjoints = nullptr;    ///< a vector of `width` lanes for each uniform, added to
  double* values = nullptr;              ///< one a sample, where wanted
  double* gradients = nullptr;           ///< `inputs` a sample, where wanted; written whole
  double sum = 0;                        ///< of the values, added to
  std::size_t* others = nullptr;         ///< room for end - begin: the samples that take another branch
  std::size_t other_count = 0;           ///< out
};

struct Loops {
  std::size_t width;  ///< numbers in a vector
  /// Replays a share, in blocks of vectors·width lanes. `vectors` is 1, 2, 4 or 8.
  void (*replay)(Share& share, std::size_t vectors);
  /// The same for one sample in lane 0, whose loads and seeds the caller has written to their rows: what is the same for all samples.
  void (*forward)(const Share& share);
  void (*pull_back)(const Share& share);
};

/// The loops for the instruction set in use (simd/isa.hpp). Throws ArgumentError when GRADUS_ISA is wrong.
[[nodiscard]] const Loops& loops();

// One a source file.
extern const Loops baseline_loops;
extern const Loops avx2_loops;
extern const Loops avx512_loops;

}  // namespace gradus::replay
