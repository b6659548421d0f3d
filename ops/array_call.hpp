// Checks of what reaches an array op by name: the number of operands, the names and values of attributes.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include <autodiff/array_op.hpp>

namespace gradus {

/// Throws ArgumentError unless there are as many operands as the op takes and every attribute is one that it knows.
void require_call(const ArrayOpInfo& info, std::span<const BasicTensor<double>> operands, const Attributes& attributes,
                  std::initializer_list<std::string_view> known = {});

/// The axis as a number, or nothing for "all". Throws ArgumentError when it is neither.
[[nodiscard]] std::optional<int> axis_or_all(const Attributes& attributes, std::string_view otherwise);

/// Throws ArgumentError when the attribute is given and is not that number.
void require_count(const ArrayOpInfo& info, const Attributes& attributes, std::string_view name, std::size_t actual);

}  // namespace gradus
