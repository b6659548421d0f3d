// The numbers of a gradient, entry by entry: witnesses and differences.
#include <autodiff/verify/point.hpp>

namespace gradus::detail {

void Point::numbers(const Values& w, bool main) {
  const Outcome back = main ? Outcome{gradient_, std::nullopt} : pull(w);
  if (back.thrown || back.values.size() != x_.size()) return;  // structure has said so
  const Values& g = back.values;
  const bool finite = all_finite(y_);
  scatter_ = finite ? scatter(x_, w) : 0;
  std::vector<std::pair<std::string, Subject::Expected>> expected;
  if (options_.witnesses)
    for (const Subject::Witness& witness : s_.witnesses) {
      expected.emplace_back(witness.name, witness.gradient(x_, w));
      const auto& e = expected.back().second;
      if (e.gradient.size() != g.size() || e.bound.size() != g.size() || (!e.scale.empty() && e.scale.size() != g.size()))
        throw ShapeError(fmt::format("check: the {} of {} gives {} numbers for {} inputs", witness.name, s_.name, e.gradient.size(), g.size()));
    }
  const bool directional = x_.size() > options_.directional_above;
  resolved_ = resolved_ || directional;
  const Values spread = finite && s_.noise == 0 && !directional ? rounding_of_inputs(w, g) : Values(g.size(), 0.0);
  std::vector<Kink> kinks;
  const auto judge_entry = [&](std::size_t i, bool differences) {
    Finding f = finding(fmt::format("d {} / d {}", s_.name, name(i)), place(w), g[i]);
    for (const auto& [oracle, e] : expected) {
      const double size = e.scale.empty() ? std::fabs(e.gradient[i]) : std::max(e.scale[i], std::fabs(e.gradient[i]));
      Opinion o{.oracle = oracle, .expected = e.gradient[i], .bound = e.bound[i],
                .tolerance = 4 * e.bound[i] + (2 * s_.operations * unit + s_.noise) * size + 2 * least_, .note = {}};
      if (std::isnan(o.bound) || std::isinf(o.bound)) o.note = "no opinion here";
      f.opinions.push_back(std::move(o));
    }
    if (differences) {
      if (!finite) {
        Opinion o{.oracle = "difference", .note = "the function is not finite here"};
        if (std::isnan(dot(y_, w)) && std::isnan(g[i])) o.verdict = Verdict::pass;
        f.opinions.push_back(std::move(o));
      } else if (s_.noise > 0) {
        f.opinions.push_back({.oracle = "difference", .note = "the function is declared to be noisy"});
      } else {
        const Difference d = derivative(i, w);
        const double rounding = 2 * s_.operations * unit * std::fabs(g[i]) + spread[i] + 2 * least_;
        f.opinions.push_back(opinion_of(d, g[i], rounding));
        smooth_ = smooth_ && d.status == DifferenceStatus::accepted && !d.near_kink;
        resolved_ = resolved_ || d.status == DifferenceStatus::kink || (d.status == DifferenceStatus::accepted && d.error <= 0.1 * std::fabs(d.value));
        if (const bool disagrees = f.opinions.back().verdict == Verdict::fail || (f.opinions.back().verdict == Verdict::inconclusive && f.opinions.back().note.empty() && !(std::fabs(g[i] - d.value) <= f.opinions.back().tolerance));
            disagrees && std::isfinite(g[i]) && (d.status == DifferenceStatus::kink || is_tied(i))) {
          Values axis(x_.size(), 0.0);
          axis[i] = 1;
          accept_a_piece(f.opinions.back(), axis, w, g[i]);
        }
        if (d.status == DifferenceStatus::kink) kinks.push_back({i, d.right_slope > d.left_slope ? 1 : -1});
      }
    }
    f.verdict = judge(g[i], f.opinions);
    note(f, w, g, i);
    result_.take(std::move(f));
  };
  if (!directional) {
    for (std::size_t i = 0; i < x_.size(); ++i) judge_entry(i, true);
    if (!kinks.empty() && finite && all_finite(g)) subdifferential(w, g, kinks);
    return;
  }
  if (!expected.empty())
    for (std::size_t i = 0; i < x_.size(); ++i) judge_entry(i, false);
  if (!finite || s_.noise > 0) return;
  for (std::size_t k = 0; k < options_.probes; ++k) {
    Values d(x_.size());
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = random_weight(random_) * power_of_2_below(std::max(std::fabs(x_[i]), 1.0));
    along(fmt::format("direction {} of {} inputs", k + 1, x_.size()), d, w, g, 0);
  }
}

double Point::scatter(const Values& centre, View w) const {
  if (x_.size() > options_.directional_above) return 0;
  // Fourth differences of a smooth function vanish with the step, those of a kink fall with it, rounding stays.
  Random random(1);
  const Values d = random_weights(random, x_.size());
  Values at(x_.size());
  const auto fourth_difference = [&](double step) {
    double values[9];
    for (int k = 0; k < 9; ++k) {
      for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] = centre[i] + step * (k - 4) * d[i] * std::max(std::fabs(centre[i]), 0x1p-10);
        if (i < s_.domain.size() && !s_.domain[i].contains(at[i])) return 0.0;
      }
      values[k] = value_along(at, w);
      if (!std::isfinite(values[k])) return 0.0;
    }
    double most = 0;
    for (int k = 0; k + 4 < 9; ++k) most = std::max(most, std::fabs(values[k] - 4 * values[k + 1] + 6 * values[k + 2] - 4 * values[k + 3] + values[k + 4]));
    return most / 8;
  };
  const double fine = fourth_difference(0x1p-18), coarse = fourth_difference(0x1p-15);
  return fine > 0.3 * coarse && coarse > 0.1 * fine && fine <= 1e-12 * std::max(1.0, dot_of_magnitudes(y_, w)) ? fine : 0;
}

Difference Point::derivative(std::size_t i, View w) const {
  Values at = x_;
  return difference([&](double v) { at[i] = v; return value_along(at, w); }, x_[i], i < s_.domain.size() ? s_.domain[i] : Domain{}, dot_of_magnitudes(y_, w), scatter_);
}

Values Point::rounding_of_inputs(View w, View g) {
  Values spread(g.size(), 0.0);
  for (int tries = 0; tries < 2; ++tries) {
    Values moved = x_;
    for (double& v : moved) v = std::nextafter(v, random_.sign() * infinity);
    const Outcome shaken = attempt([&] { return s_.pullback(moved, w); });
    if (shaken.thrown || shaken.values.size() != g.size()) break;
    for (std::size_t i = 0; i < g.size(); ++i)
      if (const double d = std::fabs(shaken.values[i] - g[i]); d <= 1e-3 * std::fabs(g[i])) spread[i] = std::max(spread[i], 4 * d);
  }
  return spread;
}

double Point::truth(std::size_t i, View w) const {
  if (options_.witnesses)
    for (const Subject::Witness& witness : s_.witnesses) {
      const Subject::Expected e = witness.gradient(x_, w);
      if (std::isfinite(e.bound[i])) return e.gradient[i];
    }
  if (s_.noise > 0) return nan;
  const Difference d = derivative(i, w);
  return d.status == DifferenceStatus::accepted ? d.value : nan;
}

void Point::note(const Finding& f, const Values& w, const Values& g, std::size_t i) {
  double limit = infinity;
  for (const Opinion& o : f.opinions)
    if (o.verdict == Verdict::pass && o.expected != 0 && std::isfinite(o.tolerance)) limit = std::min(limit, o.tolerance / std::fabs(o.expected));
  if (std::isfinite(limit)) limits_.push_back(limit);
  if (f.verdict == Verdict::pass || f.verdict == Verdict::fail) samples_.push_back({x_[i], f.verdict == Verdict::pass});
  if (f.verdict != Verdict::fail || failures_.size() >= 4) return;
  Failure failure{result_.findings.size(), w, g, Values(g.size(), nan), i};
  for (std::size_t k = 0; k < g.size() && g.size() <= 256; ++k) failure.expected[k] = truth(k, w);
  failures_.push_back(std::move(failure));
}

}  // namespace gradus::detail
