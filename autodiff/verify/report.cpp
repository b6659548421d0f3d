// Judging numbers by the opinions of oracles, and the words for it.
#include <autodiff/verify/report.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>

#include <fmt/format.h>

namespace gradus {

const char* name_of(Verdict v) noexcept {
  switch (v) {
    case Verdict::pass: return "PASS";
    case Verdict::kink: return "KINK";
    case Verdict::inconclusive: return "INCONCLUSIVE";
    case Verdict::oracles_disagree: return "ORACLE_DISAGREEMENT";
    case Verdict::nondeterministic: return "NONDETERMINISTIC";
    case Verdict::fail: return "FAIL";
  }
  return "?";
}

void CheckResult::count(const Opinion& opinion) {
  auto found = std::find_if(oracles.begin(), oracles.end(), [&](const OracleCount& c) { return c.oracle == opinion.oracle; });
  if (found == oracles.end()) found = oracles.insert(found, {opinion.oracle, 0, 0, 0});
  switch (opinion.verdict) {
    case Verdict::pass:
    case Verdict::kink: ++found->agreed; break;
    case Verdict::inconclusive: ++found->abstained; break;
    default: ++found->disagreed;
  }
}

void DetectionLimits::take(const std::vector<Opinion>& opinions, double share) {
  constexpr double none = std::numeric_limits<double>::infinity();
  double error = none, relative_error = none;
  for (const Opinion& o : opinions) {
    if ((o.verdict != Verdict::pass && o.verdict != Verdict::kink) || !std::isfinite(o.expected) || !(o.tolerance > 0)) continue;
    error = std::min(error, o.tolerance / share);
    if (share == 1 && o.verdict == Verdict::pass && o.expected != 0) relative_error = std::min(relative_error, o.tolerance / share / std::fabs(o.expected));
  }
  if (std::isfinite(error)) absolute.push_back(error);
  if (std::isfinite(relative_error)) relative.push_back(relative_error);
}

void CheckResult::take(DetectionLimits limits) {
  const auto median = [](std::vector<double>& of) {
    if (of.empty()) return 0.0;
    const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
  };
  worst_detection_limit = limits.relative.empty() ? 0 : *std::max_element(limits.relative.begin(), limits.relative.end());
  detection_limit = median(limits.relative);
  absolute_limit = median(limits.absolute);
}

void CheckResult::take(std::optional<NearestKink> kink) {
  if (kink && (!nearest_kink || kink->distance < nearest_kink->distance)) nearest_kink = std::move(kink);
}

void CheckResult::take(Finding finding) {
  const std::size_t kept = finding.verdict == Verdict::inconclusive ? 5 : 20;  // what could not be told must not crowd out what is wrong
  ++numbers;
  for (const Opinion& opinion : finding.opinions) count(opinion);
  if (finding.verdict == Verdict::inconclusive) ++undecided;
  else if (finding.verdict > Verdict::inconclusive) worst_judged_ = std::max(worst_judged_, finding.verdict);
  any_smooth_ = any_smooth_ || finding.verdict == Verdict::pass;
  if (worst_judged_ != Verdict::pass) verdict = worst_judged_;
  else if (undecided == numbers || (all_must_be_judged && undecided > 0)) verdict = Verdict::inconclusive;
  else verdict = any_smooth_ ? Verdict::pass : Verdict::kink;
  if (finding.verdict == Verdict::pass || finding.verdict == Verdict::kink) return;
  if (findings.size() < kept) findings.push_back(std::move(finding));
  else ++more_findings;
}

Verdict judge(double got, std::vector<Opinion>& opinions) {
  const auto conclusive = [](const Opinion& o) { return o.verdict != Verdict::inconclusive; };
  for (Opinion& o : opinions) {
    if (o.verdict != Verdict::inconclusive || !o.note.empty()) continue;
    const bool same_special = (std::isnan(got) && std::isnan(o.expected)) || got == o.expected;
    const bool close = std::isfinite(got) && std::isfinite(o.expected) && std::fabs(got - o.expected) <= o.tolerance;
    o.verdict = same_special || close ? Verdict::pass : Verdict::fail;
  }
  bool any = false, failed = false, kink = false;
  for (const Opinion& o : opinions) {
    any = any || conclusive(o);
    failed = failed || o.verdict == Verdict::fail;
    kink = kink || o.verdict == Verdict::kink;
  }
  if (!any) return Verdict::inconclusive;
  if (!failed) return kink && std::none_of(opinions.begin(), opinions.end(), [](const Opinion& o) { return o.verdict == Verdict::pass; }) ? Verdict::kink : Verdict::pass;
  for (const Opinion& a : opinions)
    for (const Opinion& b : opinions)
      if (a.verdict == Verdict::pass && b.verdict == Verdict::fail) {
        // Both cannot be right: if their intervals overlap, the tolerance decided, and the number is wrong; else one oracle is.
        const double reach = a.tolerance + b.tolerance;
        if (!(std::fabs(a.expected - b.expected) <= reach)) return Verdict::oracles_disagree;
      }
  return Verdict::fail;
}

double ulps_between(double got, double expected, double scale) {
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  if (!std::isfinite(got) || !std::isfinite(expected)) return std::numeric_limits<double>::infinity();
  const double size = std::max({std::fabs(expected), scale, std::numeric_limits<double>::min()});
  const double unit = std::ldexp(1.0, std::max(std::ilogb(size) - 52, -1074));
  const double difference = std::fabs(got - expected);
  return std::isfinite(difference) ? difference / unit : std::numeric_limits<double>::infinity();
}

std::string number_text(double x) { return std::isnan(x) ? "nan" : fmt::format("{}", x); }

std::string detection_text(const CheckResult& r) {
  // A small derivative beside large ones may hardly be seen. Generated points reach such tails on purpose: there the median says more.
  if (r.points == 1 && r.worst_detection_limit > 100 * r.detection_limit && r.detection_limit > 0)
    return fmt::format("would have seen a relative error of {:.0e}, in the derivative that is seen least of {:.0e}", r.detection_limit, r.worst_detection_limit);
  if (r.detection_limit > 0) return fmt::format("would have seen a relative error of {:.0e}", r.detection_limit);
  if (r.absolute_limit > 0) return fmt::format("would have seen an error of {:.0e}", r.absolute_limit);
  return "none: no derivative here is a number that could have been off";
}
std::string kink_text(const NearestKink& k) {
  const auto tidy = [](double v, double size) { return std::fabs(v) < 1e-6 * size ? 0 : v; };  // what differences leave of a 0
  const double jump = std::fabs(k.right_slope - k.left_slope);
  const std::string slopes = fmt::format("slopes {:.4g} and {:.4g}", tidy(k.left_slope, jump), tidy(k.right_slope, jump));
  if (k.distance == 0) return fmt::format("{} = {} lies on one: {} on its sides, {} by the gradient", k.input, number_text(k.at), slopes, number_text(k.gradient));
  return fmt::format("the nearest is {:.2g} away, at {} = {:.6g}: {} on its sides", k.distance, k.input, tidy(k.at, k.distance), slopes);
}

std::string describe(const CheckResult& r) {
  std::string text = fmt::format("{} {}", name_of(r.verdict), r.name);
  const auto count = [&](std::size_t n, const char* what) { text += fmt::format("{}{} {}{}", text.back() == ' ' ? "" : ", ", n, what, n == 1 ? "" : "s"); };
  text += "   ";
  if (!r.regimes.empty()) count(r.regimes.size(), "regime");
  count(r.points, "point");
  count(r.numbers, "number");
  if (r.undecided > 0) text += fmt::format(", {} undecided", r.undecided);
  std::string oracles;
  for (const OracleCount& o : r.oracles) oracles += fmt::format("{}{} {}/{}", oracles.empty() ? "" : ", ", o.oracle, o.agreed, o.agreed + o.abstained + o.disagreed);
  if (!oracles.empty()) text += fmt::format("\n  agreed     {}", oracles);
  if (r.numbers > 0 && r) text += fmt::format("\n  detection  {}", detection_text(r));
  if (r.nearest_kink) text += fmt::format("\n  kink       {}", kink_text(*r.nearest_kink));
  std::vector<std::reference_wrapper<const Finding>> wrong_first(r.findings.begin(), r.findings.end());
  std::stable_partition(wrong_first.begin(), wrong_first.end(), [](const Finding& f) { return f.verdict > Verdict::inconclusive; });
  for (const Finding& f : wrong_first) {
    if (f.verdict == Verdict::inconclusive && r) continue;
    text += fmt::format("\n  {} {} at {}{}", name_of(f.verdict), f.quantity, f.where, f.regime.empty() ? "" : "   [" + f.regime + "]");
    if (!f.operation.empty()) text += "\n    " + f.operation;
    const bool only_words = !f.message.empty() && std::isnan(f.got) && std::all_of(f.opinions.begin(), f.opinions.end(), [](const Opinion& o) { return std::isnan(o.expected); });
    if (!only_words) text += fmt::format("\n    got            {}", number_text(f.got));
    for (const Opinion& o : f.opinions) {
      if (only_words) break;
      if (o.verdict == Verdict::inconclusive) {
        text += fmt::format("\n    {:<14} cannot tell{}", o.oracle, o.note.empty() ? "" : ": " + o.note);
        continue;
      }
      const double error = std::fabs(f.got - o.expected);
      text += fmt::format("\n    {:<14} {} ± {:.1e}", o.oracle, number_text(o.expected), o.bound);
      if (o.verdict == Verdict::fail && o.tolerance > 0 && std::isfinite(error)) text += fmt::format("      {:.2g} × the tolerance", error / o.tolerance);
      if (!o.note.empty()) text += "   " + o.note;
    }
    if (!f.message.empty()) text += "\n    " + f.message;
    if (!f.pattern.empty()) text += "\n    pattern        " + f.pattern;
    if (!f.smallest.empty()) text += "\n    smallest       " + f.smallest;
    if (!f.replay.empty()) text += "\n    replay         " + f.replay;
  }
  for (const std::string& a : r.advice) text += "\n  advice     " + a;
  if (r.more_findings > 0) text += fmt::format("\n  … and {} more", r.more_findings);
  return text;
}

std::ostream& operator<<(std::ostream& out, const CheckResult& result) { return out << describe(result); }

}  // namespace gradus
