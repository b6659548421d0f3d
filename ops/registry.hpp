// The list of all ops at run time: what tests, the command line and the generated documentation iterate over.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
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

namespace detail {
template <class Op> Op make_op(std::span<const double> p) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) { return Op{p[I]...}; }(std::make_index_sequence<Op::info.parameters.size()>());
}

// Arithmetic ops are what the operators do: they say so by `record`, and their own formula serves arrays only.
template <class Op, class X> X call_op(const Op& op, std::span<const X> x) {
  if constexpr (UnaryOp<Op>) {
    if constexpr (requires { Op::record(x[0]); }) return Op::record(x[0]);
    else return apply(op, x[0]);
  } else {
    if constexpr (requires { Op::record(x[0], x[1]); }) return Op::record(x[0], x[1]);
    else return apply(op, x[0], x[1]);
  }
}
}  // namespace detail

/// The entry of an elementwise op, registered or not: what check_op takes.
template <class Op>
  requires(UnaryOp<Op> || BinaryOp<Op>)
[[nodiscard]] constexpr ElementwiseEntry entry_of() {
  static_assert(UnaryOp<Op> ? Op::info.operands.size() == 1 : BinaryOp<Op> && Op::info.operands.size() == 2);
  static_assert(Op::info.derivatives.size() == Op::info.operands.size(), "one textbook derivative an operand");
  return {
      .info = &Op::info,
      .value = [](std::span<const double> x, std::span<const double> p) { return detail::call_op<Op, double>(detail::make_op<Op>(p), x); },
      .push = [](std::span<const Dual<double>> x, std::span<const double> p) { return detail::call_op<Op, Dual<double>>(detail::make_op<Op>(p), x); },
      .record = [](std::span<const Var> x, std::span<const double> p) { return detail::call_op<Op, Var>(detail::make_op<Op>(p), x); },
      .map = [](std::span<const Tensor> x, std::span<const double> p) -> Tensor {
        if constexpr (UnaryOp<Op>) return apply(detail::make_op<Op>(p), x[0]);
        else return apply(detail::make_op<Op>(p), x[0], x[1]);
      },
      .validate = [](std::span<const double> p) {
        if constexpr (requires(const Op op) { op.validate(); }) detail::make_op<Op>(p).validate();
        else static_cast<void>(p);
      },
  };
}
/// The same for an array op.
template <ArrayOp Op> [[nodiscard]] constexpr ArrayEntry entry_of() { return {&Op::info, &Op::call}; }

}  // namespace gradus
