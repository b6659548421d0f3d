// The ladder of oracles at one point and at generated ones: shrinking, explaining. The rungs are members of Point.
#include <autodiff/verify/ladder.hpp>

#include <chrono>

#include <autodiff/verify/adequacy.hpp>
#include <autodiff/verify/point.hpp>
#include <autodiff/verify/regimes.hpp>

namespace gradus {
namespace {

using detail::list;
using detail::Point;
using Values = Subject::Values;
using View = Subject::View;

/// A simpler input and cotangent at which the check still fails.
class Shrinker {
 public:
  Shrinker(const Subject& subject, const CheckOptions& options, std::string quantity) : subject_(subject), options_(options), quantity_(std::move(quantity)) {}

  std::string run(Values x, Values w) {
    if (!fails(x, w)) return {};
    for (double& v : w) try_all(v, {1.0, 0.0}, x, w);
    for (double& v : x) {
      const double tenth = std::pow(10, std::floor(std::log10(std::fabs(v))));
      try_all(v, {0.0, std::copysign(1.0, v), std::copysign(2.0, v), std::copysign(0.5, v), std::round(v), std::round(v / tenth) * tenth, std::round(v / tenth * 10) * tenth / 10}, x, w);
    }
    return fmt::format("x = {}{}", list(x, x.size()), w.size() < 2 ? "" : ", cotangent = " + list(w, w.size()));
  }

 private:
  void try_all(double& place, std::initializer_list<double> simpler, const Values& x, const Values& w) {
    const double before = place;
    for (const double v : simpler) {
      if (v == before) break;  // is as simple as that already
      if (!std::isfinite(v) || tries_ >= 200) continue;
      place = v;
      if (fails(x, w)) return;
    }
    place = before;
  }
  bool fails(const Values& x, const Values& w) {
    ++tries_;
    for (std::size_t i = 0; i < std::min(x.size(), subject_.domain.size()); ++i)
      if (!subject_.domain[i].contains(x[i])) return false;
    CheckResult result;
    DetectionLimits limits;
    Point(subject_, x, options_, result, limits, {}, options_.seed).check(w);
    return std::any_of(result.findings.begin(), result.findings.end(), [&](const Finding& f) { return f.verdict == Verdict::fail && f.quantity == quantity_; });
  }
  const Subject& subject_;
  const CheckOptions& options_;
  std::string quantity_;  // that must still be wrong: elsewhere, something else may be
  int tries_ = 0;
};

void explain(CheckResult& result, const Subject& subject, const CheckOptions& options, Point& point, const std::vector<Evidence::Sample>& samples, std::string replay) {
  std::size_t shown = 0;
  for (const Point::Failure& failure : point.failures()) {
    if (failure.finding >= result.findings.size() || shown++ == 2) break;
    Finding& f = result.findings[failure.finding];
    const auto known = [](double v) { return std::isfinite(v); };
    if (std::any_of(failure.expected.begin(), failure.expected.end(), known))
      f.pattern = hypothesis({.x = point.x(), .cotangent = failure.cotangent, .got = failure.got, .expected = failure.expected, .contributions = point.contributions(failure.cotangent), .samples = samples, .inputs = subject.inputs});
    if (options.shrink && shown == 1 && point.x().size() <= 32) f.smallest = Shrinker(subject, options, f.quantity).run(point.x(), failure.cotangent);
    f.replay = replay;
  }
}

CheckResult started(const Subject& subject, std::size_t n) {
  if (!subject.value || !subject.pullback) throw ArgumentError(fmt::format("check: {} has no {}", subject.name, subject.value ? "pullback" : "value"));
  const auto require = [&](bool right, const std::string& complaint) {
    if (!right) throw ArgumentError(fmt::format("check: {}: {}", subject.name, complaint));
  };
  require(std::isfinite(subject.operations) && subject.operations >= 1, "`operations` must be at least 1");
  require(std::isfinite(subject.noise) && subject.noise >= 0, "`noise` must not be negative");
  if (!subject.domain.empty() && subject.domain.size() != n) throw ShapeError(fmt::format("check: {} has {} inputs, but {} domains", subject.name, n, subject.domain.size()));
  if (!subject.inputs.empty() && subject.inputs.size() != n) throw ShapeError(fmt::format("check: {} has {} inputs, but {} names of inputs", subject.name, n, subject.inputs.size()));
  for (const Domain& d : subject.domain) require(d.low < d.high, fmt::format("a domain from {} to {} has no inside", number_text(d.low), number_text(d.high)));
  CheckResult result;
  result.name = subject.name;
  return result;
}
void finish(CheckResult& result, std::size_t subject_inputs, DetectionLimits limits, std::chrono::steady_clock::time_point start) {
  if (result.numbers == 0) result.verdict = subject_inputs == 0 ? Verdict::pass : Verdict::inconclusive;
  if (result.numbers == 0 && subject_inputs != 0 && result.verdict == Verdict::inconclusive && result.advice.empty()) result.advice.emplace_back("nothing could be judged here: choose another point, or give a witness");
  result.take(std::move(limits));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

CheckResult check(const Subject& subject, std::span<const double> x, const CheckOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  CheckResult result = started(subject, x.size());
  for (std::size_t i = 0; i < subject.domain.size(); ++i)
    if (!std::isnan(x[i]) && !subject.domain[i].contains(x[i]))
      throw ArgumentError(fmt::format("check: {}: x[{}] = {} lies outside of its domain, {} to {}", subject.name, i, number_text(x[i]), number_text(subject.domain[i].low), number_text(subject.domain[i].high)));
  result.points = 1;
  result.all_must_be_judged = true;
  DetectionLimits limits;
  Point point(subject, x, options, result, limits, {}, options.seed);
  point.find_nearest_kink();
  point.check(options.cotangent);
  if (!result) explain(result, subject, options, point, point.samples(), {});
  result.advice = adequacy(subject, x);
  if (point.is_stationary()) result.advice.emplace_back("the gradient is 0 here, as far as values can tell: a factor or a sign could not be seen; choose another point");
  finish(result, x.size(), std::move(limits), start);
  return result;
}

CheckResult check_everywhere(const Subject& subject, std::size_t inputs, const CheckOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  CheckResult result = started(subject, inputs);
  DetectionLimits limits;
  std::vector<Evidence::Sample> samples;
  std::optional<Point> worst;
  std::size_t failed = 0, worst_index = 0;
  const std::vector<GeneratedPoint> points = generate_points(inputs, subject.domain, options.seed, options.points, options.hard);
  if (points.empty()) throw ArgumentError("check_everywhere: `points` must be at least 1");
  if (options.only != CheckOptions::npos && options.only >= points.size()) throw ArgumentError(fmt::format("check_everywhere: `only` is {}, but there are {} points", options.only, points.size()));
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (options.only != CheckOptions::npos && k != options.only) continue;
    if (result.points > 0 && options.budget > 0 && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > options.budget) break;
    ++result.points;
    if (result.regimes.empty() || result.regimes.back() != points[k].regime) result.regimes.push_back(points[k].regime);
    const std::size_t findings = result.findings.size();
    Point point(subject, points[k].x, options, result, limits, points[k].regime, options.seed + k);
    point.check(options.cotangent);
    samples.insert(samples.end(), point.samples().begin(), point.samples().end());
    if (result.findings.size() > findings && result.findings.back().verdict >= Verdict::nondeterministic) ++failed;
    if (!worst && !point.failures().empty()) {
      worst.emplace(point);
      worst_index = k;
    }
    if (failed >= options.max_failures) break;
  }
  if (!options.hard) result.advice.emplace_back("normal points only: tails, kinks and ties were not visited; `hard` does");
  if (worst)
    explain(result, subject, options, *worst, samples,
            fmt::format("check_everywhere({}, {}, {{.seed = {:#x}, .points = {}, .only = {}}})", subject.name, inputs, options.seed, options.points, worst_index));
  finish(result, inputs, std::move(limits), start);
  return result;
}

}  // namespace gradus
