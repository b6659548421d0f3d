// Where ops are checked: points by regime that follow from domain and kinks, and generated operands of array ops.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <autodiff/array_op.hpp>
#include <autodiff/op.hpp>
#include <autodiff/tensor.hpp>
#include <autodiff/verify/random.hpp>

namespace gradus {

/// One point at which an elementwise op is checked: a value for each operand.
struct Probe {
  std::string regime;
  std::vector<double> at;
};

/// A grid, tiny values, tails, both sides of every kink, the ends of the domain, and the points that the op declares.
[[nodiscard]] std::vector<Probe> probes_of(const OpInfo& info, std::span<const double> parameters);

/// The default parameters, then each of the declared others.
[[nodiscard]] std::vector<std::vector<double>> parameter_sets(const OpInfo& info);

/// The shape written as "4x5" or "scalar". Throws ArgumentError.
[[nodiscard]] Shape parse_shape(std::string_view text);
/// Values for an operand of an array case. `classes` is the last extent of the first operand.
[[nodiscard]] std::vector<double> filled(Fill fill, const Shape& shape, std::size_t classes, Random& random);

}  // namespace gradus
