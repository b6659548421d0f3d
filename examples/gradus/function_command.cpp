// gradus check --expr and gradus grad: the user's own function, and the user's own derivative of it.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ops/verify/opinions.hpp>

#include "function_check.hpp"
#include "report.hpp"

namespace gradus::cli {
namespace {

/// The claimed derivatives: for each entry of the input a formula, if one was claimed.
class Claims {
 public:
  Claims(const UserFunction& f, const std::vector<std::string>& options) {
    for (const std::string& option : options) {
      const auto [name, text] = name_and_value(option, "--claim");
      const Input* input = nullptr;
      for (const Input& i : f.inputs())
        if (name == "d" + i.name) input = &i;
      if (input == nullptr) throw UsageError(fmt::format("--claim '{}': there is no variable '{}'; claim the derivative with respect to x as dx=…", option, name.size() > 1 && name[0] == 'd' ? name.substr(1) : name));
      for (const auto& [known, formula] : formulas_)
        if (known.name == input->name) throw UsageError(fmt::format("--claim gives '{}' twice", name));
      formulas_.emplace_back(*input, naming("--claim " + name, [&, &claimed = text] { return Expression::parse(claimed); }));
    }
  }
  [[nodiscard]] bool empty() const { return formulas_.empty(); }

  /// The claimed entries at a point; entries that are not claimed keep what `gradient` has.
  template <class T> void apply(const UserFunction& f, std::span<const double> at, std::vector<T>& gradient) const {
    const std::vector<T> x(at.begin(), at.end());
    const expression::Functions<T>* table = nullptr;
    if constexpr (std::is_same_v<T, double>) table = &functions<double>();
    else table = &high_precision_functions();
    for (const auto& [input, formula] : formulas_) {
      const Value<T> v = naming("--claim d" + input.name, [&, &claimed = formula] { return expression::evaluate(claimed, f.variables(std::span<const T>(x)), *table); });
      const std::vector<T> entries = v.is_vector() ? v.elements() : std::vector<T>{v.scalar()};
      if (entries.size() != input.size) throw UsageError(fmt::format("--claim d{}: '{}' gives {} values, but '{}' has {} entries", input.name, formula.text(), entries.size(), input.name, input.size));
      std::copy(entries.begin(), entries.end(), gradient.begin() + static_cast<std::ptrdiff_t>(input.first));
    }
  }

 private:
  std::vector<std::pair<Input, Expression>> formulas_;
};

/// Checks the claims at one point. A claim that is right as mathematics may lose up to half of its digits to rounding: how many is in `derivative`.
CheckResult check_claims(const UserFunction& f, const Claims& claims, const std::vector<double>& at, std::uint64_t seed) {
  const std::vector<double> tape = f.value_and_gradient_at(at).gradient;
  std::vector<double> claimed = tape;
  claims.apply(f, at, claimed);

  std::vector<std::size_t> suspects;
  for (std::size_t i = 0; i < at.size(); ++i)
    if (!(ulps_between(claimed[i], tape[i]) <= 4)) suspects.push_back(i);
  std::sort(suspects.begin(), suspects.end(), [&](std::size_t a, std::size_t b) { return ulps_between(claimed[a], tape[a]) > ulps_between(claimed[b], tape[b]); });

  std::vector<double> exact = claimed;
  CheckResult rounding;
  if (!suspects.empty() && at.size() <= 256) {
    std::vector<BigFloat> digits(tape.begin(), tape.end());
    claims.apply(f, at, digits);
    for (const std::size_t i : suspects) exact[i] = nearest_double(digits[i]);
  }
  const auto keeps_half = [&](std::size_t i) { return std::fabs(claimed[i] - exact[i]) <= std::ldexp(std::fabs(exact[i]), -26); };
  const std::vector<std::string> names = f.entry_names();
  for (const std::size_t i : suspects) {
    if (!keeps_half(i)) continue;
    rounding.derivative.take(ulps_between(claimed[i], exact[i]), fmt::format("{} = {}", names[i], number_text(at[i])));
    claimed[i] = exact[i];
  }

  const Coordinates coordinates(at.size(), suspects, seed);
  GradientUnderTest test = prepare(f, at, coordinates, tape);
  test.oracles.insert(test.oracles.begin(), tape_oracle(test, coordinates.project(tape)));
  test.gradient = coordinates.project(claimed);
  CheckResult result = check_gradient(test);
  result.derivative = rounding.derivative;
  for (Finding& finding : result.findings)
    for (const std::size_t i : suspects)
      if (finding.quantity == "d f / d " + names[i] && !keeps_half(i))
        for (const Opinion& o : finding.opinions)
          if (std::fabs(exact[i] - o.expected) <= o.tolerance && finding.message.empty())
            finding.message = fmt::format("the formula is right, but not in double: {} at this point, of which rounding leaves less than half the digits", number_text(exact[i]));
  return result;
}

/// Points around the given one, at several distances, where the function is finite: a claim that holds at one point only is found out.
std::vector<std::vector<double>> neighbours(const UserFunction& f, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<double>> points;
  for (int k = 0; k < 16; ++k) {
    std::vector<double> p = f.point();
    const double reach = std::ldexp(1.0, k % 4 - 3);  // 1/8 … 1
    for (double& v : p) v += reach * random.uniform(-1, 1) * std::max(1.0, std::fabs(v));
    if (std::isfinite(f.value_at(p))) points.push_back(std::move(p));
  }
  return points;
}

/// Adds what was found at another point; its findings only if `keep`.
void merge(CheckResult& into, const CheckResult& other, bool keep) {
  into.points += other.points;
  into.numbers += other.numbers;
  into.verdict = std::max(into.verdict, other.verdict == Verdict::inconclusive ? Verdict::pass : other.verdict);  // extra points only add doubt when they contradict
  into.derivative.take(other.derivative.ulps, other.derivative.where);
  for (const Finding& finding : other.findings) {
    if (finding.verdict == Verdict::inconclusive) continue;
    if (keep) into.findings.push_back(finding);
    else ++into.more_findings;
  }
  for (const OracleCount& o : other.oracles) {
    const auto same = std::find_if(into.oracles.begin(), into.oracles.end(), [&](const OracleCount& c) { return c.oracle == o.oracle; });
    if (same == into.oracles.end()) into.oracles.push_back(o);
    else same->agreed += o.agreed, same->abstained += o.abstained, same->disagreed += o.disagreed;
  }
  into.seconds += other.seconds;
}

std::string gradient_text(const UserFunction& f, const ValueAndGradient<double>& result, std::size_t most = std::numeric_limits<std::size_t>::max()) {
  std::vector<std::vector<std::string>> rows{{"f", number_text(result.value)}};
  const std::vector<std::string> names = f.entry_names();
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) rows.push_back({"df/d" + names[i], number_text(result.gradient[i])});
  return table(rows, {false, false}) + (names.size() > most ? fmt::format("… and {} more inputs\n", names.size() - most) : "");
}

}  // namespace

int check_function_command(const FunctionOptions& options, const Common& common, const Reporting& reporting) {
  const UserFunction f(options.expression, options.at);
  if (f.point().empty()) throw UsageError("there is no derivative to check: the function has no variable. Name one and give its value, as in --at x=.3");
  const Claims claims(f, options.claims);
  check_writable(reporting.output);
  const ValueAndGradient<double> tape = f.value_and_gradient();
  if (!std::isfinite(tape.value)) {
    CheckResult nothing;
    nothing.name = options.expression;
    nothing.points = 1;
    nothing.advice.push_back(fmt::format("f = {} at this point: there is no derivative to check where the function is not finite", number_text(tape.value)));
    const std::string text = fmt::format("INCONCLUSIVE  {}\n", nothing.advice.front());
    return publish({nothing}, text, text, common, reporting);
  }
  CheckResult result;
  struct Remark { std::string label, text; };
  std::vector<Remark> remarks;
  std::string more_points;
  if (claims.empty()) {
    const Coordinates coordinates(f.point().size(), {}, common.seed);
    GradientUnderTest test = prepare(f, f.point(), coordinates, tape.gradient);
    test.gradient = coordinates.project(tape.gradient);
    result = check_gradient(test);
    if (!coordinates.directions.empty()) remarks.push_back({"checked", fmt::format("{} of {} inputs one by one, all of them along {} random directions", coordinates.entries.size(), f.point().size(), coordinates.directions.size())});
  } else {
    result = check_claims(f, claims, f.point(), common.seed);
    const bool right_here = static_cast<bool>(result);
    // A wrong claim is mostly wrong everywhere: the given point and two more show it.
    constexpr std::size_t shown = 2;
    std::size_t wrong_around = 0, around = 0;
    for (const auto& p : neighbours(f, common.seed)) {
      const CheckResult there = check_claims(f, claims, p, common.seed);
      ++around;
      if (there.verdict > Verdict::inconclusive) ++wrong_around;
      merge(result, there, wrong_around <= shown);
    }
    if (wrong_around > shown) more_points = fmt::format("\n  … and {} more points", wrong_around - shown);
    if (wrong_around > 0)
      remarks.push_back({"", fmt::format("the claim {} at {} of {} points around it", right_here ? "holds at the given point, but not" : "does not hold at the given point, nor", wrong_around, around)});
    else if (result && result.derivative.ulps > 64)
      remarks.push_back({"rounding", fmt::format("the formula is right, but in double it is off by {} ulps at {}: a form without cancellation keeps those digits", ulps_text(result.derivative.ulps), result.derivative.where)});
  }
  result.name = options.expression;
  CheckResult told = result;
  told.name = one_line(result.name);
  told.more_findings = 0;  // counted in points instead
  std::string notes = more_points;
  for (const Remark& r : remarks) {
    notes += r.label.empty() ? "\n  " + r.text : fmt::format("\n  {:<10} {}", r.label, r.text);
    result.advice.push_back(r.label.empty() ? r.text : r.label + ": " + r.text);
  }
  for (CheckResult* r : {&told, &result}) limit_findings({r, 1}, r->findings.size(), reporting.max_failures);
  const std::string message = describe(told) + notes + "\n";
  return publish({std::move(result)}, gradient_text(f, tape, 20) + message, message, common, reporting);
}

int gradient_command(const FunctionOptions& options, const Common& common) {
  const UserFunction f(options.expression, options.at);
  const ValueAndGradient<double> result = f.value_and_gradient();
  if (common.format == Format::json) {
    const auto number = [](double x) -> nlohmann::json { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(number_text(x)); };
    nlohmann::json document{{"schema", 1}, {"expression", options.expression}, {"value", number(result.value)}, {"gradient", nlohmann::json::object()}};
    const std::vector<std::string> names = f.entry_names();
    for (std::size_t i = 0; i < names.size(); ++i) document["gradient"][names[i]] = number(result.gradient[i]);
    print(document.dump(2) + "\n");
  } else {
    print(gradient_text(f, result));
  }
  return agree;
}

}  // namespace gradus::cli
