// Verifies registered ops: every regime, both sides of every kink, by three independent oracles.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <autodiff/verify/report.hpp>
#include <ops/registry.hpp>

namespace gradus {

/// How ops are checked.
struct OpCheckOptions {
  std::uint64_t seed = 1;    ///< of the generated operands of array ops
  unsigned threads = 0;      ///< 0: one a core
  double budget = 0;         ///< seconds after which no further op is begun; 0: none
};

/// Values against the textbook formula in 400 digits; the derivatives that the tape, the array path and forward mode give, against the textbook
/// derivative in 400 digits ("closed form"), the difference quotient of the formula in 400 digits ("high precision") and the
/// finite-difference estimator of the op itself in double ("difference").
[[nodiscard]] CheckResult check_op(const ElementwiseEntry& op);
/// The same for an array op on generated operands: the pullback of random adjoints against explicit sums over the textbook Jacobian.
[[nodiscard]] CheckResult check_op(const ArrayEntry& op, std::uint64_t seed);
/// Checks the named ops, in parallel; results are in the order of the names. `progress` is called after each, from one thread at a time.
/// Ops that the budget left out are inconclusive, of no points, and say so in their advice.
/// Throws ArgumentError for an unknown name.
[[nodiscard]] std::vector<CheckResult> check_ops(std::span<const std::string> names, const OpCheckOptions& options = {},
                                                 const std::function<void(const CheckResult&, std::size_t done)>& progress = {});

}  // namespace gradus
