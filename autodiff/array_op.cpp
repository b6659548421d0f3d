// Attributes of array ops: text to numbers.
#include <autodiff/array_op.hpp>

#include <cstdlib>

#include <fmt/format.h>

namespace gradus {

Attributes::Attributes(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view item = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) throw ArgumentError(fmt::format("attribute '{}': expected name=value", item));
    set(std::string(item.substr(0, equals)), std::string(item.substr(equals + 1)));
  }
}

std::string Attributes::text(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(otherwise) : found->second;
}

double Attributes::number(std::string_view name, double otherwise) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  if (found->second.empty() || *end != '\0') throw ArgumentError(fmt::format("attribute {}: '{}' is not a number", name, found->second));
  return value;
}

int Attributes::integer(std::string_view name, int otherwise) const {
  const double value = number(name, otherwise);
  if (!(value >= -1e9 && value <= 1e9) || value != static_cast<int>(value)) throw ArgumentError(fmt::format("attribute {}: '{}' is not an integer", name, text(name, "")));
  return static_cast<int>(value);
}

}  // namespace gradus
