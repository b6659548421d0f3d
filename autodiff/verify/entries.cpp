// The numbers of a gradient, entry by entry: witnesses and differences.
#include <autodiff/verify/point.hpp>

namespace gradus::detail {

void Point::numbers(const Values& w, bool main) {
  const Outcome back = main ? Outcome{gradient_, std::nullopt} : pull(w);
  if (back.thrown || back.values.size() != x_.size()) return;  // structure has said so
  const Values& g = back.values;
  Judged judged{.w = w, .g = g, .finite = all_finite(y_), .main = main};
  if (main) seen_.assign(x_.size(), infinity);
  scatter_ = judged.finite ? scatter(x_, w) : 0;
  if (options_.witnesses)
    for (const Subject::Witness& witness : s_.witnesses) {
      judged.expected.emplace_back(witness.name, witness.gradient(x_, w));
      const auto& e = judged.expected.back().second;
      if (e.gradient.size() != g.size() || e.bound.size() != g.size() || (!e.scale.empty() && e.scale.size() != g.size()))
        throw ShapeError(fmt::format("check: the {} of {} gives {} numbers for {} inputs", witness.name, s_.name, e.gradient.size(), g.size()));
    }
  const bool directional = x_.size() > options_.directional_above;
  resolved_ = resolved_ || directional;
  judged.spread = judged.finite && s_.noise == 0 && !directional ? rounding_of_inputs(w, g) : Values(g.size(), 0.0);
  if (!directional) {
    for (std::size_t i = 0; i < x_.size(); ++i) judge_entry(judged, i, true);
    if (!judged.kinks.empty() && judged.finite && all_finite(g)) subdifferential(w, g, judged.kinks);
    return;
  }
  if (!judged.expected.empty())
    for (std::size_t i = 0; i < x_.size(); ++i) judge_entry(judged, i, false);
  judge_directions(judged);
}

void Point::judge_entry(Judged& judged, std::size_t i, bool differences) {
  const Values& g = judged.g;
  Finding f = finding(fmt::format("d {} / d {}", s_.name, name(i)), place(judged.w), g[i]);
  for (const auto& [oracle, e] : judged.expected) {
    const double size = e.scale.empty() ? std::fabs(e.gradient[i]) : std::max(e.scale[i], std::fabs(e.gradient[i]));
    Opinion o{.oracle = oracle, .expected = e.gradient[i], .bound = e.bound[i],
              .tolerance = 4 * e.bound[i] + (2 * s_.operations * unit_ + s_.noise) * size + 2 * least_, .note = {}};
    if (std::isnan(o.bound) || std::isinf(o.bound)) o.note = "no opinion here";
    f.opinions.push_back(std::move(o));
  }
  if (differences) f.opinions.push_back(difference_opinion(judged, i));
  f.verdict = judge(g[i], f.opinions);
  for (const Opinion& o : f.opinions)
    if (o.verdict == Verdict::pass || o.verdict == Verdict::fail) {
      ++judged_;
      told_from_zero_ += std::fabs(o.expected) > 2 * o.tolerance ? 1 : 0;
      if (judged.main) seen_[i] = std::min(seen_[i], o.tolerance);
    }
  if (f.verdict == Verdict::kink) ++told_from_zero_;
  note(f, judged.w, g, i);
  result_.take(std::move(f));
}

Opinion Point::difference_opinion(Judged& judged, std::size_t i) {
  const double got = judged.g[i];
  if (!judged.finite) {
    Opinion o{.oracle = "difference", .note = "the function is not finite here"};
    if (std::isnan(dot(y_, judged.w)) && std::isnan(got)) o.verdict = Verdict::pass;
    return o;
  }
  if (s_.noise > 0) return {.oracle = "difference", .note = "the function is declared to be noisy"};
  Difference d = derivative(i, judged.w);
  const double rounding = 2 * s_.operations * unit_ * std::fabs(got) + judged.spread[i] + 2 * least_;
  Opinion o = opinion_of(d, got, rounding);
  // Beyond the jumps, where smaller steps agree. What stands still may be the step that x lies on.
  const bool is_sloped = unit_ == unit && !d.grain && 3 * d.step <= d.rough_step && std::fabs(d.value) > 4 * d.error;
  if (d.rough && o.verdict == Verdict::inconclusive && !o.note.empty() && is_sloped) {
    Values at = x_;
    d.rough = jumps_again([&](double v) { at[i] = v; return value_along(at, judged.w); }, x_[i], d.rough_step, i < s_.domain.size() ? s_.domain[i] : Domain{});
    if (!d.rough) o = opinion_of(d, got, rounding);
  }
  smooth_ = smooth_ && d.status == DifferenceStatus::accepted && !d.near_kink;
  resolved_ = resolved_ || d.status == DifferenceStatus::kink || (d.status == DifferenceStatus::accepted && d.error <= 0.1 * std::fabs(d.value));
  const bool disagrees = o.verdict == Verdict::fail || (o.verdict == Verdict::inconclusive && o.note.empty() && !(std::fabs(got - d.value) <= o.tolerance));
  if (disagrees && std::isfinite(got) && (d.status == DifferenceStatus::kink || is_tied(i))) {
    Values axis(x_.size(), 0.0);
    axis[i] = 1;
    accept_a_piece(o, axis, judged.w, got);
  }
  if (disagrees && hides_digits(i, judged.w, d, std::fabs(got - d.value) - o.tolerance)) {
    o.verdict = Verdict::inconclusive;
    o.note = "the steps are tiny, and terms of ordinary size that cancel would hide as much";
  }
  constexpr double far_out = 512;
  if (disagrees && std::fabs(x_[i]) >= far_out && is_rounded(i, judged.w)) {
    o.verdict = Verdict::inconclusive;
    o.note = "the function rounds this input: so far out its steps look like a slope";
  }
  if (disagrees && std::isnan(got) && std::fabs(x_[i]) >= 0x1p30 && x_[i] == std::round(x_[i])) {
    o.verdict = Verdict::inconclusive;
    o.note = "so far out steps lead from integer to integer: between them the function may not be defined, as (-2)^x";
  }
  if (disagrees && is_beyond_periods(i, judged.w)) {
    o.verdict = Verdict::inconclusive;
    o.note = "the function oscillates along this input: so far out its average looks like a slope";
  }
  if (finds_nearest_kink_) {
    Values at = x_;
    result_.take(nearest_kink(name(i), [&](double v) { at[i] = v; return value_along(at, judged.w); }, x_[i], d, got, i < s_.domain.size() ? s_.domain[i] : Domain{}));
  }
  if (d.status == DifferenceStatus::kink) judged.kinks.push_back({i, d.right_slope > d.left_slope ? 1 : -1});
  return o;
}

double Point::scatter(const Values& centre, View w) const {
  const double rounding = unit_ == unit ? 0 : 4 * unit_ * dot_of_magnitudes(y_, w);
  if (x_.size() > options_.directional_above) return rounding;
  // Fourth differences of a smooth function vanish with the step, those of a kink fall with it, rounding stays.
  Random random(1);
  const Values d = random_weights(random, x_.size());
  Values at(x_.size());
  const auto fourth_difference = [&](double step, double least) {
    double values[9];
    for (int k = 0; k < 9; ++k) {
      for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] = centre[i] + step * (k - 4) * d[i] * (centre[i] == 0 ? 0x1p-10 : std::max(std::fabs(centre[i]), least));
        if (i < s_.domain.size() && !s_.domain[i].contains(at[i])) return 0.0;
      }
      values[k] = value_along(at, w);
      if (!std::isfinite(values[k])) return 0.0;
    }
    double most = 0;
    for (int k = 0; k + 4 < 9; ++k) most = std::max(most, std::fabs(values[k] - 4 * values[k + 1] + 6 * values[k + 2] - 4 * values[k + 3] + values[k + 4]));
    return most / 8;
  };
  const double tolerable = 1e-6 * std::max(1.0, dot_of_magnitudes(y_, w));
  const auto stays = [&](double fine, double coarse) { return fine > 0.3 * coarse && coarse > 0.1 * fine && fine <= tolerable; };
  const double fine = fourth_difference(0x1p-18, 0x1p-10), coarse = fourth_difference(0x1p-15, 0x1p-10);
  double grain = stays(fine, coarse) ? fine : 0;
  if (grain > 0) {  // from the distance of x to 0, f may be smooth
    const double near_fine = fourth_difference(0x1p-12, 0), near_coarse = fourth_difference(0x1p-9, 0);
    if (near_fine < 0.01 * near_coarse) grain = 0;
  }
  if (fine == 0) {  // nothing moves near x: what larger steps see, until it vanishes, is the grain
    double before = fourth_difference(0x1p-7, 1);
    for (const double step : {0x1p-10, 0x1p-13, 0x1p-16, 0x1p-19}) {
      const double now = fourth_difference(step, 1);
      if (stays(now, before)) grain = std::max(grain, now);
      else if (now != 0 && now < 0.01 * before) grain = 0;
      before = now;
    }
  }
  return std::max(grain, rounding);
}

Difference Point::derivative(std::size_t i, View w) const {
  Values at = x_;
  return difference([&](double v) { at[i] = v; return value_along(at, w); }, x_[i], i < s_.domain.size() ? s_.domain[i] : Domain{}, dot_of_magnitudes(y_, w), scatter_);
}

bool Point::hides_digits(std::size_t i, View w, const Difference& d, double error) const {
  constexpr double tiny = 0x1p-16, small_error = 1e-6;
  const double scale = std::max(std::fabs(x_[i]), 1.0);
  if (d.status != DifferenceStatus::accepted || d.step > tiny * scale || !(error <= small_error * std::fabs(d.value))) return false;
  double ordinary = 0;
  Values at = x_;
  for (const double side : {-0.125, 0.125}) {
    at[i] = x_[i] + side * scale;
    if (i < s_.domain.size() && !s_.domain[i].contains(at[i])) continue;
    if (const double y = std::fabs(value_along(at, w)); std::isfinite(y)) ordinary = std::max(ordinary, y);
  }
  constexpr double steps = 16;  // of a tableau: the largest by the smallest
  return error <= 16 * unit * ordinary * steps / d.step;
}

std::function<double(double)> Point::along_input(std::size_t i, View w) const {
  // Where all inputs are of ordinary size, a step is no small part of the value.
  Values at = x_;
  for (std::size_t k = 0; k < at.size(); ++k)
    if (std::fabs(at[k]) > 100) at[k] = std::copysign(1.3 + 0.7 * static_cast<double>(k % 8), x_[k]);
  return [this, at, i, w](double v) mutable { at[i] = v; return value_along(at, w); };
}
bool Point::is_rounded(std::size_t i, View w) const { return moves_in_steps(along_input(i, w), i < s_.domain.size() ? s_.domain[i] : Domain{}); }
bool Point::is_beyond_periods(std::size_t i, View w) const {
  constexpr double far_out = 0x1p30;
  return std::fabs(x_[i]) >= far_out && oscillates(along_input(i, w), i < s_.domain.size() ? s_.domain[i] : Domain{});
}
bool Point::is_beyond_periods(View w) const {
  constexpr std::size_t most = 32;
  for (std::size_t i = 0; i < std::min(x_.size(), most); ++i)
    if (is_beyond_periods(i, w)) return true;
  return false;
}

bool Point::rounds_an_input(View w) const {
  constexpr std::size_t most = 32;
  for (std::size_t i = 0; i < std::min(x_.size(), most); ++i)
    if (is_rounded(i, w)) return true;
  return false;
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
  limits_.take(f.opinions);
  if (f.verdict == Verdict::pass || f.verdict == Verdict::fail) samples_.push_back({x_[i], f.verdict == Verdict::pass, std::any_of(f.opinions.begin(), f.opinions.end(), [](const Opinion& o) { return o.note.starts_with("a kink"); })});
  if (f.verdict != Verdict::fail || failures_.size() >= 4) return;
  Failure failure{result_.findings.size(), w, g, Values(g.size(), nan), i};
  for (std::size_t k = 0; k < g.size() && g.size() <= 256; ++k) failure.expected[k] = truth(k, w);
  failures_.push_back(std::move(failure));
}

}  // namespace gradus::detail
