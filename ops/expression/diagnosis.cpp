// Explains a formula that the grammar refuses: the rest of TreeBuilder.
#include <algorithm>
#include <array>

#include "ops/expression/text.hpp"
#include "ops/expression/tree_builder.hpp"

namespace gradus::expression {
namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'; }
bool starts_operand(char c) { return is_word(c) || c == '(' || c == '['; }

/// The operator of two characters, or else the single character, at the beginning of `text`.
std::string_view symbol_at(std::string_view text) {
  constexpr std::array<std::string_view, 6> pairs{"<=", ">=", "==", "!=", "&&", "||"};
  const bool pair = std::ranges::any_of(pairs, [&](auto symbol) { return text.starts_with(symbol); });
  return text.substr(0, pair ? 2 : character_length(text));
}

/// Whether the token is an identifier and not a literal.
bool is_name(std::string_view token) {
  return is_word(token.front()) && !is_digit(token.front()) && token.front() != '.';
}

/// A longer token would drown the message.
constexpr std::size_t longest = 40;

std::string quoted(std::string_view token) {
  return "'" + std::string(token.substr(0, longest)) + (token.size() > longest ? "...'" : "'");
}

}  // namespace

std::string_view TreeBuilder::token_at(std::size_t offset) const {
  const auto rest = text_.substr(offset);
  if (!is_word(rest.front())) return symbol_at(rest);
  return rest.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(rest, is_word) - rest.begin()));
}

std::string_view TreeBuilder::token_before(std::size_t offset) const {
  const auto last = text_.substr(0, offset).find_last_not_of(blanks);
  if (last == std::string_view::npos) return {};
  const auto before = text_.substr(0, last + 1);
  if (!is_word(before.back())) {
    const auto pair = before.substr(before.size() - std::min<std::size_t>(2, before.size()));
    return symbol_at(pair).size() == 2 ? pair : before.substr(last);
  }
  auto first = last;
  while (first > 0 && is_word(before[first - 1])) --first;
  return before.substr(first);
}

const TreeBuilder::Frame* TreeBuilder::innermost() const {
  const auto found = std::find_if(frames_.rbegin(), frames_.rend(),
                                  [](const Frame& frame) { return frame.role != Role::alternative; });
  return found == frames_.rend() ? nullptr : &*found;
}

std::string TreeBuilder::place(const Frame& frame) const {
  const Error error("", text_, offset_of(frame.token));
  return "the " + quoted(frame.token) + " in column " + std::to_string(error.column());
}

void TreeBuilder::never_closed(const Frame& frame) const {
  if (frame.role == Role::condition) fail(offset_of(frame.token), "this '?' has no ':'");
  fail(offset_of(frame.token), "this " + quoted(frame.token) + " is never closed");
}

void TreeBuilder::missing_operand(std::size_t offset) const {
  const auto before = token_before(offset);
  if (offset < text_.size()) {
    const char next = text_[offset];
    if (next == '*' && text_.substr(0, offset).ends_with('*'))
      fail(offset - 1, "'**' is not an operator: use ^ for powers");
    constexpr std::string_view known = "*/^<>=,:?)]&|";
    if (known.find(next) == std::string_view::npos)
      fail(offset, "unknown character " + quoted_character(text_.substr(offset)));
  }
  if (before.empty()) fail(offset, "expected an operand before " + quoted(token_at(offset)));
  fail(offset, "expected an operand after " + quoted(before));
}

void TreeBuilder::missing_operator(std::size_t offset) const {
  const auto before = token_before(offset);
  const auto next = token_at(offset);
  const Frame* frame = innermost();
  const bool in_list = frame != nullptr && (frame->role == Role::call || frame->role == Role::vector);
  const bool adjacent = before.data() + before.size() == next.data();
  const std::string message =
      (in_list ? "expected ',' or an operator before " : "expected an operator before ") + quoted(next);
  // In f(x y) the comma is as likely as the product; in f(2x) it is not.
  if ((in_list && !adjacent) || before.size() > longest || next.size() > longest) fail(offset, message);

  const auto shown = [](std::string_view token) {
    return token == "(" || token == ")" ? "(...)" : token == "[" || token == "]" ? "[...]" : std::string(token);
  };
  const bool two_names = is_name(before) && is_name(next);
  fail(offset, message + ": did you mean " + shown(before) + "*" + shown(next) +
                   (two_names ? " or " + shown(before) + "(" + shown(next) + ")?" : "?"));
}

void TreeBuilder::reject(std::string_view expected, std::size_t offset) const {
  const bool at_end = offset >= text_.size();
  const Frame* frame = innermost();
  if (expected == a_position) {
    if (at_end) never_closed(*frame);
    fail(offset, "an index must be a whole number such as 0, not " + quoted(token_at(offset)));
  }
  if (!at_end && text_[offset] == '=' && !text_.substr(offset).starts_with("==")) {
    fail(offset, "'=' is not an operator: use == to compare");
  }
  if (expected == an_operand) missing_operand(offset);

  if (at_end) never_closed(*frame);
  const auto next = token_at(offset);
  if (starts_operand(text_[offset])) missing_operator(offset);
  switch (text_[offset]) {
    case ')':
    case ']':
      if (frame == nullptr) fail(offset, "this " + quoted(next) + " closes nothing");
      if (frame->role == Role::condition) fail(offset, place(*frame) + " needs a ':' before this " + quoted(next));
      fail(offset, place(*frame) + " is not closed by " + quoted(next));
    case ',':
      fail(offset, "a comma separates only arguments of a function and elements of a vector");
    case ':':
      fail(offset, "this ':' has no '?'");
    case '!':
      fail(offset, "expected an operator before '!'");
    case '&':
    case '|':
      fail(offset, quoted(next) + " is not an operator: use " + std::string(2, text_[offset]));
    default:
      fail(offset, "unknown character " + quoted_character(text_.substr(offset)));
  }
}

}  // namespace gradus::expression
