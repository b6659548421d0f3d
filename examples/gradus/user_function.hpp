// A function given as text, at a point.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <autodiff/drivers.hpp>
#include <ops/functions.hpp>
#include <ops/verify/high_precision.hpp>

#include "command.hpp"

namespace gradus::cli {

using expression::excerpt;
using expression::Expression;
using expression::Value;
using expression::Variables;

/// A variable with its value; a vector has several entries.
struct Input {
  std::string name;
  bool is_vector = false;
  std::size_t first = 0, size = 1;  // its entries in the flat vector of inputs
};

/// Splits "x=.3,v=[1,2]" at commas outside brackets.
inline std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  int depth = 0;
  std::string part;
  for (const char c : text) {
    depth += c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.push_back(part);
      part.clear();
    } else {
      part += c;
    }
  }
  parts.push_back(part);
  return parts;
}

/// "x=.3" as ("x", ".3"). Throws UsageError, naming the option.
inline std::pair<std::string, std::string> name_and_value(const std::string& item, const char* option) {
  const std::size_t equals = item.find('=');
  std::string name = item.substr(0, equals);
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(' ') + 1);
  const bool identifier = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos && !std::isdigit(static_cast<unsigned char>(name[0]));
  if (equals == std::string::npos || !identifier) throw UsageError(fmt::format("{} '{}': expected name=value, as in {}", option, excerpt(item), std::string_view(option) == "--at" ? "--at x=.3,y=1.7" : "--claim dx='1 - tanh(x)^2'"));
  return {name, item.substr(equals + 1)};
}

/// An error in a formula says which option the formula came from.
template <class F> auto naming(const std::string& option, F&& f) {
  try {
    return f();
  } catch (const expression::Error& e) {
    throw UsageError(fmt::format("{}: {}", option, e.what()));
  }
}

/// A function given as text, at a point.
class UserFunction {
 public:
  UserFunction(const std::string& text, const std::vector<std::string>& at) : formula_(Expression::parse(text)) {
    for (const std::string& option : at)
      for (const std::string& item : split(option)) {
        const auto [name, value_text] = name_and_value(item, "--at");
        for (const Input& known : inputs_)
          if (known.name == name) throw UsageError(fmt::format("--at gives '{}' twice", excerpt(name)));
        const Value<double> value = naming("--at " + name, [&, &text = value_text] { return expression::evaluate(Expression::parse(text), Variables<double>{}, functions<double>()); });
        const std::vector<double> entries = value.is_vector() ? value.elements() : std::vector<double>{value.scalar()};
        inputs_.push_back({name, value.is_vector(), point_.size(), entries.size()});
        point_.insert(point_.end(), entries.begin(), entries.end());
      }
    try {
      static_cast<void>(value_at(point_));  // names, arguments and shapes are checked here
    } catch (const expression::Error& e) {
      if (!e.message().starts_with("unknown variable")) throw;
      throw UsageError(fmt::format("{}\ngive every variable its value, as in --at x=.3,y=1.7", e.what()));
    }
  }

  [[nodiscard]] const std::vector<double>& point() const { return point_; }
  [[nodiscard]] const std::vector<Input>& inputs() const { return inputs_; }
  [[nodiscard]] const Expression& formula() const { return formula_; }
  [[nodiscard]] std::vector<std::string> entry_names() const {
    std::vector<std::string> names;
    for (const Input& i : inputs_)
      for (std::size_t k = 0; k < i.size; ++k) names.push_back(i.is_vector ? fmt::format("{}[{}]", i.name, k) : i.name);
    return names;
  }

  /// A point in words: "x = 0.3, y = 1.7".
  [[nodiscard]] std::string place(const std::vector<double>& x) const {
    const std::vector<std::string> names = entry_names();
    std::string text;
    constexpr std::size_t most = 8;
    for (std::size_t i = 0; i < std::min(x.size(), most); ++i) text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", names[i], number_text(x[i]));
    return x.size() > most ? text + fmt::format(", … ({} inputs)", x.size()) : text;
  }

  template <class T> [[nodiscard]] Variables<T> variables(std::span<const T> x) const {
    Variables<T> v;
    for (const Input& i : inputs_) {
      if (i.is_vector) v.emplace(i.name, Value<T>(std::vector<T>(x.begin() + static_cast<std::ptrdiff_t>(i.first), x.begin() + static_cast<std::ptrdiff_t>(i.first + i.size))));
      else v.emplace(i.name, Value<T>(x[i.first]));
    }
    return v;
  }
  [[nodiscard]] double value_at(std::span<const double> x) const { return scalar(expression::evaluate(formula_, variables(x), functions<double>())); }
  [[nodiscard]] Var record(const std::vector<Var>& x) const { return scalar(expression::evaluate(formula_, variables(std::span<const Var>(x)), functions<Var>())); }
  [[nodiscard]] BigFloat big_value(const std::vector<BigFloat>& x) const {
    return scalar(expression::evaluate(formula_, variables(std::span<const BigFloat>(x)), high_precision_functions()));
  }
  [[nodiscard]] ValueAndGradient<double> value_and_gradient() const { return value_and_gradient_at(point_); }
  [[nodiscard]] ValueAndGradient<double> value_and_gradient_at(std::span<const double> x) const {
    return gradus::value_and_gradient([this](const std::vector<Var>& v) { return record(v); }, x);
  }

 private:
  template <class T> T scalar(const Value<T>& v) const {
    if (v.is_vector()) throw UsageError(fmt::format("the function must give a number, but '{}' gives a vector of {}: use sum(…), dot(…) or an index", excerpt(formula_.text()), v.elements().size()));
    return v.scalar();
  }
  Expression formula_;
  std::vector<Input> inputs_;
  std::vector<double> point_;
};

}  // namespace gradus::cli
