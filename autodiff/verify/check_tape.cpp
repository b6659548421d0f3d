// Every recorded operation on its own.
#include <autodiff/verify/check_tape.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include <autodiff/verify/difference.hpp>
#include <autodiff/verify/point.hpp>

namespace gradus {
namespace {

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
std::string place(const Operation& o, std::size_t k) {
  return o.here.line == 0 ? fmt::format("operation #{} {}", k + 1, o.name) : fmt::format("operation #{} {} at {}:{}", k + 1, o.name, file_name(o.here.file), o.here.line);
}
std::string operand(const Operation& o, std::size_t i) {
  std::size_t which = 0, before = 0;
  if (o.sizes.empty()) which = i;
  else
    while (before + o.sizes[which] <= i) before += o.sizes[which++];
  const std::string number = fmt::format("operand {}", which + 1);
  return i < o.operand_names.size() ? fmt::format("{} ({})", number, o.operand_names[i]) : number;
}

Subject subject_of(const Operation& o) {
  Subject s;
  s.name = o.name;
  s.inputs = o.operand_names;
  s.value = o.value;
  s.pullback = o.pullback;
  s.domain = o.domain;
  // The recorded pullback adds to what is there; `gradient` starts from zeros, so that what it does to a used buffer is not seen here.
  return s;
}

}  // namespace

CheckResult check_operations(const Trace& trace, const CheckOptions& options) {
  CheckResult all;
  all.name = "operations";
  std::map<std::pair<std::string, unsigned>, std::size_t> reported;  // a rule that is wrong at one line is wrong every time it runs
  for (std::size_t k = 0; k < trace.operations().size(); ++k) {
    const Operation& o = trace.operations()[k];
    const auto inside = [&](std::size_t i) { return i >= o.domain.size() || std::isnan(o.at[i]) || o.domain[i].contains(o.at[i]); };
    if (std::size_t i = 0; std::find_if(o.at.begin(), o.at.end(), [&](double) { return !inside(i++); }) != o.at.end()) {
      if (all.advice.empty()) all.advice.push_back(fmt::format("{}: {} is {}, outside of its domain", place(o, k), operand(o, i - 1), number_text(o.at[i - 1])));
      continue;
    }
    CheckOptions few = options;
    few.shrink = options.shrink && reported.empty();
    const CheckResult one = check(subject_of(o), o.at, few);
    ++all.points;
    all.numbers += one.numbers;
    all.detection_limit = std::max(all.detection_limit, one.detection_limit);
    all.absolute_limit = std::max(all.absolute_limit, one.absolute_limit);
    all.undecided += one.undecided;
    for (const OracleCount& c : one.oracles) {
      Opinion opinion{.oracle = c.oracle, .note = {}};
      const auto count = [&](std::size_t n, Verdict v) {
        opinion.verdict = v;
        for (std::size_t i = 0; i < n; ++i) all.count(opinion);
      };
      count(c.agreed, Verdict::pass), count(c.abstained, Verdict::inconclusive), count(c.disagreed, Verdict::fail);
    }
    if (one || one.verdict == Verdict::inconclusive) continue;
    if (++reported[{o.name, o.here.line}] > 1) {
      ++all.more_findings;
      continue;
    }
    for (Finding f : one.findings) {
      if (f.verdict <= Verdict::inconclusive) continue;
      std::size_t entry = o.at.size();
      for (std::size_t i = 0; i < o.at.size(); ++i)
        if (f.quantity == fmt::format("d {} / d {}", o.name, i < o.operand_names.size() ? o.operand_names[i] : fmt::format("x[{}]", i))) entry = i;
      f.operation = entry < o.at.size() ? fmt::format("{}: the partial for {} is wrong", place(o, k), operand(o, entry)) : fmt::format("{}: its rule is wrong", place(o, k));
      f.regime.clear();
      if (std::any_of(all.findings.begin(), all.findings.end(), [&](const Finding& g) { return g.operation == f.operation; })) {
        ++all.more_findings;
        continue;
      }
      all.findings.push_back(std::move(f));
      all.verdict = Verdict::fail;
    }
  }
  if (all.verdict != Verdict::fail) all.verdict = all.numbers > 0 && all.undecided == all.numbers ? Verdict::inconclusive : Verdict::pass;
  return all;
}

namespace {

using Values = Operation::Values;
using View = Operation::View;

/// Follows the slope of the results along a direction through the recording: at every place between two operations, the adjoints of the values that
/// are still needed, times their slopes by differences, add up to it. Where they do not, what comes later has lost something.
class Bisection {
 public:
  Bisection(const std::function<detail::TracedCall(View)>& call, Values x, Values cotangent, Values direction)
      : call_(call), x_(std::move(x)), w_(std::move(cotangent)), d_(std::move(direction)), base_(call(x_)) {}

  [[nodiscard]] const detail::TracedCall& base() const { return base_; }
  /// The slope of the results themselves.
  [[nodiscard]] Difference slope() const {
    return along([&](const Recorded& c) { return sum(w_, c.results); });
  }
  /// The slope by the adjoints and values before operation k. Adjoints are those of the operations from k on.
  [[nodiscard]] Difference slope_before(std::size_t k) const {
    Values adjoint = base_.trace.adjoints(base_.results, w_, k);
    const std::size_t known = k < base_.trace.operations().size() ? base_.trace.operations()[k].first : base_.trace.values().size();
    adjoint.resize(known);
    return along([&](const Recorded& c) { return c.values.size() < known ? nan : sum(adjoint, c.values); });
  }
  /// The slope by the gradient: no differences are needed for the inputs' own slopes.
  [[nodiscard]] Difference slope_by_gradient() const {
    Difference d;
    d.status = DifferenceStatus::accepted, d.value = sum(d_, gradient_), d.error = 0;
    return d;
  }
  /// Whether another gradient at x is that of the recording.
  [[nodiscard]] bool has_gradient(View g) const { return std::fabs(sum(d_, g) - sum(d_, gradient_)) <= 1e-9 * detail::dot_of_magnitudes(View(gradient_).first(d_.size()), d_); }
  /// Whether the two slopes are the same as far as can be told; nothing if too little can.
  static std::optional<bool> same(const Difference& a, const Difference& b) {
    if (a.status != DifferenceStatus::accepted || b.status != DifferenceStatus::accepted) return std::nullopt;
    const double size = std::fabs(a.value) + std::fabs(b.value), tolerance = 4 * (a.error + b.error) + 1e-9 * size;
    if (tolerance > 1e-3 * size && size > 0) return std::fabs(a.value - b.value) > tolerance ? std::optional(false) : std::nullopt;
    return std::fabs(a.value - b.value) <= tolerance;
  }
  /// The operation after which the slope is right and before which it is wrong; nothing when differences cannot tell.
  [[nodiscard]] std::optional<std::size_t> culprit(const Difference& truth) const {
    std::size_t wrong = 0, right = base_.trace.operations().size();
    while (right - wrong > 1) {
      const std::size_t middle = wrong + (right - wrong) / 2;
      const auto holds = same(slope_before(middle), truth);
      if (!holds) return std::nullopt;
      (*holds ? right : wrong) = middle;
    }
    return wrong;
  }
  /// Where f is recorded a little further along the direction: the values of operation k's operands that are constants, but move.
  [[nodiscard]] std::vector<std::size_t> moving_constants(std::size_t k) const {
    const detail::TracedCall beside = call_(moved(0x1p-10));
    std::vector<std::size_t> moving;
    if (k >= beside.trace.operations().size()) return moving;
    const Operation &here = base_.trace.operations()[k], &there = beside.trace.operations()[k];
    if (here.name != there.name || here.operands != there.operands) return moving;
    for (std::size_t i = 0; i < here.operands.size(); ++i)
      if (here.operands[i] == Operation::constant && here.at[i] != there.at[i]) moving.push_back(i);
    return moving;
  }
  /// Whether the recording has the same operations a little further along the direction, on both sides.
  [[nodiscard]] bool keeps_its_operations() const {
    for (const double t : {-0x1p-10, 0x1p-10}) {
      const detail::TracedCall beside = call_(moved(t));
      const auto &there = beside.trace.operations(), &here = base_.trace.operations();
      if (there.size() != here.size()) return false;
      for (std::size_t k = 0; k < here.size(); ++k)
        if (here[k].name != there[k].name || here[k].operands != there[k].operands) return false;
    }
    return true;
  }

 private:
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  static double sum(View a, View b) {
    double s = 0;
    for (std::size_t i = 0; i < a.size(); ++i) s += a[i] == 0 ? 0 : a[i] * b[i];
    return s;
  }
  [[nodiscard]] Values moved(double t) const {
    Values at(x_.begin(), x_.end());
    for (std::size_t i = 0; i < at.size(); ++i) at[i] += t * d_[i];
    return at;
  }
  /// The values of a recording: every slope is taken from the same few points, and most of the time would go into recording f there again.
  struct Recorded { Values values, results; };
  template <class Sum> [[nodiscard]] Difference along(Sum&& sum_of) const {
    return difference([&](double t) {
      if (const auto known = recorded_.find(t); known != recorded_.end()) return sum_of(known->second);
      const detail::TracedCall c = call_(moved(t));
      Recorded r{c.trace.values(), c.values};
      constexpr std::size_t most = 20'000'000;  // numbers to keep
      if ((recorded_.size() + 1) * r.values.size() > most) return sum_of(r);
      return sum_of(recorded_.emplace(t, std::move(r)).first->second);
    }, 0);
  }
  const std::function<detail::TracedCall(View)>& call_;
  Values x_, w_, d_;
  detail::TracedCall base_;
  Values gradient_ = base_.trace.adjoints(base_.results, w_);
  mutable std::map<double, Recorded> recorded_;
};

/// What is wrong with an operation that has lost part of the slope.
std::string loss(const Bisection& bisection, std::size_t k) {
  const Operation& o = bisection.base().trace.operations()[k];
  const std::vector<std::size_t> moving = bisection.moving_constants(k);
  if (moving.empty()) return fmt::format("{}: its result changes with something that is none of its operands", place(o, k));
  return fmt::format("{}: {} is a constant of the recording, though it changes with the inputs: a value that was taken out, as by value() or plain(), has no gradient", place(o, k), operand(o, moving.front()));
}

}  // namespace

void detail::blame_structure(CheckResult& whole, const std::function<TracedCall(View)>& call, const std::function<Values(View)>& gradient, View x, const CheckOptions& options) {
  const auto wrong = std::find_if(whole.findings.begin(), whole.findings.end(), [](const Finding& f) { return f.verdict == Verdict::fail || f.verdict == Verdict::oracles_disagree; });
  if (wrong == whole.findings.end()) return;
  const auto blame = [&](std::string culprit) {
    wrong->operation = std::move(culprit);
    wrong->verdict = whole.verdict = Verdict::fail;  // forward mode, which shares f's structure, is no witness against it
  };
  Random random(options.seed);
  Values w = options.cotangent;
  if (const std::size_t m = call(x).values.size(); w.empty()) w = m == 1 ? Values{1} : random_weights(random, m);
  // At a kink, or where the value that was lost is 0, nothing can be told at x itself, though beside it.
  for (const double beside : {0.0, 0.0, 0.0, 0x1p-4, 0x1p-4, 0x1p-1}) {
    const auto direction = [&] {
      Values d = random_weights(random, x.size());
      for (std::size_t i = 0; i < d.size(); ++i) d[i] *= x[i] == 0 ? 1 : power_of_2_below(std::fabs(x[i]));  // relative steps: they stay where f is defined
      return d;
    };
    Values at(x.begin(), x.end());
    if (beside != 0)
      for (std::size_t i = 0; const double v : direction()) at[i++] += beside * v;
    const Bisection bisection(call, at, w, direction());
    if (!bisection.keeps_its_operations()) continue;
    const Difference truth = bisection.slope();
    const auto at_the_end = Bisection::same(bisection.slope_before(bisection.base().trace.operations().size()), truth);
    const auto at_the_inputs = Bisection::same(bisection.slope_by_gradient(), truth);
    if (!at_the_end || !at_the_inputs) continue;
    if (!*at_the_end) {
      return blame("every rule is right, but a result is a constant of the recording, though it changes with the inputs: a value that was taken out, as by value() or plain(), has no gradient");
    }
    if (!*at_the_inputs) {
      const auto culprit = bisection.culprit(truth);
      if (!culprit) continue;
      return blame(loss(bisection, *culprit));
    }
    if (beside != 0 || bisection.has_gradient(gradient(w))) continue;
    return blame("every rule is right, and so is the gradient that they make up; with Var, f does something else than with other numbers: an overload or a custom() of its own, if not the tape");
  }
}

CheckResult detail::merged(CheckResult operations, CheckResult whole) {
  whole.advice.insert(whole.advice.end(), operations.advice.begin(), operations.advice.end());
  if (operations.verdict != Verdict::fail) return whole;
  whole.more_findings += operations.more_findings;
  whole.findings.insert(whole.findings.begin(), std::make_move_iterator(operations.findings.begin()), std::make_move_iterator(operations.findings.end()));
  constexpr std::size_t most = 20;
  if (whole.findings.size() > most) {
    whole.more_findings += whole.findings.size() - most;
    whole.findings.resize(most);
  }
  whole.verdict = Verdict::fail;
  return whole;
}

}  // namespace gradus
