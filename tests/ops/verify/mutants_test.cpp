// The checker is checked: every wrong rule of the catalogue is caught, and no right one is blamed.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <autodiff/verify/ladder.hpp>
#include <ops/verify/mutation_score.hpp>

namespace {

using namespace gradus;

const MutationScore& score() {
  static const MutationScore made = run_mutants({.seed = 0x5eed, .trials = 2000, .points = 3});
  return made;
}
std::string survivors(const MutationMode& mode) {
  std::string text;
  for (const MutantFate& fate : mode.fates)
    if (!fate.killed) text += "\n  " + fate.mutant->family + ": " + fate.mutant->name;
  return text;
}
const MutationMode& mode(bool hard, bool witnesses) {
  const auto& modes = score().modes;
  return *std::find_if(modes.begin(), modes.end(), [&](const MutationMode& m) { return m.hard == hard && m.witnesses == witnesses; });
}

BOOST_AUTO_TEST_CASE(the_catalogue_is_as_long_as_promised) {
  std::set<std::string> families, names;
  for (const Mutant& m : mutants()) {
    families.insert(m.family);
    names.insert(m.family + ": " + m.name);
  }
  BOOST_TEST(mutants().size() >= 94u);
  BOOST_TEST(families.size() >= 23u);
  BOOST_TEST(names.size() == mutants().size());  // no two of one name
  BOOST_TEST(tricky_cases().size() >= 35u);
}

BOOST_AUTO_TEST_CASE(every_function_has_the_size_it_claims) {
  for (const Mutant& m : mutants()) {
    const std::vector<double> x(m.inputs, 0.5), w(m.results, 1.0);
    const Subject s = m.subject;
    BOOST_TEST(s.value(x).size() == m.results, m.family + ": " + m.name);
    BOOST_TEST(s.pullback(x, w).size() == m.inputs, m.family + ": " + m.name);
    for (const auto& point : m.points) BOOST_TEST(point.size() == m.inputs, m.family);
  }
}

BOOST_AUTO_TEST_CASE(every_wrong_rule_is_caught_on_hard_inputs_with_witnesses) {
  const MutationMode& m = mode(true, true);
  BOOST_TEST(m.killed() == m.fates.size(), survivors(m));
}
// What is left differs from the truth only in tails, at kinks and at ties: there is nothing to see elsewhere.
BOOST_AUTO_TEST_CASE(a_black_box_is_caught_as_far_as_values_can_tell) {
  BOOST_TEST(mode(false, false).killed() >= 96u, survivors(mode(false, false)));
  BOOST_TEST(mode(true, false).killed() >= 106u, survivors(mode(true, false)));
}

BOOST_AUTO_TEST_CASE(no_right_rule_is_blamed) {
  BOOST_TEST(score().trials == 2000u);
  std::string alarms;
  for (const FalseAlarm& a : score().examples) alarms += "\n  " + a.verdict + " " + a.name + ", " + a.where + ", seed " + std::to_string(a.seed);
  BOOST_TEST(score().alarms == 0u, alarms);
}

/// The numbers of "x = [1, 2], cotangent = [3]" behind a name; none if the name is not there.
std::vector<double> numbers_behind(const std::string& text, const std::string& name) {
  std::vector<double> numbers;
  const std::size_t begin = text.find(name + " = [");
  if (begin == std::string::npos) return numbers;
  std::istringstream list(text.substr(begin + name.size() + 4, text.find(']', begin) - begin - name.size() - 4));
  for (std::string number; std::getline(list, number, ',');) numbers.push_back(std::stod(number));
  return numbers;
}

BOOST_AUTO_TEST_CASE(the_smallest_input_of_a_failure_fails_again_when_it_is_checked) {
  std::size_t repeated = 0;
  for (const Mutant& m : mutants()) {
    if (m.name == "not zeroed between sweeps") continue;  // depends on the calls before
    std::vector<CheckResult> results;
    const Subject generated = m.subject;
    results.push_back(check_everywhere(generated, m.inputs, {.points = 2}));
    for (const auto& point : m.points) {
      const Subject fresh = m.subject;
      results.push_back(check(fresh, point));
    }
    for (const CheckResult& r : results)
      for (const Finding& f : r.findings) {
        if (f.smallest.empty()) continue;
        const std::vector<double> x = numbers_behind(f.smallest, "x");
        const Subject fresh = m.subject;
        const CheckResult again = check(fresh, x, {.shrink = false, .cotangent = numbers_behind(f.smallest, "cotangent")});
        BOOST_TEST((again.verdict == Verdict::fail), m.family << ": " << m.name << ", " << f.quantity << " at " << f.smallest << "\n" << describe(again));
        ++repeated;
      }
  }
  BOOST_TEST(repeated > 90u);
}

BOOST_AUTO_TEST_CASE(the_score_does_not_depend_on_the_number_of_threads) {
  const MutationOptions few{.seed = 7, .trials = 60, .points = 1};
  MutationOptions one = few, three = few;
  one.threads = 1;
  three.threads = 3;
  const MutationScore a = run_mutants(one), b = run_mutants(three);
  for (std::size_t m = 0; m < a.modes.size(); ++m)
    for (std::size_t i = 0; i < a.modes[m].fates.size(); ++i) BOOST_TEST((a.modes[m].fates[i].oracles == b.modes[m].fates[i].oracles), a.modes[m].fates[i].mutant->name);
  BOOST_TEST(a.undecided == b.undecided);
}

}  // namespace
