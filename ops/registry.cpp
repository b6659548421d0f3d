// Instantiates every op for every number type of the library.
#include <ops/registry.hpp>

#include <utility>

#include <ops/array_ops.hpp>
#include <ops/ops.hpp>

namespace gradus {
namespace {

template <class... Ops> const std::vector<ElementwiseEntry>& elementwise_entries(OpList<Ops...>) {
  static const std::vector<ElementwiseEntry> entries{entry_of<Ops>()...};
  return entries;
}
template <class... Ops> const std::vector<ArrayEntry>& array_entries(OpList<Ops...>) {
  static const std::vector<ArrayEntry> entries{entry_of<Ops>()...};
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
