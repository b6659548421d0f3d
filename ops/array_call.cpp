// Checks of what reaches an array op by name.
#include <ops/array_call.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace gradus {

void require_call(const ArrayOpInfo& info, std::span<const BasicTensor<double>> operands, const Attributes& attributes,
                  std::initializer_list<std::string_view> known) {
  if (operands.size() != info.operands.size())
    throw ArgumentError(fmt::format("{}: {} operands, but it takes {}: {}", info.name, operands.size(), info.operands.size(),
                                    fmt::join(info.operands.begin(), info.operands.end(), ", ")));
  for (const auto& [name, value] : attributes.all()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (known.size() == 0) throw ArgumentError(fmt::format("{}: unknown attribute {}={}: it has none", info.name, name, value));
    throw ArgumentError(fmt::format("{}: unknown attribute {}={}: it has {}", info.name, name, value, fmt::join(known.begin(), known.end(), ", ")));
  }
}

std::optional<int> axis_or_all(const Attributes& attributes, std::string_view otherwise) {
  if (attributes.text("axis", otherwise) == "all") return std::nullopt;
  return attributes.integer("axis", 0);
}

void require_count(const ArrayOpInfo& info, const Attributes& attributes, std::string_view name, std::size_t actual) {
  const int stated = attributes.integer(name, static_cast<int>(actual));
  if (stated < 0 || static_cast<std::size_t>(stated) != actual)
    throw ArgumentError(fmt::format("{}: attribute {} is {}, but the operand has {}", info.name, name, stated, actual));
}

}  // namespace gradus
