// Judging a gradient entry by entry.
#include <autodiff/verify/check.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <autodiff/verify/difference.hpp>

namespace gradus {
namespace {

constexpr double unit_roundoff = std::numeric_limits<double>::epsilon() / 2;

std::string place(const std::vector<std::string>& names, std::span<const double> x) {
  std::string text;
  constexpr std::size_t most = 8;
  for (std::size_t i = 0; i < std::min(x.size(), most); ++i) text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", names[i], number_text(x[i]));
  if (x.size() > most) text += fmt::format(", … ({} inputs)", x.size());
  return text;
}

}  // namespace

CheckResult check_gradient(const GradientUnderTest& test) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t n = test.x.size();
  if (test.gradient.size() != n) throw ShapeError(fmt::format("check: {} inputs, but the gradient has {} entries", n, test.gradient.size()));
  for (const auto& o : test.oracles)
    if (o.expected.size() != n || o.bound.size() != n) throw ShapeError(fmt::format("check: oracle '{}' has {} values and {} bounds for {} inputs", o.name, o.expected.size(), o.bound.size(), n));
  std::vector<std::string> names = test.inputs;
  if (names.empty())
    for (std::size_t i = 0; i < n; ++i) names.push_back(fmt::format("x[{}]", i));

  CheckResult result;
  result.name = test.name;
  result.points = 1;
  result.all_must_be_judged = true;
  DetectionLimits limits;
  std::vector<double> at = test.x;
  for (std::size_t i = 0; i < n; ++i) {
    const double got = test.gradient[i];
    const double scale = std::max(i < test.scale.size() ? test.scale[i] : 0.0, std::fabs(got));
    const double rounding = 2 * std::min(std::max(test.operations, 4.0), 1e6) * unit_roundoff * scale;
    Finding finding{.quantity = fmt::format("d {} / d {}", test.name, names[i]), .where = place(names, test.x), .regime = {}, .got = got, .opinions = {}, .message = {}};
    for (const auto& oracle : test.oracles) {
      Opinion o{.oracle = oracle.name, .expected = oracle.expected[i], .bound = oracle.bound[i], .tolerance = oracle.bound[i] + rounding, .note = {}};
      if (std::isnan(oracle.bound[i])) o.note = oracle.note.empty() ? "no bound" : oracle.note;
      finding.opinions.push_back(o);
    }
    const auto moved = [&](double v) { at[i] = v; const double y = test.value(at); at[i] = test.x[i]; return y; };
    const Difference d = difference(moved, test.x[i]);
    result.take(nearest_kink(names[i], moved, test.x[i], d, got));
    finding.opinions.push_back(opinion_of(d, got, rounding));
    finding.verdict = judge(got, finding.opinions);
    limits.take(finding.opinions);
    result.take(std::move(finding));
  }
  if (n == 0) result.verdict = Verdict::pass;
  result.take(std::move(limits));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

CheckResult check(const VectorOp& op, std::span<const std::vector<double>> operands, const CheckOptions& options) {
  Subject s;
  s.name = op.name;
  std::vector<std::size_t> sizes;
  std::vector<double> x;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    sizes.push_back(operands[k].size());
    const std::string name = k < op.operands.size() ? op.operands[k] : fmt::format("operand{}", k + 1);
    for (std::size_t i = 0; i < operands[k].size(); ++i) {
      x.push_back(operands[k][i]);
      s.inputs.push_back(operands[k].size() == 1 ? name : fmt::format("{}[{}]", name, i));
    }
  }
  s.value = [&](Subject::View at) { return op.value(split(at, sizes)); };
  s.pullback = [&](Subject::View at, Subject::View w) { return op.gradient(at, sizes, w); };
  s.accumulate = [&](Subject::View at, Subject::View w, std::span<double> gradient) {
    std::vector<std::span<double>> parts;
    for (const std::size_t n : sizes) {
      parts.push_back(gradient.first(n));
      gradient = gradient.subspan(n);
    }
    op.pullback(split(at, sizes), w, parts);
  };
  return check(s, x, options);
}

}  // namespace gradus
