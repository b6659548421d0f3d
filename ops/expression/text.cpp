// Words for error messages, and how an error shows where it is.
#include "ops/expression/text.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "ops/expression/expression.hpp"

namespace gradus::expression {
namespace {

unsigned char byte(char c) { return static_cast<unsigned char>(c); }

/// Whether the first character of `text` can be shown as it is.
bool is_printable(std::string_view text) {
  const unsigned char first = byte(text.front());
  return first < 0x80 ? first >= 0x20 && first != 0x7f : character_length(text) > 1;
}

std::size_t column_of(std::string_view text, std::size_t offset) {
  std::size_t column = 1;
  for (std::size_t at = 0; at < offset; at += character_length(text.substr(at))) ++column;
  return column;
}

/// The part of the formula around `column`, and a caret under it. A formula of a megabyte stays two lines.
std::string picture(std::string_view text, std::size_t column) {
  constexpr std::size_t reach = 50;
  std::string line = "  ";
  std::size_t caret = 2;
  std::size_t current = 0;
  if (column > reach + 1) {
    line += "...";
    caret += 3;
  }
  for (std::size_t at = 0; at < text.size(); at += character_length(text.substr(at))) {
    ++current;
    if (current + reach < column) continue;
    if (current > column + reach) {
      line += "...";
      break;
    }
    const auto rest = text.substr(at);
    if (is_printable(rest)) {
      line += rest.substr(0, character_length(rest));
    } else {
      line += byte(rest.front()) < 0x80 ? ' ' : '?';
    }
    if (current < column) ++caret;
  }
  return line + "\n" + std::string(caret, ' ') + "^";
}

/// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

Error::Error(const std::string& message, std::string_view text, std::size_t offset)
    : std::runtime_error(message + "\n" + picture(text, column_of(text, offset))),
      message_(message),
      column_(column_of(text, offset)) {}

std::size_t character_length(std::string_view text) {
  const unsigned char first = byte(text.front());
  const std::size_t length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
  if (length > text.size()) return 1;
  const auto follows = [](char c) { return (byte(c) & 0xc0) == 0x80; };
  return std::ranges::all_of(text.substr(1, length - 1), follows) ? length : 1;
}

std::string quoted_character(std::string_view text) {
  if (is_printable(text)) return "'" + std::string(text.substr(0, character_length(text))) + "'";
  constexpr std::string_view digits = "0123456789abcdef";
  const unsigned char code = byte(text.front());
  return std::string("'\\x") + digits[code / 16] + digits[code % 16] + "'";
}

std::string excerpt(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  const auto begins_character = [&](std::size_t at) { return (byte(text[at]) & 0xc0) != 0x80; };
  std::size_t head = most / 2;
  std::size_t tail = text.size() - most / 2;
  while (head > 0 && !begins_character(head)) --head;
  while (tail < text.size() && !begins_character(tail)) ++tail;
  return std::string(text.substr(0, head)) + "..." + std::string(text.substr(tail));
}

std::string list_of(std::span<const std::string> names) {
  constexpr std::size_t most = 12;
  std::string list;
  for (const auto& name : names.first(std::min(names.size(), most))) list += (list.empty() ? "" : ", ") + excerpt(name);
  return names.size() > most ? list + ", ..." : list;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  // One edit in a word of three letters still resembles it; two edits in "ab" resemble anything.
  std::size_t nearest = std::min<std::size_t>(2, name.size() / 2) + 1;
  std::string_view best;
  for (const auto& candidate : known) {
    // The difference of lengths bounds the distance from below, and keeps a name of a megabyte cheap.
    const std::size_t difference = std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    if (difference >= nearest) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance >= nearest) continue;
    nearest = distance;
    best = candidate;
  }
  return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

std::string wrong_argument_count(std::string_view function, std::size_t min, std::size_t max, std::size_t given) {
  std::string takes = std::to_string(min);
  if (max == std::numeric_limits<std::size_t>::max()) {
    takes = "at least " + takes;
  } else if (max != min) {
    takes += " to " + std::to_string(max);
  }
  const bool singular = max == 1 || (min == 1 && max == std::numeric_limits<std::size_t>::max());
  return excerpt(function) + " takes " + takes + (singular ? " argument, not " : " arguments, not ") +
         std::to_string(given);
}

}  // namespace gradus::expression
