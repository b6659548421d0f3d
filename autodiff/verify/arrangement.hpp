// Right numbers in wrong places: a gradient, a cotangent or a Jacobian that is transposed, reversed or rolled.
#pragma once

#include <string>
#include <vector>

#include <autodiff/verify/hypothesis.hpp>

namespace gradus::detail {

/// In words; empty when nothing fits. `wrong` are the entries that are not what they should be, `largest` the largest expected one, and numbers
/// that differ by less than `same` of themselves may be one.
[[nodiscard]] std::string wrong_arrangement(const Evidence& evidence, const std::vector<std::size_t>& wrong, double largest, double same);

}  // namespace gradus::detail
