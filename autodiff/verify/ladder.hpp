// The ladder of oracles for any function with a pullback: from what must hold of every pullback to what only this one should be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <autodiff/verify/report.hpp>
#include <autodiff/verify/subject.hpp>

namespace gradus {

/// How much to check, and with what.
struct CheckOptions {
  std::uint64_t seed = 0x5eed;       ///< of cotangents, directions and generated points
  bool witnesses = true;             ///< false: a black box, by differences and structure alone
  bool hard = true;                  ///< generated points: tails, zeros, ties, extreme magnitudes too, not only normal ones
  std::size_t points = 4;            ///< generated points a regime
  std::size_t only = npos;           ///< of the generated points, only this one: replays a failure
  std::size_t directional_above = 200;  ///< more inputs than this are checked along random directions instead of one by one
  std::size_t probes = 6;            ///< how many directions
  std::size_t max_failures = 20;     ///< generated points: stop after this many failed
  double budget = 0;                 ///< seconds after which no further point is begun; 0: none
  bool shrink = true;                ///< look for a simpler input that fails too
  std::vector<double> cotangent = {};  ///< one number a result, as a failure reports it; random ones if empty
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
};

/// Checks the pullback at x. Structure first (zero, scaled and added cotangents, replays, dirty buffers, mutation, exceptions), then every entry
/// of the gradient by finite differences, the witnesses, forward mode and path integrals, as far as the subject has them.
/// Throws ShapeError when sizes differ.
[[nodiscard]] CheckResult check(const Subject& subject, std::span<const double> x, const CheckOptions& options = {});
/// The same at generated points of `inputs` numbers: normal ones, tails, zeros and subnormals, ties, steps, extreme magnitudes.
[[nodiscard]] CheckResult check_everywhere(const Subject& subject, std::size_t inputs, const CheckOptions& options = {});

}  // namespace gradus
