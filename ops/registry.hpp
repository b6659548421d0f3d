// The list of all ops at run time: what tests, the command line and the generated documentation iterate over.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <autodiff/array_op.hpp>
#include <autodiff/dual.hpp>
#include <autodiff/op.hpp>
#include <autodiff/tensor.hpp>
#include <autodiff/var.hpp>

namespace gradus {

/// An elementwise op, callable with the number types of the library. `parameters` has as many values as info->parameters; operands as info->operands.
struct ElementwiseEntry {
  const OpInfo* info;
  double (*value)(std::span<const double> operands, std::span<const double> parameters);
  Dual<double> (*push)(std::span<const Dual<double>> operands, std::span<const double> parameters);
  Var (*record)(std::span<const Var> operands, std::span<const double> parameters);
  Tensor (*map)(std::span<const Tensor> operands, std::span<const double> parameters);
  /// Throws ArgumentError when the parameters make no sense.
  void (*validate)(std::span<const double> parameters);
};

struct ArrayEntry {
  const ArrayOpInfo* info;
  Tensor (*call)(std::span<const Tensor> operands, const Attributes& attributes);
};

[[nodiscard]] std::span<const ElementwiseEntry> elementwise_ops();
[[nodiscard]] std::span<const ArrayEntry> array_ops();
/// Null when there is none of that name.
[[nodiscard]] const ElementwiseEntry* find_elementwise(std::string_view name);
[[nodiscard]] const ArrayEntry* find_array(std::string_view name);
/// The names of all ops, in the order of the registry.
[[nodiscard]] std::vector<std::string> op_names();
/// The default values of an op's parameters.
[[nodiscard]] std::vector<double> default_parameters(const OpInfo& info);

}  // namespace gradus
