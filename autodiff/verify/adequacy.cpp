// What a point cannot show.
#include <autodiff/verify/adequacy.hpp>

#include <algorithm>
#include <cmath>
#include <exception>

#include <fmt/format.h>

#include <autodiff/verify/report.hpp>

namespace gradus {
namespace {

using Values = Subject::Values;
using View = Subject::View;

/// The inputs that are elements of one operand: "slope[0]", "slope[1]".
struct OperandValues {
  std::string name;
  Values values;
};
std::vector<OperandValues> operands_of(const Subject& subject, View x) {
  std::vector<OperandValues> operands;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::string name = i < subject.inputs.size() ? subject.inputs[i].substr(0, subject.inputs[i].find('[')) : "input";
    const auto known = std::find_if(operands.begin(), operands.end(), [&](const OperandValues& o) { return o.name == name; });
    if (known == operands.end()) operands.push_back({name, {x[i]}});
    else known->values.push_back(x[i]);
  }
  return operands;
}

void add_equal_inputs(std::vector<std::string>& advice, const Subject& subject, View x) {
  if (x.size() > 16) return;  // among many, some will be equal
  const auto name = [&](std::size_t i) { return i < subject.inputs.size() ? subject.inputs[i] : fmt::format("x[{}]", i); };
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t k = i + 1; k < x.size(); ++k)
      if (x[i] == x[k]) return advice.push_back(fmt::format("{} and {} are equal: exchanging them in the gradient could not be seen", name(i), name(k)));
}

void add_zeros_and_ones(std::vector<std::string>& advice, const OperandValues& operand) {
  const auto all = [&](auto&& is) { return std::all_of(operand.values.begin(), operand.values.end(), is); };
  if (operand.values.size() == 1 && operand.name != "input") {
    if (all([](double v) { return v == 0 || v == 1; })) advice.push_back(fmt::format("{} = {}: a rule that forgets it, or takes a power of it, could not be seen", operand.name, operand.values[0]));
  } else if (all([](double v) { return v == 0 || v == 1; })) {
    advice.push_back(fmt::format("every {} is 0 or 1: a missing factor or power could not be seen", operand.name));
  }
}

void add_one_sign(std::vector<std::string>& advice, const Subject& subject, const OperandValues& operand) {
  if (subject.inputs.empty() || operand.values.size() < 2) return;
  const auto all = [&](auto&& is) { return std::all_of(operand.values.begin(), operand.values.end(), is); };
  const bool positive = all([](double v) { return v > 0; });
  if (!positive && !all([](double v) { return v < 0; })) return;
  for (const Domain& d : subject.domain)
    if (d.low >= 0 || d.high <= 0) return;  // the other side is no place to be
  advice.push_back(fmt::format("every {} is {}: what happens to {} ones could not be seen", operand.name, positive ? "positive" : "negative", positive ? "negative" : "positive"));
}

void add_symmetric_jacobian(std::vector<std::string>& advice, const Subject& subject, View x) {
  const std::size_t n = x.size();
  if (n < 2 || n > 16) return;
  try {
    if (subject.value(x).size() != n) return;
    std::vector<Values> rows;
    bool diagonal = true;
    for (std::size_t j = 0; j < n; ++j) {
      Values one(n, 0.0);
      one[j] = 1;
      rows.push_back(subject.pullback(x, one));
      if (rows.back().size() != n) return;
      for (std::size_t i = 0; i < n; ++i) diagonal = diagonal && (i == j || rows[j][i] == 0);
    }
    if (diagonal) return;
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t i = 0; i < j; ++i)
        if (!(std::fabs(rows[j][i] - rows[i][j]) <= 1e-12 * std::fabs(rows[j][i]))) return;
  } catch (const std::exception&) {
    return;  // the ladder has said so
  }
  advice.emplace_back("the Jacobian is symmetric here: its transpose could not be told from it");
}

}  // namespace

std::vector<std::string> adequacy(const Subject& subject, std::span<const double> x) {
  std::vector<std::string> advice;
  if (x.empty()) return advice;
  add_equal_inputs(advice, subject, x);
  const std::vector<OperandValues> operands = operands_of(subject, x);
  for (const OperandValues& operand : operands) {
    add_zeros_and_ones(advice, operand);
    add_one_sign(advice, subject, operand);
  }
  if (operands.size() > 1 && x.size() == operands.size() && subject.inputs[0].find('[') != std::string::npos)
    advice.emplace_back("every operand has one element: a missing sum over elements could not be seen");
  for (const double kink : subject.kinks) {
    const auto beyond = std::count_if(x.begin(), x.end(), [&](double v) { return v > kink; });
    if (beyond == 0 || static_cast<std::size_t>(beyond) == x.size())
      advice.push_back(fmt::format("every input lies {} the kink at {}: the other branch was not visited", beyond == 0 ? "at or below" : "above", number_text(kink)));
  }
  add_symmetric_jacobian(advice, subject, x);
  return advice;
}

}  // namespace gradus
