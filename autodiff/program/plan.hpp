// A program ready for replay: steps forward, steps in reverse, and the row of lanes where each value and adjoint is kept while it is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <autodiff/program/listing.hpp>

namespace gradus::replay {

/// Where an operation gets its number from, seen by one plan.
struct Source {
  enum class Kind : std::uint8_t { computed, loaded, uniform };
  Kind kind = Kind::computed;
  bool wanted = false;  ///< for loaded and uniform numbers: their adjoint is asked for
  std::uint32_t index = 0;
};

/// A row of lanes, or a number that is the same in all lanes.
struct Place {
  std::uint32_t bits = 0;
  static constexpr std::uint32_t uniform_bit = std::uint32_t{1} << 31;
  [[nodiscard]] constexpr bool is_uniform() const noexcept { return (bits & uniform_bit) != 0; }
  [[nodiscard]] constexpr std::uint32_t index() const noexcept { return bits & ~uniform_bit; }
};

/// What happens to an adjoint: nothing, its first contribution, one more.
enum class To : std::uint8_t { nothing, set, add };

/// One term of a sum: ±row, ±uniform, ±row·row, ±uniform·row.
struct Term {
  enum class Kind : std::uint8_t { row, uniform, product, scaled };
  Kind kind;
  bool minus;
  std::uint16_t run;  ///< how many terms from here on are of this kind: they share one decision
  std::uint32_t a, b;
};
/// The same in reverse: the adjoints of its factors.
struct TermPullback {
  Term::Kind kind;
  bool minus;
  To to_a, to_b;
  std::uint16_t run;
  std::uint32_t a, b, adjoint_a, adjoint_b;
};

/// A sum of `count` terms from `first` on, an operation on `a` and `b`, or a guard of them.
struct Step {
  enum class Kind : std::uint8_t { sum, divide, unary, binary, guard };
  Kind kind;
  Relation relation = Relation::less;  ///< of a guard, with the answer that its lanes must give
  bool outcome = false;
  std::uint32_t y = 0;
  Place a, b;
  std::uint32_t first = 0, count = 0;  ///< of a sum
  const Kernel* kernel = nullptr;
  std::uint32_t slope = none;          ///< of a unary op whose kernels compute value and derivative together: the row for the derivative
};
struct StepPullback {
  Step::Kind kind;
  To to_a = To::nothing, to_b = To::nothing;
  std::uint32_t adjoint = 0, y = 0;
  Place a, b;
  std::uint32_t adjoint_a = 0, adjoint_b = 0;  ///< rows, or uniforms where the operand is one
  std::uint32_t first = 0, count = 0;
  const Kernel* kernel = nullptr;
  std::uint32_t slope = none;
};

/// A number of the caller with its row: sample[which], or the adjoint of it.
struct Binding { std::uint32_t which, row; };

struct Plan {
  std::vector<Step> steps;
  std::vector<Term> terms;
  std::vector<StepPullback> pullbacks;  ///< in the order in which they run
  std::vector<TermPullback> term_pullbacks;
  std::vector<Binding> loads;           ///< before the first step
  std::vector<std::uint32_t> outputs;   ///< rows of the outputs after the last step
  std::vector<std::uint32_t> seeds;     ///< rows of their adjoints, which the caller fills before the pullbacks; `none` where nothing depends on one
  std::vector<Binding> adjoints;        ///< of what was loaded, after the pullbacks; what is missing has adjoint 0
  std::uint32_t rows = 0;
};

/// Plans the replay of what the outputs and guards need. `sources` has an entry an operation. Guards of uniforms alone are left out.
[[nodiscard]] Plan make_plan(const Listing& listing, std::span<const Source> sources, std::span<const Id> outputs, std::span<const Guard> guards);

}  // namespace gradus::replay
