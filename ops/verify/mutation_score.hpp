// The checker's own score: which wrong rules it catches, which oracle does, and whether it ever blames a right one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ops/verify/mutants.hpp>

namespace gradus {

/// How much to run.
struct MutationOptions {
  std::uint64_t seed = 0x5eed;
  std::size_t trials = 100000;     ///< checks of right rules, of which none may be blamed
  std::size_t points = 4;          ///< generated points a regime, for mutants
  unsigned threads = 0;            ///< 0: as many as the machine has; the result is the same with any number
  std::function<void(std::size_t done, std::size_t total)> progress = {};  ///< mutants and trials done; calls do not overlap
};

/// What became of one mutant.
struct MutantFate {
  const Mutant* mutant = nullptr;
  bool killed = false;
  std::vector<std::string> oracles;  ///< those that said it is wrong
};

/// All mutants under the same circumstances.
struct MutationMode {
  std::string name;                  ///< "hard inputs, black box"
  bool hard = false, witnesses = false;
  std::vector<MutantFate> fates;     ///< in the order of mutants()
  [[nodiscard]] std::size_t killed() const;
};

/// A right rule that was blamed.
struct FalseAlarm {
  std::string name, verdict, where, message;
  std::vector<std::string> oracles;
  std::vector<double> x;
  std::uint64_t seed = 0;            ///< check(subject, x, {.seed = seed, .witnesses = witnesses}) repeats it
  bool witnesses = false;
};

struct MutationScore {
  std::vector<MutationMode> modes;   ///< normal and hard inputs as a black box, hard and normal ones with witnesses
  std::size_t trials = 0, undecided = 0, alarms = 0;
  std::vector<FalseAlarm> examples;  ///< of alarms: the first 20
  double seconds = 0;
  /// All wrong rules caught on hard inputs with witnesses, and no right one blamed.
  [[nodiscard]] bool perfect() const;
};

[[nodiscard]] MutationScore run_mutants(const MutationOptions& options = {});

}  // namespace gradus
