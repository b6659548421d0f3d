// Why a test that passed could not have failed: mistakes that give the same numbers at the point that was chosen.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <autodiff/verify/subject.hpp>

namespace gradus {

/// In words, one a line; empty when nothing stands out. Looks at equal inputs, zeros and ones, operands of one sign or one element (named inputs,
/// as "slope[2]", are operands), points on one side of a kink, and Jacobians that are symmetric.
[[nodiscard]] std::vector<std::string> adequacy(const Subject& subject, std::span<const double> x);

}  // namespace gradus
