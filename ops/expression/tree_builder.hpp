// Turns the tokens of a formula, as the grammar meets them, into the nodes of an Expression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ops/expression/expression.hpp"

namespace gradus::expression {

/// Edsger Dijkstra's shunting yard: operands wait on one stack, operators on another until one that binds
/// less tightly arrives. The grammar stays flat, so a formula's nesting, not its precedence levels, costs stack.
/// Every token is a view of the formula given to the constructor. Members throw Error.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string_view text);

  void number(std::string_view token);
  /// A name; a call if open_call follows, a variable or a constant if plain_name does.
  void name(std::string_view token) { name_ = token; }
  void plain_name();

  void open_group(std::string_view bracket) { open(Role::group, bracket); }
  void open_call(std::string_view bracket) { open(Role::call, bracket); }
  void open_vector(std::string_view bracket) { open(Role::vector, bracket); }
  void open_index(std::string_view bracket) { open(Role::index, bracket); }
  void position(std::string_view token);
  void question(std::string_view mark) { open(Role::condition, mark); }
  void colon() { frames_.back().role = Role::alternative; }
  /// Ends what was opened last.
  void close();

  void prefix(std::string_view sign);
  void infix(std::string_view symbol);
  /// Operators between these two belong together, whatever waits outside.
  void begin_operation();
  void end_operation();
  /// Ends an operation and the conditional around it.
  void end_expression() { --nesting_; }

  /// The grammar expected `expected` at `offset` and found something else: throws the Error that explains it.
  [[noreturn]] void reject(std::string_view expected, std::size_t offset) const;

  Expression finish() &&;

  /// The grammar's names for what it expects; reject() knows them.
  static constexpr const char* an_operand = "an operand";
  static constexpr const char* a_position = "a position";

 private:
  enum class Role : std::uint8_t { group, call, vector, index, condition, alternative };
  /// A bracket or a '?' that is still open.
  struct Frame {
    Role role;
    std::string_view token = {};
    std::string_view name = {};  // call
    std::uint32_t function = 0;  // call: which of Expression::functions
    double position = 0;         // index
    std::size_t operands = 0;    // how many waited when it was opened
  };
  struct Operator {
    Kind kind;
    int precedence;  // 0: the beginning of an operation
    std::string_view token;
  };

  using Positions = std::map<std::string_view, std::uint32_t>;

  std::size_t offset_of(std::string_view token) const;
  [[noreturn]] void fail(std::size_t offset, const std::string& message) const;
  [[noreturn]] void missing_operand(std::size_t offset) const;
  [[noreturn]] void missing_operator(std::size_t offset) const;
  [[noreturn]] void never_closed(const Frame& frame) const;
  std::string place(const Frame& frame) const;
  const Frame* innermost() const;
  std::string_view token_before(std::size_t offset) const;
  std::string_view token_at(std::size_t offset) const;

  void open(Role role, std::string_view token);
  double value_of(std::string_view literal) const;
  /// The position of `name` in `names`, where it is appended if it is new.
  static std::uint32_t position_of(std::string_view name, Positions& positions, std::vector<std::string>& names);
  void reduce();
  /// Replaces the last `operand_count` operands by a node that uses them.
  void add(Node node, std::string_view token, std::size_t operand_count);

  Expression expression_;
  std::string_view text_;
  std::string_view name_;
  Positions variables_;
  Positions functions_;
  std::vector<Frame> frames_;
  std::vector<Operator> operators_;
  std::vector<std::uint32_t> operands_;  // nodes nobody uses yet
  std::vector<std::uint32_t> depths_;    // of each node: the recursion that evaluating it takes
  std::size_t nesting_ = 0;
};

}  // namespace gradus::expression
