// Instantiates every op for every number type of the library.
#include <ops/registry.hpp>

#include <utility>

#include <ops/array_ops.hpp>
#include <ops/ops.hpp>

namespace gradus {
namespace {

template <class Op> Op make(std::span<const double> p) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) { return Op{p[I]...}; }(std::make_index_sequence<Op::info.parameters.size()>());
}

// Arithmetic ops are what the operators do: they say so by `record`, and their own formula serves arrays only.
template <class Op, class X> X call(const Op& op, std::span<const X> x) {
  if constexpr (UnaryOp<Op>) {
    if constexpr (requires { Op::record(x[0]); }) return Op::record(x[0]);
    else return apply(op, x[0]);
  } else {
    if constexpr (requires { Op::record(x[0], x[1]); }) return Op::record(x[0], x[1]);
    else return apply(op, x[0], x[1]);
  }
}

template <class Op> constexpr ElementwiseEntry entry() {
  static_assert(UnaryOp<Op> ? Op::info.operands.size() == 1 : BinaryOp<Op> && Op::info.operands.size() == 2);
  static_assert(Op::info.derivatives.size() == Op::info.operands.size(), "one textbook derivative an operand");
  return {
      .info = &Op::info,
      .value = [](std::span<const double> x, std::span<const double> p) { return call<Op, double>(make<Op>(p), x); },
      .push = [](std::span<const Dual<double>> x, std::span<const double> p) { return call<Op, Dual<double>>(make<Op>(p), x); },
      .record = [](std::span<const Var> x, std::span<const double> p) { return call<Op, Var>(make<Op>(p), x); },
      .map = [](std::span<const Tensor> x, std::span<const double> p) -> Tensor {
        if constexpr (UnaryOp<Op>) return apply(make<Op>(p), x[0]);
        else return apply(make<Op>(p), x[0], x[1]);
      },
      .validate = [](std::span<const double> p) {
        if constexpr (requires(const Op op) { op.validate(); }) make<Op>(p).validate();
        else static_cast<void>(p);
      },
  };
}
template <class... Ops> const std::vector<ElementwiseEntry>& elementwise_entries(OpList<Ops...>) {
  static const std::vector<ElementwiseEntry> entries{entry<Ops>()...};
  return entries;
}
template <class... Ops> const std::vector<ArrayEntry>& array_entries(OpList<Ops...>) {
  static_assert((ArrayOp<Ops> && ...));
  static const std::vector<ArrayEntry> entries{ArrayEntry{&Ops::info, &Ops::call}...};
  return entries;
}

}  // namespace

std::span<const ElementwiseEntry> elementwise_ops() { return elementwise_entries(ElementwiseOps()); }
std::span<const ArrayEntry> array_ops() { return array_entries(ArrayOps()); }

const ElementwiseEntry* find_elementwise(std::string_view name) {
  for (const auto& e : elementwise_ops())
    if (e.info->name == name) return &e;
  return nullptr;
}
const ArrayEntry* find_array(std::string_view name) {
  for (const auto& e : array_ops())
    if (e.info->name == name) return &e;
  return nullptr;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const auto& e : elementwise_ops()) names.emplace_back(e.info->name);
  for (const auto& e : array_ops()) names.emplace_back(e.info->name);
  return names;
}

std::vector<double> default_parameters(const OpInfo& info) {
  std::vector<double> values;
  for (const Parameter& p : info.parameters) values.push_back(p.value);
  return values;
}

}  // namespace gradus
