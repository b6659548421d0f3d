// Points at which functions of several inputs are checked, regime by regime.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <autodiff/op.hpp>

namespace gradus {

/// A generated input and the regime it comes from.
struct GeneratedPoint {
  std::string regime;
  std::vector<double> x;
};

/// `each` points of every regime, the same for the same seed: normal numbers; if `hard` also tails to ±60, numbers near and at 0, ±1, ±½ and ±3
/// (where kinks lie), ties, signed zeros and subnormals, magnitudes from 1e-6 to 1e6, small integers, one input that dominates,
/// all of one scale from 1e-9 to 1e6; of one or two inputs many more, up to 1e200. Mapped into the domain.
[[nodiscard]] std::vector<GeneratedPoint> generate_points(std::size_t inputs, std::span<const Domain> domain, std::uint64_t seed, std::size_t each, bool hard);

}  // namespace gradus
