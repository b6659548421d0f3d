// gradus check --expr and gradus grad: the user's own function, and the user's own derivative of it.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ops/verify/opinions.hpp>

#include "claims.hpp"
#include "far_points.hpp"
#include "function_check.hpp"
#include "report.hpp"

namespace gradus::cli {
namespace {

/// Checks the claims at one point. A claim that is right as mathematics may lose up to half of its digits to rounding: how many is in `derivative`.
CheckResult check_claims(const UserFunction& f, const Claims& claims, const std::vector<double>& at, std::uint64_t seed) {
  const std::vector<double> tape = f.value_and_gradient_at(at).gradient;
  std::vector<double> claimed = tape;
  claims.apply(f, std::span<const double>(at), claimed);

  std::vector<std::size_t> suspects;
  for (std::size_t i = 0; i < at.size(); ++i)
    if (!(ulps_between(claimed[i], tape[i]) <= 4)) suspects.push_back(i);
  std::sort(suspects.begin(), suspects.end(), [&](std::size_t a, std::size_t b) { return ulps_between(claimed[a], tape[a]) > ulps_between(claimed[b], tape[b]); });

  std::vector<double> exact = claimed;
  CheckResult rounding;
  if (!suspects.empty() && at.size() <= 256) {
    std::vector<BigFloat> digits(tape.begin(), tape.end());
    claims.apply(f, std::span<const BigFloat>(std::vector<BigFloat>(at.begin(), at.end())), digits);
    for (const std::size_t i : suspects) exact[i] = nearest_double(digits[i]);
  }
  const auto keeps_half = [&](std::size_t i) { return std::fabs(claimed[i] - exact[i]) <= std::ldexp(std::fabs(exact[i]), -26); };
  const std::vector<std::string> names = f.entry_names();
  for (const std::size_t i : suspects) {
    if (!keeps_half(i)) continue;
    rounding.derivative.take(ulps_between(claimed[i], exact[i]), fmt::format("{} = {}", names[i], number_text(at[i])));
    claimed[i] = exact[i];
  }

  const Coordinates coordinates(claims.entries(f, true), at.size(), suspects, seed);
  GradientUnderTest test = prepare(f, at, coordinates, tape);
  test.oracles.insert(test.oracles.begin(), tape_oracle(test, coordinates.project(tape)));
  test.gradient = coordinates.project(claimed);
  CheckResult result = check_gradient(test);
  result.derivative = rounding.derivative;
  for (Finding& finding : result.findings) finding.where = f.place(at);  // with what is not claimed, too
  for (Finding& finding : result.findings)
    for (const std::size_t i : suspects)
      if (finding.quantity == "d f / d " + names[i] && !keeps_half(i) && finding.verdict == Verdict::fail) {
        if (!std::isfinite(exact[i])) finding.message = fmt::format("the formula of the claim is {} here, in 400 digits too: it divides by 0, or leaves the domain of a function", number_text(exact[i]));
        for (const Opinion& o : finding.opinions)
          if (std::isfinite(exact[i]) && std::fabs(exact[i] - o.expected) <= o.tolerance && finding.message.empty())
            finding.message = fmt::format("the formula is right, but not in double: {} at this point, of which rounding leaves less than half the digits", number_text(exact[i]));
      }
  return result;
}

/// The tape's own derivatives with respect to variables that nobody claimed, at one point.
CheckResult check_tape(const UserFunction& f, const std::vector<std::size_t>& entries, const std::vector<double>& at, const std::vector<double>& tape, std::uint64_t seed) {
  const Coordinates coordinates(entries, at.size(), {}, seed);
  GradientUnderTest test = prepare(f, at, coordinates, tape);
  test.gradient = coordinates.project(tape);
  CheckResult result = check_gradient(test);
  for (Finding& finding : result.findings) finding.where = f.place(at);
  return result;
}

/// Points around the given one, at several distances, where the function is finite: a claim that holds at one point only is found out. Distances are
/// relative to a number that is far below 1, every other time: it may be the scale of the function.
std::vector<std::vector<double>> neighbours(const UserFunction& f, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<double>> points;
  for (int k = 0; k < 16; ++k) {
    std::vector<double> p = f.point();
    const double reach = std::ldexp(1.0, k % 4 - 3);  // 1/8 … 1
    for (double& v : p) v += reach * random.uniform(-1, 1) * (k % 8 >= 4 && v != 0 ? std::fabs(v) : std::max(1.0, std::fabs(v)));
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

/// "x, y": the variables that are claimed, or that are not.
std::string variables_of(const UserFunction& f, const Claims& claims, bool claimed) {
  std::string names;
  for (const Input& input : f.inputs()) {
    const bool is_claimed = std::any_of(claims.formulas().begin(), claims.formulas().end(), [&](const auto& c) { return c.first.name == input.name; });
    if (is_claimed == claimed) names += (names.empty() ? "" : ", ") + input.name;
  }
  return excerpt(names);
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
  std::size_t wrong_points = 0;
  Coverage coverage(f, claims);
  if (claims.empty()) {
    std::vector<std::size_t> all(f.point().size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    const Coordinates coordinates(all, all.size(), {}, common.seed);
    GradientUnderTest test = prepare(f, f.point(), coordinates, tape.gradient);
    test.gradient = coordinates.project(tape.gradient);
    result = check_gradient(test);
    if (!coordinates.directions.empty()) remarks.push_back({"checked", fmt::format("{} of {} inputs one by one, all of them along {} random directions", coordinates.entries.size(), f.point().size(), coordinates.directions.size())});
    coverage.count(coverage.taken_at(std::span<const double>(f.point())), true);
  } else {
    result = check_claims(f, claims, f.point(), common.seed);
    const bool right_here = static_cast<bool>(result);
    coverage.count(coverage.taken_at(std::span<const double>(f.point())), right_here);
    // A wrong claim is mostly wrong everywhere: the given point and two more show it.
    constexpr std::size_t shown = 2;
    std::size_t wrong_around = 0, around = 0;
    std::vector<std::vector<double>> points = neighbours(f, common.seed);
    for (const auto& p : points) {
      const CheckResult there = check_claims(f, claims, p, common.seed);
      ++around;
      if (there.verdict > Verdict::inconclusive) ++wrong_around;
      merge(result, there, wrong_around <= shown);
      if (there.verdict != Verdict::inconclusive) coverage.count(coverage.taken_at(std::span<const double>(p)), there.verdict < Verdict::inconclusive);
    }
    const FarCheck far = check_far(f, claims, coverage, common.seed, shown - std::min(shown, wrong_around));
    merge(result, far.result, true);
    wrong_points = (result.verdict > Verdict::inconclusive && !right_here ? 1 : 0) + wrong_around + far.wrong;
    const auto but = [&](bool so_far) { return so_far ? "holds at the given point, but not" : "does not hold at the given point, nor"; };
    if (wrong_around > 0) remarks.push_back({"", fmt::format("the claim {} at {} of {} points around it", but(right_here), wrong_around, around)});
    else if (far.wrong > 0) remarks.push_back({"", fmt::format("the claim {} at {} of {} points far from it", but(right_here), far.wrong, far.result.points)});
    points.push_back(f.point());
    if (const std::string pattern = wrong_around > 0 ? claim_pattern(f, claims, points) : ""; !pattern.empty()) remarks.push_back({"pattern", pattern});
    else if (const std::string culprit = coverage.culprit(); !culprit.empty()) remarks.push_back({"pattern", fmt::format("wrong wherever {}, and right elsewhere", culprit)});
    if (const std::vector<std::size_t> others = claims.entries(f, false); !others.empty()) {
      CheckResult rest = check_tape(f, others, f.point(), tape.gradient, common.seed);
      const bool right = static_cast<bool>(rest);
      rest.points = 0;  // the same
      for (Finding& finding : rest.findings)
        if (finding.message.empty()) finding.message = "not claimed: this is the tape's own derivative";
      merge(result, rest, true);
      remarks.push_back({"claimed", fmt::format("{}; not claimed: {}, where the tape's own derivative {} at the given point", variables_of(f, claims, true), variables_of(f, claims, false), right ? "agrees" : "does not agree")});
    }
    if (result && result.derivative.ulps > 64)
      remarks.push_back({"rounding", fmt::format("the formula is right, but in double it is off by {} ulps at {}: a form without cancellation keeps those digits", ulps_text(result.derivative.ulps), result.derivative.where)});
    else if (result)
      for (const auto& [label, text] : far.remarks) remarks.push_back({label, text});
  }
  for (const std::string& a : coverage.advice()) remarks.push_back({"advice", a});
  result.name = options.expression;
  CheckResult told = result;
  told.name = excerpt(one_line(result.name), 120);
  std::string notes;
  for (const Remark& r : remarks) {
    notes += r.label.empty() ? "\n  " + r.text : fmt::format("\n  {:<10} {}", r.label, r.text);
    result.advice.push_back(r.label.empty() || r.label == "advice" ? r.text : r.label + ": " + r.text);
  }
  for (CheckResult* r : {&told, &result}) limit_findings({r, 1}, r->findings.size(), reporting.max_failures);
  // Hidden findings are counted in points, where some points are not shown at all.
  std::set<std::string> places;
  for (const Finding& finding : told.findings)
    if (finding.verdict > Verdict::inconclusive) places.insert(finding.where);
  if (const std::size_t more = wrong_points - std::min(wrong_points, places.size()); more > 0) {
    told.more_findings = 0;
    notes = fmt::format("\n  … and {} more point{}", more, more == 1 ? "" : "s") + notes;
  }
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
