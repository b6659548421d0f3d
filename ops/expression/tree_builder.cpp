// Precedence, nesting and literals: from tokens to nodes. Explaining bad syntax is in diagnosis.cpp.
#include "ops/expression/tree_builder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "ops/expression/text.hpp"

namespace gradus::expression {
namespace {

struct Symbol {
  std::string_view token;
  Kind kind;
  int precedence;
};

constexpr int comparison = 3;
constexpr int unary = 6;  // between * and ^, so that -x^2 is -(x^2) and -x*y is (-x)*y
constexpr std::array symbols{
    Symbol{"||", Kind::logical_or, 1},
    Symbol{"&&", Kind::logical_and, 2},
    Symbol{"<", Kind::less, comparison},
    Symbol{"<=", Kind::less_equal, comparison},
    Symbol{">", Kind::greater, comparison},
    Symbol{">=", Kind::greater_equal, comparison},
    Symbol{"==", Kind::equal, comparison},
    Symbol{"!=", Kind::not_equal, comparison},
    Symbol{"+", Kind::add, 4},
    Symbol{"-", Kind::subtract, 4},
    Symbol{"*", Kind::multiply, 5},
    Symbol{"/", Kind::divide, 5},
    Symbol{"^", Kind::power, 7},
};

std::uint32_t narrow(std::size_t size) { return static_cast<std::uint32_t>(size); }

}  // namespace

TreeBuilder::TreeBuilder(std::string_view text) : text_(text) { expression_.text_ = text; }

std::size_t TreeBuilder::offset_of(std::string_view token) const {
  return static_cast<std::size_t>(token.data() - text_.data());
}

void TreeBuilder::fail(std::size_t offset, const std::string& message) const { throw Error(message, text_, offset); }

std::uint32_t TreeBuilder::position_of(std::string_view name, Positions& positions, std::vector<std::string>& names) {
  const auto [found, is_new] = positions.try_emplace(name, narrow(names.size()));
  if (is_new) names.emplace_back(name);
  return found->second;
}

double TreeBuilder::value_of(std::string_view literal) const {
  const bool hex = literal.size() > 1 && (literal[1] == 'x' || literal[1] == 'X');
  const auto digits = literal.substr(hex ? 2 : 0);
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                      hex ? std::chars_format::hex : std::chars_format::general);
  if (result.ec == std::errc::result_out_of_range)
    fail(offset_of(literal), "the number is out of the range of a double");
  return value;
}

void TreeBuilder::number(std::string_view token) { add({.kind = Kind::number, .number = value_of(token)}, token, 0); }

void TreeBuilder::plain_name() {
  constexpr std::array<std::string_view, 4> constants{"pi", "e", "inf", "nan"};
  if (std::ranges::find(constants, name_) != constants.end()) {
    add({.kind = Kind::constant}, name_, 0);
  } else {
    add({.kind = Kind::variable, .name = position_of(name_, variables_, expression_.variables_)}, name_, 0);
  }
}

void TreeBuilder::position(std::string_view token) {
  const double position = value_of(token);
  if (position != std::floor(position))
    fail(offset_of(token), "an index must be a whole number, not " + excerpt(token));
  frames_.back().position = position;
}

void TreeBuilder::open(Role role, std::string_view token) {
  Frame frame{.role = role, .token = token, .operands = operands_.size()};
  if (role == Role::call) {
    frame.name = name_;
    frame.function = position_of(name_, functions_, expression_.functions_);
  }
  frames_.push_back(frame);
}

void TreeBuilder::close() {
  const Frame frame = frames_.back();
  frames_.pop_back();
  const std::size_t inside = operands_.size() - frame.operands;
  switch (frame.role) {
    case Role::group:
      return;
    case Role::call:
      return add({.kind = Kind::call, .name = position_of(frame.name, functions_, expression_.functions_)}, frame.name,
                 inside);
    case Role::vector:
      return add({.kind = Kind::vector}, frame.token, inside);
    case Role::index:
      return add({.kind = Kind::index, .number = frame.position}, frame.token, 1);
    case Role::condition:
    case Role::alternative:
      return add({.kind = Kind::conditional}, frame.token, 3);
  }
}

void TreeBuilder::prefix(std::string_view sign) {
  if (sign == "+") return;
  operators_.push_back({sign == "-" ? Kind::negate : Kind::logical_not, unary, sign});
}

void TreeBuilder::infix(std::string_view token) {
  const Symbol& symbol = *std::ranges::find(symbols, token, &Symbol::token);
  const bool right_associative = symbol.kind == Kind::power;
  while (operators_.back().precedence > symbol.precedence ||
         (operators_.back().precedence == symbol.precedence && !right_associative)) {
    if (symbol.precedence == comparison && operators_.back().precedence == comparison) {
      fail(offset_of(token), "comparisons do not chain: write a < b && b < c, or use parentheses");
    }
    reduce();
  }
  operators_.push_back({symbol.kind, symbol.precedence, token});
}

void TreeBuilder::begin_operation() {
  if (++nesting_ > max_nesting) {
    fail(offset_of(frames_.back().token), "nested more than " + std::to_string(max_nesting) + " deep");
  }
  operators_.push_back({Kind::number, 0, {}});
}

void TreeBuilder::end_operation() {
  while (operators_.back().precedence > 0) reduce();
  operators_.pop_back();
}

void TreeBuilder::reduce() {
  const Operator top = operators_.back();
  operators_.pop_back();
  add({.kind = top.kind}, top.token, is_binary(top.kind) ? 2 : 1);
}

void TreeBuilder::add(Node node, std::string_view token, std::size_t operand_count) {
  const auto used = std::span(operands_).last(operand_count);
  std::uint32_t depth = 1;
  for (std::size_t i = 0; i < used.size(); ++i) {
    // The left side of an operator costs no depth: evaluating a chain such as x+x+x is a loop.
    const bool free = i == 0 && is_binary(node.kind);
    depth = std::max(depth, depths_[used[i]] + (free ? 0 : 1));
  }
  if (depth > max_nesting) fail(offset_of(token), "nested more than " + std::to_string(max_nesting) + " deep");

  node.offset = narrow(offset_of(token));
  node.length = narrow(token.size());
  node.first_operand = narrow(expression_.operands_.size());
  node.operand_count = narrow(operand_count);
  expression_.operands_.insert(expression_.operands_.end(), used.begin(), used.end());
  operands_.resize(operands_.size() - operand_count);
  operands_.push_back(narrow(expression_.nodes_.size()));
  expression_.nodes_.push_back(node);
  depths_.push_back(depth);
}

Expression TreeBuilder::finish() && { return std::move(expression_); }

}  // namespace gradus::expression
