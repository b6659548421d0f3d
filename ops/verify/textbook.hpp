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

struct Textbook {
  std::string_view name;
  BigArray (*forward)(std::span<const BigArray> operands, const Attributes& attributes);
  /// The adjoint of each operand, given that of the result.
  std::vector<BigArray> (*pullback)(std::span<const BigArray> operands, const Attributes& attributes, const BigArray& upstream);
};

/// Null when there is none of that name.
[[nodiscard]] const Textbook* find_textbook(std::string_view name);

}  // namespace gradus
