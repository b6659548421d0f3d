// Claims at points far from the given one, in 400 digits.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <autodiff/verify/report.hpp>

#include "claims.hpp"

namespace gradus::cli {

/// What was found far away.
struct FarCheck {
  CheckResult result;     ///< of the points that could be judged
  std::size_t wrong = 0;  ///< points at which a claim is wrong
  /// Label and text: where the claims are right as formulas, but undefined, or without digits in double.
  std::vector<std::pair<std::string, std::string>> remarks = {};
};

/// Judges the claims in 400 digits at points of every sign and magnitude, and at further ones until every branch of every conditional has been
/// visited, as far as points can be found. Only what 400 digits show for certain counts: points where the function is not defined, or where two
/// difference quotients contradict each other, are left out. `wanted` of the findings are kept.
[[nodiscard]] FarCheck check_far(const UserFunction& f, const Claims& claims, Coverage& coverage, std::uint64_t seed, std::size_t wanted);

}  // namespace gradus::cli
