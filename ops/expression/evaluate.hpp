// The value of an Expression in any number type: double, an autodiff variable, hundreds of digits.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ops/expression/expression.hpp"
#include "ops/expression/text.hpp"

namespace gradus::expression {

/// A number or a vector of numbers.
template <class T>
class Value {
 public:
  Value() : Value(T(0.0)) {}
  Value(T number) : number_(std::move(number)) {}  // NOLINT: converts on purpose, as the next one does
  Value(std::vector<T> elements) : number_(0.0), elements_(std::move(elements)), is_vector_(true) {}  // NOLINT

  bool is_vector() const { return is_vector_; }

  /// Throws std::invalid_argument if the value is a vector.
  const T& scalar() const& {
    if (!is_vector_) return number_;
    throw std::invalid_argument("a number is needed here, not a vector of " + std::to_string(elements_.size()));
  }
  T scalar() && {
    std::as_const(*this).scalar();
    return std::move(number_);
  }

  /// Throws std::invalid_argument if the value is a number.
  const std::vector<T>& elements() const& {
    if (is_vector_) return elements_;
    throw std::invalid_argument("a vector is needed here, not a number");
  }
  std::vector<T> elements() && {
    std::as_const(*this).elements();
    return std::move(elements_);
  }

 private:
  // Not a std::variant: g++ 12 warns that its move constructor reads uninitialised memory (it does not).
  T number_;
  std::vector<T> elements_;
  bool is_vector_ = false;
};

/// No upper limit for Function::max_args.
inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

/// What a name followed by arguments computes.
template <class T>
struct Function {
  std::size_t min_args;
  std::size_t max_args;
  /// A std::invalid_argument thrown here becomes an Error that points at the call.
  std::function<Value<T>(std::span<const Value<T>>)> call;
  /// Takes numbers only; a call with vectors is mapped over their elements.
  bool elementwise = true;
};

/// The functions a formula may call, by name. "pow" with two arguments, if present, also computes ^.
template <class T>
using Functions = std::map<std::string, Function<T>, std::less<>>;

template <class T>
using Variables = std::map<std::string, Value<T>>;

/// How T reads what a formula states. A literal means the double nearest to it, in every T: 0.1 is
/// 0x1.999999999999ap-4 even in 400 digits, for that is the number a program with the same formula uses.
/// pi and e mean the constants themselves: specialise where T holds more digits (ops/verify/big_float.hpp does).
template <class T>
struct Constants {
  static T literal(double value) { return T(value); }
  static T pi() { return T(std::numbers::pi); }
  static T e() { return T(std::numbers::e); }
};

/// Which way every `c ? a : b` of a formula went, by the position of its node: 1 where c was true, 2 where it was false, 3 where a vector went both
/// ways, 0 where it was not reached.
using Branches = std::vector<std::uint8_t>;

/// One walk over an Expression; evaluate() is the way in.
template <class T>
class Evaluation {
 public:
  /// Resolves every name, also in branches that will not be taken. Throws Error.
  Evaluation(const Expression& expression, const Variables<T>& variables, const Functions<T>& functions,
             Branches* branches = nullptr)
      : expression_(expression), nodes_(expression.nodes()), branches_(branches) {
    if (branches_ != nullptr) branches_->resize(nodes_.size());
    for (const auto& name : expression.variables()) variables_.push_back(find(variables, name));
    for (const auto& name : expression.functions()) functions_.push_back(find(functions, name));
    power_ = find(functions, std::string("pow"));
    for (const Node& node : nodes_) {
      if (node.kind == Kind::constant) check_constant(node, variables);
      if (node.kind == Kind::variable && variables_[node.name] == nullptr) unknown_variable(node, variables, functions);
      if (node.kind == Kind::call) check_call(node, variables, functions);
    }
  }

  Value<T> result() const { return value_of(narrow(nodes_.size() - 1)); }

 private:
  static std::uint32_t narrow(std::size_t size) { return static_cast<std::uint32_t>(size); }

  template <class Map>
  static auto find(const Map& map, const std::string& name) -> const typename Map::mapped_type* {
    const auto found = map.find(name);
    return found == map.end() ? nullptr : &found->second;
  }

  template <class Map>
  static std::vector<std::string> names(const Map& map) {
    std::vector<std::string> list;
    for (const auto& entry : map) list.push_back(entry.first);
    return list;
  }

  [[noreturn]] void fail(const Node& node, const std::string& message) const { throw expression_.error(node, message); }

  void check_constant(const Node& node, const Variables<T>& variables) const {
    const std::string name(expression_.source(node));
    if (variables.contains(name)) fail(node, "'" + excerpt(name) + "' is a constant: call the variable something else");
  }

  [[noreturn]] void unknown_variable(const Node& node, const Variables<T>& variables,
                                     const Functions<T>& functions) const {
    const std::string name(expression_.source(node));
    if (functions.contains(name)) fail(node, "'" + excerpt(name) + "' is a function: write " + excerpt(name) + "(...)");
    const auto known = names(variables);
    if (known.empty()) fail(node, "unknown variable '" + excerpt(name) + "': no variable has a value");
    fail(node, "unknown variable '" + excerpt(name) + "'" + did_you_mean(name, known) + " (known: " + list_of(known) + ")");
  }

  void check_call(const Node& node, const Variables<T>& variables, const Functions<T>& functions) const {
    const std::string name(expression_.source(node));
    const Function<T>* function = functions_[node.name];
    if (function == nullptr) {
      if (variables.contains(name)) fail(node, "'" + excerpt(name) + "' is a variable, not a function: multiply with *");
      fail(node, "unknown function '" + excerpt(name) + "'" + did_you_mean(name, names(functions)));
    }
    const std::size_t given = node.operand_count;
    if (given < function->min_args || given > function->max_args) {
      fail(node, wrong_argument_count(name, function->min_args, function->max_args, given));
    }
  }

  /// Recursion is as deep as the formula nests (at most max_nesting); a chain of operators is a loop.
  Value<T> value_of(std::uint32_t position) const {
    std::vector<const Node*> chain;
    const Node* node = &nodes_[position];
    for (; is_binary(node->kind); node = &nodes_[expression_.operands(*node)[0]]) chain.push_back(node);
    Value<T> value = first_value(*node);
    for (; !chain.empty(); chain.pop_back()) value = combine(*chain.back(), std::move(value));
    return value;
  }

  Value<T> first_value(const Node& node) const {
    switch (node.kind) {
      case Kind::number:
        return Constants<T>::literal(node.number);
      case Kind::constant:
        return constant(expression_.source(node));
      case Kind::variable:
        return *variables_[node.name];
      case Kind::call:
        return call(node, *functions_[node.name], operand_values(node));
      case Kind::vector:
        return vector(node);
      case Kind::index:
        return element(node);
      case Kind::negate:
        return map(operand_value(node, 0), [](T x) { return T(-std::move(x)); });
      case Kind::logical_not:
        return map(operand_value(node, 0), [](const T& x) { return truth(!is_true(x)); });
      default:
        return conditional(node);
    }
  }

  Value<T> combine(const Node& node, Value<T> left) const {
    if (node.kind == Kind::power) return power(node, std::move(left));
    // A number decides && and || without the right side, which may then be anything: x > 0 && log(x) < 1.
    if (node.kind == Kind::logical_and && !left.is_vector() && !is_true(left.scalar())) return truth(false);
    if (node.kind == Kind::logical_or && !left.is_vector() && is_true(left.scalar())) return truth(true);

    Value<T> right = operand_value(node, 1);
    const auto with = [&](auto operation) { return map(node, std::move(left), std::move(right), operation); };
    switch (node.kind) {
      case Kind::add:
        return with([](T x, T y) { return T(std::move(x) + std::move(y)); });
      case Kind::subtract:
        return with([](T x, T y) { return T(std::move(x) - std::move(y)); });
      case Kind::multiply:
        return with([](T x, T y) { return T(std::move(x) * std::move(y)); });
      case Kind::divide:
        return with([](T x, T y) { return T(std::move(x) / std::move(y)); });
      case Kind::less:
        return with([](const T& x, const T& y) { return truth(x < y); });
      case Kind::less_equal:
        return with([](const T& x, const T& y) { return truth(x <= y); });
      case Kind::greater:
        return with([](const T& x, const T& y) { return truth(x > y); });
      case Kind::greater_equal:
        return with([](const T& x, const T& y) { return truth(x >= y); });
      case Kind::equal:
        return with([](const T& x, const T& y) { return truth(x == y); });
      case Kind::not_equal:
        return with([](const T& x, const T& y) { return truth(x != y); });
      case Kind::logical_and:
        return with([](const T& x, const T& y) { return truth(is_true(x) && is_true(y)); });
      default:
        return with([](const T& x, const T& y) { return truth(is_true(x) || is_true(y)); });
    }
  }

  /// ^ is the table's pow; without one, pow(T, double) for an exponent that is a literal, else pow(T, T).
  Value<T> power(const Node& node, Value<T> base) const {
    using std::pow;
    if (power_ != nullptr) {
      const std::vector<Value<T>> arguments{std::move(base), operand_value(node, 1)};
      return call(node, *power_, arguments);
    }
    if (const auto exponent = literal(nodes_[expression_.operands(node)[1]])) {
      return map(std::move(base), [&](T x) { return T(pow(std::move(x), *exponent)); });
    }
    return map(node, std::move(base), operand_value(node, 1),
               [](T x, T y) { return T(pow(std::move(x), std::move(y))); });
  }

  std::optional<double> literal(const Node& node) const {
    if (node.kind == Kind::number) return node.number;
    if (node.kind != Kind::negate) return std::nullopt;
    const Node& inner = nodes_[expression_.operands(node)[0]];
    return inner.kind == Kind::number ? std::optional(-inner.number) : std::nullopt;
  }

  Value<T> call(const Node& node, const Function<T>& function, std::span<const Value<T>> arguments) const {
    try {
      std::optional<std::size_t> length;
      if (function.elementwise) {
        for (const auto& argument : arguments) agree(node, length, argument);
      }
      if (!length) return function.call(arguments);

      std::vector<T> results;
      for (std::size_t i = 0; i < *length; ++i) {
        std::vector<Value<T>> row;
        for (const auto& argument : arguments) row.push_back(at(argument, i));
        results.push_back(function.call(row).scalar());
      }
      return results;
    } catch (const std::invalid_argument& misuse) {
      fail(node, std::string(expression_.source(node)) + ": " + misuse.what());
    }
  }

  Value<T> vector(const Node& node) const {
    std::vector<T> elements;
    for (const std::uint32_t operand : expression_.operands(node)) {
      Value<T> value = value_of(operand);
      if (value.is_vector()) fail(nodes_[operand], "an element of a vector must be a number, not a vector");
      elements.push_back(std::move(value).scalar());
    }
    return elements;
  }

  Value<T> element(const Node& node) const {
    const Node& operand = nodes_[expression_.operands(node)[0]];
    // A variable is read in place: v[0] + v[1] + … must not copy v for each element.
    if (operand.kind == Kind::variable) return element(node, *variables_[operand.name]);
    return element(node, operand_value(node, 0));
  }

  Value<T> element(const Node& node, const Value<T>& value) const {
    if (!value.is_vector()) fail(node, "a number has no elements: [...] needs a vector before it");
    const std::size_t size = value.elements().size();
    if (node.number < static_cast<double>(size)) return value.elements()[static_cast<std::size_t>(node.number)];
    fail(node, "index out of range: the vector has " + std::to_string(size) + (size == 1 ? " element" : " elements") +
                   ", counted from 0");
  }

  Value<T> conditional(const Node& node) const {
    const Value<T> condition = operand_value(node, 0);
    if (!condition.is_vector()) return operand_value(node, take(node, is_true(condition.scalar())) ? 1 : 2);

    const Value<T> chosen = operand_value(node, 1);
    const Value<T> otherwise = operand_value(node, 2);
    std::optional<std::size_t> length;
    for (const auto* value : {&condition, &chosen, &otherwise}) agree(node, length, *value);
    std::vector<T> selected;
    for (std::size_t i = 0; i < *length; ++i)
      selected.push_back(at(take(node, is_true(at(condition, i))) ? chosen : otherwise, i));
    return selected;
  }

  bool take(const Node& node, bool branch) const {
    if (branches_ != nullptr) (*branches_)[static_cast<std::size_t>(&node - nodes_.data())] |= branch ? 1 : 2;
    return branch;
  }

  Value<T> operand_value(const Node& node, std::size_t which) const {
    return value_of(expression_.operands(node)[which]);
  }

  std::vector<Value<T>> operand_values(const Node& node) const {
    std::vector<Value<T>> values;
    for (const std::uint32_t operand : expression_.operands(node)) values.push_back(value_of(operand));
    return values;
  }

  template <class Operation>
  static Value<T> map(Value<T> value, const Operation& operation) {
    if (!value.is_vector()) return operation(std::move(value).scalar());
    std::vector<T> elements = std::move(value).elements();
    for (T& element : elements) element = operation(std::move(element));
    return elements;
  }

  template <class Operation>
  Value<T> map(const Node& node, Value<T> left, Value<T> right, const Operation& operation) const {
    std::optional<std::size_t> length;
    agree(node, length, left);
    agree(node, length, right);
    if (!length) return operation(std::move(left).scalar(), std::move(right).scalar());
    std::vector<T> results;
    for (std::size_t i = 0; i < *length; ++i) results.push_back(operation(at(left, i), at(right, i)));
    return results;
  }

  /// Vectors that meet in one operation have one length; a number goes with any.
  void agree(const Node& node, std::optional<std::size_t>& length, const Value<T>& value) const {
    if (!value.is_vector()) return;
    const std::size_t size = value.elements().size();
    if (length.value_or(size) != size) {
      fail(node, "'" + std::string(expression_.source(node)) + "' needs vectors of one length, not " +
                     std::to_string(*length) + " and " + std::to_string(size));
    }
    length = size;
  }

  static T at(const Value<T>& value, std::size_t i) { return value.is_vector() ? value.elements()[i] : value.scalar(); }
  static bool is_true(const T& value) { return value != T(0.0); }
  static T truth(bool value) { return T(value ? 1.0 : 0.0); }

  static T constant(std::string_view name) {
    if (name == "pi") return Constants<T>::pi();
    if (name == "e") return Constants<T>::e();
    return T(name == "inf" ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN());
  }

  const Expression& expression_;
  std::span<const Node> nodes_;
  std::vector<const Value<T>*> variables_;     // in the order of Expression::variables
  std::vector<const Function<T>*> functions_;  // in the order of Expression::functions
  const Function<T>* power_ = nullptr;
  Branches* branches_;  // null: nobody asks
};

/// The value of the formula. Throws Error for an unknown name, a wrong number of arguments, shapes that do not
/// fit. Of c ? a : b, only the branch taken is evaluated; where c is a vector, both are, and each element chooses.
/// Comparisons, && || ! give 1 or 0; every number but 0 is true. T needs arithmetic, comparisons, construction
/// from double, and pow(T, T) and pow(T, double) in its namespace or in std. What the conditionals did is added to `branches`.
template <class T>
Value<T> evaluate(const Expression& expression, const Variables<T>& variables, const Functions<T>& functions,
                  Branches* branches = nullptr) {
  return Evaluation<T>(expression, variables, functions, branches).result();
}

}  // namespace gradus::expression
