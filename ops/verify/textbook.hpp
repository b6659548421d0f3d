// The array ops as textbooks have them, in 400 digits: forward functions and their pullbacks by explicit sums over the Jacobian.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <autodiff/array_op.hpp>
#include <ops/verify/high_precision.hpp>

namespace gradus {

/// An array of 400-digit numbers; `scale` is, for each element, the sum of the |terms| whose sum it is.
struct BigArray {
  Shape shape;
  std::vector<BigFloat> values;
  std::vector<BigFloat> scale;
};

[[nodiscard]] inline BigArray zeros(const Shape& shape) {
  return {shape, std::vector<BigFloat>(shape.size(), BigFloat(0)), std::vector<BigFloat>(shape.size(), BigFloat(0))};
}
inline void add_term(BigArray& a, std::size_t i, const BigFloat& term) {
  a.values[i] += term;
  a.scale[i] += abs(term);
}

struct Textbook {
  std::string_view name;
  BigArray (*forward)(std::span<const BigArray> operands, const Attributes& attributes);
  /// The adjoint of each operand, given that of the result.
  std::vector<BigArray> (*pullback)(std::span<const BigArray> operands, const Attributes& attributes, const BigArray& upstream);
};

/// Null when there is none of that name.
[[nodiscard]] const Textbook* find_textbook(std::string_view name);
/// Those of statistics and time series among them.
[[nodiscard]] const Textbook* find_statistics_textbook(std::string_view name);

}  // namespace gradus
