// Derivatives that the user claims, and the conditionals in them.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/verify/random.hpp>

#include "user_function.hpp"

namespace gradus::cli {

/// The functions that formulas may call over T.
template <class T> const expression::Functions<T>& functions_over() {
  if constexpr (std::is_same_v<T, BigFloat>) return high_precision_functions();
  else return functions<T>();
}

/// The claimed derivatives: for each variable a formula, if one was claimed.
class Claims {
 public:
  Claims(const UserFunction& f, const std::vector<std::string>& options);

  [[nodiscard]] bool empty() const { return formulas_.empty(); }
  [[nodiscard]] const std::vector<std::pair<Input, Expression>>& formulas() const { return formulas_; }
  /// Which of the function's inputs are claimed, and which are not; entries of the flat vector of inputs.
  [[nodiscard]] std::vector<std::size_t> entries(const UserFunction& f, bool claimed) const;

  /// The claimed entries at a point; entries that are not claimed keep what `gradient` has.
  template <class T> void apply(const UserFunction& f, std::span<const T> x, std::vector<T>& gradient) const {
    for (const auto& [input, formula] : formulas_) {
      const Value<T> v = naming("--claim d" + input.name, [&, &claimed = formula] { return expression::evaluate(claimed, f.variables(x), functions_over<T>()); });
      const std::vector<T> given = v.is_vector() ? v.elements() : std::vector<T>{v.scalar()};
      if (given.size() != input.size)
        throw UsageError(fmt::format("--claim d{}: '{}' gives {} value{}, but '{}' has {} {}", input.name, excerpt(formula.text()), given.size(), given.size() == 1 ? "" : "s", input.name, input.size, input.size == 1 ? "entry" : "entries"));
      std::copy(given.begin(), given.end(), gradient.begin() + static_cast<std::ptrdiff_t>(input.first));
    }
  }
  /// The same claims, but every number in them that is no exact double is off by up to a unit of its last place: what a right claim may be off by.
  [[nodiscard]] Claims shaken(Random& random) const;

 private:
  std::vector<std::pair<Input, Expression>> formulas_;
};

/// What the claims are instead of the derivatives, from several points: "dx is -1 times the derivative: a sign". Empty when nothing fits everywhere.
[[nodiscard]] std::string claim_pattern(const UserFunction& f, const Claims& claims, const std::vector<std::vector<double>>& points);

/// The conditionals c ? a : b of the function and of its claims: which of their branches were taken where something was judged.
class Coverage {
 public:
  Coverage(const UserFunction& f, const Claims& claims);

  /// The branches that a point takes, by number.
  template <class T> [[nodiscard]] std::vector<std::size_t> taken_at(std::span<const T> x) const {
    std::vector<std::size_t> taken;
    std::size_t number = 0;
    for (const Formula& formula : formulas_) {
      expression::Branches branches;
      if (!formula.conditionals.empty()) static_cast<void>(expression::evaluate(*formula.expression, f_->variables(x), functions_over<T>(), &branches));
      for (const Conditional& c : formula.conditionals) {
        for (const bool side : {true, false}) {
          if ((branches[c.node] & (side ? 1 : 2)) != 0) taken.push_back(number);
          ++number;
        }
      }
    }
    return taken;
  }
  /// A point was judged, and the result was right or wrong.
  void count(const std::vector<std::size_t>& taken, bool right);
  /// Too few points were judged on one of these branches.
  [[nodiscard]] bool lacks(const std::vector<std::size_t>& taken) const;
  [[nodiscard]] bool complete() const;

  /// In words: the branches that no judged point took.
  [[nodiscard]] std::vector<std::string> advice() const;
  /// The branch on which every judged point was wrong while all others were right: "wherever x<0 is true"; empty if there is none.
  [[nodiscard]] std::string culprit() const;

  /// The points at which the condition changes are mostly near numbers that stand in the formulas.
  [[nodiscard]] const std::vector<double>& thresholds() const { return thresholds_; }

 private:
  struct Conditional {
    std::size_t node;
    std::string condition;
  };
  struct Formula {
    std::string name;  // the option it came from
    const Expression* expression;
    std::vector<Conditional> conditionals;
  };
  struct Judged { std::size_t right = 0, wrong = 0; };

  void add(std::string name, const Expression& expression);
  /// "'x<0' is true" of a branch by number.
  [[nodiscard]] std::string words(std::size_t branch) const;

  const UserFunction* f_;
  std::vector<Formula> formulas_;
  std::vector<Judged> judged_;  // of each branch: true and false of the first conditional, of the second, …
  std::size_t right_ = 0, wrong_ = 0;
  std::vector<double> thresholds_;
};

}  // namespace gradus::cli
