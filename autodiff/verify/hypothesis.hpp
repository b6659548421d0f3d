// A guess in words at what is wrong with a gradient, from how it differs from the right one.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace gradus {

/// What is known of a gradient that was found wrong.
struct Evidence {
  std::span<const double> x, cotangent;                  ///< n inputs, m cotangents
  std::span<const double> got, expected;                 ///< n entries each
  std::vector<std::vector<double>> contributions = {};   ///< if known, one a result: its cotangent times its row of the Jacobian; they add up to `expected`
  /// If known: entries of the Jacobian seen at other points, and whether they were right. For errors that live in one region only.
  struct Sample { double x; bool right; bool kink = false; };
  std::vector<Sample> samples = {};
  std::span<const std::string> inputs = {};              ///< their names, if known: "a[0]", "a[1]", "b[0]" are two operands
};

/// The most specific pattern that fits: "-1 times the expected: a sign", "the last contribution only: '=' where '+=' is needed",
/// "right for |x| <= 8, wrong beyond: a cut-off or cancellation in the tail". Empty when none fits.
[[nodiscard]] std::string hypothesis(const Evidence& evidence);

}  // namespace gradus
