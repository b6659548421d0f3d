// Wrong rules that a checker must catch, and right ones that it must not blame: what the checker is itself checked with.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <autodiff/verify/random.hpp>
#include <autodiff/verify/subject.hpp>

namespace gradus {

/// A right function with a wrong rule. Some remember things between calls, as the mistakes they stand for do: check a copy, which starts afresh.
struct Mutant {
  std::string family;                        ///< "sigmoid"
  std::string name;                          ///< "s(1+s)"
  std::size_t inputs = 0, results = 0;
  Subject subject;
  std::vector<std::vector<double>> points;   ///< the family's own: kinks, ties, saturated logits
};

/// A function with a right rule, at points where checkers have blamed such rules.
struct TrickyCase {
  std::string name;                          ///< "relu within 1e-12 of its kink"
  std::size_t inputs = 0;
  Subject subject;
  std::vector<std::vector<double>> points;
  std::function<std::vector<double>(Random&)> draw = {};  ///< further points, if any
  std::size_t most = 0;                      ///< a trial takes long: no more than so many; 0 for any number
};

/// All wrong rules, family by family.
[[nodiscard]] const std::vector<Mutant>& mutants();
/// Right rules where they are hard to check.
[[nodiscard]] const std::vector<TrickyCase>& tricky_cases();
/// The right rule of every family of mutants, at its own points and at hard ones of every magnitude.
[[nodiscard]] const std::vector<TrickyCase>& right_rules();

}  // namespace gradus
