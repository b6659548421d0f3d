// A formula as text and as a tree: Expression, its nodes, and the error that points into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::expression {

/// What is wrong with a formula, and where. what() has three lines: the message, the formula, a caret.
class Error : public std::runtime_error {
 public:
  /// `offset` is the byte of `text` that the caret points at; text.size() points just behind it.
  Error(const std::string& message, std::string_view text, std::size_t offset);

  /// The first line of what().
  const std::string& message() const { return message_; }
  /// Counts from 1, in characters (not bytes) of the formula.
  std::size_t column() const { return column_; }

 private:
  std::string message_;
  std::size_t column_;
};

/// What a node computes from its operands.
enum class Kind : std::uint8_t {
  number,       // 0.5, 1e3, 0x1p-3
  constant,     // pi, e, inf, nan
  variable,     // x
  call,         // name(operand, …)
  vector,       // [operand, …]
  index,        // operand[position]
  negate,       // -operand
  logical_not,  // !operand
  conditional,  // operand ? operand : operand
  // From here on: two operands, left and right.
  add,
  subtract,
  multiply,
  divide,
  power,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  logical_and,
  logical_or,
};

/// Whether the kind is an infix operator.
constexpr bool is_binary(Kind kind) { return kind >= Kind::add; }

/// One step of a formula. Plain data; the numbers are positions in the Expression that owns it.
struct Node {
  Kind kind = Kind::number;
  std::uint32_t name = 0;           // variable: which of variables(); call: which of functions()
  double number = 0;                // number: its value; index: the position
  std::uint32_t offset = 0;         // its token (name, literal, operator, opening bracket) in text()
  std::uint32_t length = 0;         // of the token
  std::uint32_t first_operand = 0;  // read through Expression::operands
  std::uint32_t operand_count = 0;
};

/// Formulas longer than this many bytes are refused.
inline constexpr std::size_t max_length = 1'000'000;

/// Brackets, conditionals, signs and exponents may nest this deep, so that no formula overflows the stack.
/// Chains of left-associative operators, arguments and elements do not nest: only max_length bounds them.
inline constexpr std::size_t max_nesting = 250;

/// A parsed formula; README.md has the grammar. Names are not resolved yet: evaluate() does it.
class Expression {
 public:
  /// Reads a formula. Throws Error.
  static Expression parse(std::string_view text);

  /// The formula as it was given.
  const std::string& text() const { return text_; }
  /// The variables, in order of first appearance. pi, e, inf and nan are not variables.
  const std::vector<std::string>& variables() const { return variables_; }
  /// The functions called, in order of first appearance.
  const std::vector<std::string>& functions() const { return functions_; }

  /// Every node, operands before the node that uses them; the last one is the whole formula.
  std::span<const Node> nodes() const { return nodes_; }
  /// The operands of a node, from left to right, as positions in nodes().
  std::span<const std::uint32_t> operands(const Node& node) const {
    return std::span(operands_).subspan(node.first_operand, node.operand_count);
  }
  /// The node's token as written: "0.10", "tanh", "+".
  std::string_view source(const Node& node) const { return std::string_view(text_).substr(node.offset, node.length); }
  /// An error whose caret points at the node.
  Error error(const Node& node, const std::string& message) const { return {message, text_, node.offset}; }

 private:
  friend class TreeBuilder;
  Expression() = default;

  std::string text_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> operands_;
  std::vector<std::string> variables_;
  std::vector<std::string> functions_;
};

}  // namespace gradus::expression
