// What holds between the gradient and other things: forward mode, the integral along a path, the Hessian.
#include <autodiff/verify/point.hpp>

#include <boost/math/quadrature/gauss.hpp>

namespace gradus::detail {

void Point::forward_mode(const Values& w) {
  if (!s_.pushforward || !options_.witnesses || !all_finite(gradient_) || !all_finite(y_)) return;
  for (int k = 0; k < 2; ++k) {
    const Values v = random_weights(random_, x_.size());
    const Outcome push = attempt([&] { return s_.pushforward(x_, v); });
    if (push.thrown || push.values.size() != w.size() || !all_finite(push.values)) return;
    const double got = dot(gradient_, v), expected = dot(push.values, w);
    Finding f = finding(fmt::format("<v, gradient of {}>", s_.name), place(w), got);
    double size = dot_of_magnitudes(gradient_, v) + dot_of_magnitudes(push.values, w);
    if (std::fabs(got - expected) > s_.operations * unit_ * size) size += dot_of_magnitudes(term_sizes(w), v);
    f.opinions.push_back({.oracle = "dot product", .expected = expected, .bound = s_.operations * unit_ * size, .tolerance = (8 * s_.operations * unit_ + s_.noise) * size + 8 * tiniest, .note = {}});
    f.verdict = judge(got, f.opinions);
    take_if_wrong(std::move(f));
  }
}

void Point::path_integral(const Values& w) {
  scatter_ = all_finite(y_) ? scatter(x_, w) : 0;
  if (s_.noise > 0 || x_.empty() || !all_finite(y_) || !all_finite(gradient_)) return;
  const int paths = x_.size() > options_.directional_above ? 1 : 3;
  for (int path = 0; path < paths; ++path) {
    Values d(x_.size());
    for (std::size_t i = 0; i < d.size(); ++i) {
      d[i] = random_weight(random_) * std::max(std::fabs(x_[i]), 0.5) / 4;
      if (i < s_.domain.size() && !s_.domain[i].contains(x_[i] + d[i])) d[i] = -d[i] / 4;
      if (i < s_.domain.size() && !s_.domain[i].contains(x_[i] + d[i])) return;
    }
    const Integral whole = integral(d, w, 0, 1);
    if (!whole.finite) return;
    Finding f = finding(fmt::format("integral of the gradient of {} along a path", s_.name), place(w), whole.sum);
    Opinion o{.oracle = "path integral", .expected = whole.change, .bound = whole.bound, .tolerance = whole.bound, .note = {}};
    if (whole.bound > 1e-9 * whole.magnitude) o.note = "not smooth enough along the path";
    f.opinions.push_back(std::move(o));
    f.verdict = judge(whole.sum, f.opinions);
    if (f.verdict == Verdict::fail) {
      // A kink that both rules miss disturbs one piece of the path, or two; a wrong rule all those where it is wrong.
      int wrong = 0;
      constexpr int pieces = 16;
      for (int k = 0; k < pieces && wrong < 4; ++k) {
        const Integral piece = integral(d, w, static_cast<double>(k) / pieces, static_cast<double>(k + 1) / pieces);
        if (piece.finite && std::fabs(piece.sum - piece.change) > piece.bound && !is_jump(d, w, static_cast<double>(k) / pieces, static_cast<double>(k + 1) / pieces)) ++wrong;
      }
      if (wrong < 4 || runs_over_jumps(d, w)) continue;
      // A gross error is seen by differences along the path as well; if they agree, values jump all the way: x·(x - floor(x)).
      if (std::fabs(whole.sum - whole.change) > 1e-6 * whole.magnitude && agrees_along(d, w)) continue;
      // The values may have lost their digits elsewhere on the path.
      double lost = 0;
      for (const double t : {0.25, 0.5, 0.75, 1.0}) {
        Values at = x_;
        for (std::size_t i = 0; i < at.size(); ++i) at[i] += t * d[i];
        lost = std::max(lost, scatter(at, w));
      }
      if (std::fabs(whole.sum - whole.change) <= whole.bound + 16 * lost || rounds_an_input(w)) continue;
    }
    if (f.verdict == Verdict::inconclusive) continue;  // nothing was learnt, and nothing is missing
    const bool wrong = f.verdict == Verdict::fail;
    take_if_wrong(std::move(f));
    if (wrong) return;  // other paths would only repeat it
  }
}

bool Point::agrees_along(const Values& d, const Values& w) const {
  int agreed = 0;
  for (const double t : {0.11, 0.37, 0.52, 0.71, 0.93}) {
    Values at(x_.size()), moved(x_.size());
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = x_[i] + t * d[i];
    const Outcome g = attempt([&] { return s_.pullback(at, w); });
    if (g.thrown || g.values.size() != d.size()) return false;
    const Difference slope = difference([&](double u) {
      for (std::size_t i = 0; i < at.size(); ++i) moved[i] = at[i] + u * d[i];
      return value_along(moved, w);
    }, 0, {}, dot_of_magnitudes(y_, w), scatter_);
    if (slope.status != DifferenceStatus::accepted) continue;
    if (std::fabs(slope.value - dot(g.values, d)) > 4 * slope.error + 1e-6 * dot_of_magnitudes(g.values, d)) return false;
    ++agreed;
  }
  return agreed >= 2;
}

bool Point::runs_over_jumps(const Values& d, const Values& w) const {
  // Follow what is missing: of a rule that is wrong it shrinks with the piece, of a jump it stays.
  double from = 0, to = 1, missing_before = 0;
  int stayed = 0;
  for (int level = 0; level < 48 && stayed < 6; ++level) {
    const double middle = (from + to) / 2;
    const Integral first = integral(d, w, from, middle), second = integral(d, w, middle, to);
    if (!first.finite || !second.finite) return false;
    const double left = std::fabs(first.sum - first.change), right = std::fabs(second.sum - second.change), missing = std::max(left, right);
    if (missing <= (left > right ? first.bound : second.bound)) return false;
    stayed = missing > 0.9 * missing_before && missing < 1.1 * missing_before ? stayed + 1 : 0;
    missing_before = missing;
    (left > right ? to : from) = middle;
  }
  return stayed == 6;
}

bool Point::is_jump(const Values& d, const Values& w, double from, double to) const {
  const auto missing = [&](double a, double b) {
    const Integral r = integral(d, w, a, b);
    return r.finite ? std::fabs(r.sum - r.change) : 0.0;
  };
  const double whole = missing(from, to);
  double left = whole;
  for (int level = 0; level < 6; ++level) {
    const double middle = (from + to) / 2, first = missing(from, middle), second = missing(middle, to);
    (first > second ? to : from) = middle;
    left = std::max(first, second);
  }
  return left > 0.1 * whole;
}

Point::Integral Point::integral(const Values& d, const Values& w, double from, double to) const {
  Integral r;
  Values at(x_.size());
  const auto move = [&](double t) {
    for (std::size_t i = 0; i < d.size(); ++i) at[i] = x_[i] + t * d[i];
  };
  const auto slope = [&](double t) {
    move(t);
    const Outcome g = attempt([&] { return s_.pullback(at, w); });
    if (g.thrown || g.values.size() != d.size() || !all_finite(g.values)) {
      r.finite = false;
      return 0.0;
    }
    r.magnitude = std::max(r.magnitude, dot_of_magnitudes(g.values, d) * (to - from));
    return dot(g.values, d);
  };
  move(from);
  const Outcome start = attempt([&] { return s_.value(at); });
  move(to);
  const Outcome end = attempt([&] { return s_.value(at); });
  if (start.thrown || end.thrown || start.values.size() != w.size() || end.values.size() != w.size() || !all_finite(start.values) || !all_finite(end.values)) return {.finite = false};
  const double coarse = boost::math::quadrature::gauss<double, 16>::integrate(slope, from, to);
  r.sum = boost::math::quadrature::gauss<double, 24>::integrate(slope, from, to);
  r.change = dot(end.values, w) - dot(start.values, w);
  double steps = 0;  // the places between are rounded too: each moves the value by a slope times half a last place
  for (std::size_t i = 0; i < d.size(); ++i) steps = std::max(steps, std::fabs(x_[i]) / std::max(std::fabs(d[i]) * (to - from), tiniest));
  r.bound = 4 * std::fabs(r.sum - coarse) + 4 * unit_ * ((s_.operations + static_cast<double>(d.size()) / 8) * (dot_of_magnitudes(start.values, w) + dot_of_magnitudes(end.values, w) + r.magnitude) + r.magnitude * steps) + 16 * scatter_;
  for (const double v : d) r.bound += 64 * tiniest * (1 + std::fabs(v));  // subnormal gradients and products
  return r;
}

void Point::second_order(const Values& w) {
  if (!s_.hessian_vector || !all_finite(gradient_) || !all_finite(y_) || s_.noise > 0) return;
  const Values u = random_weights(random_, x_.size()), v = random_weights(random_, x_.size());
  const Outcome hu = attempt([&] { return s_.hessian_vector(x_, w, u); }), hv = attempt([&] { return s_.hessian_vector(x_, w, v); });
  if (hu.thrown || hv.thrown || hu.values.size() != u.size() || hv.values.size() != u.size()) {
    rule("second order", false, "the Hessian-vector product throws or has the wrong size", w);
    return;
  }
  if (!all_finite(hu.values) || !all_finite(hv.values)) {
    Finding f = finding(fmt::format("uᵀHv of {}", s_.name), place(w), nan);
    f.verdict = Verdict::inconclusive;
    f.message = "the Hessian-vector product is not finite: an operation without second derivatives, or a point without them";
    return result_.take(std::move(f));
  }
  double size = dot_of_magnitudes(hv.values, u) + dot_of_magnitudes(hu.values, v);
  const auto is_symmetric = [&] { return std::fabs(dot(hv.values, u) - dot(hu.values, v)) <= 16 * s_.operations * unit_ * size + 8 * tiniest; };
  for (int tries = 0; tries < 4 && !is_symmetric(); ++tries) {  // where terms cancel, a last place of the inputs shows how much of the product is rounding
    Values moved = x_;
    for (double& x : moved) x = std::nextafter(x, random_.sign() * infinity);
    const Outcome shaken = attempt([&] { return s_.hessian_vector(moved, w, v); });
    if (shaken.thrown || shaken.values.size() != u.size() || !all_finite(shaken.values)) break;
    Values change = shaken.values;
    for (std::size_t i = 0; i < change.size(); ++i) change[i] -= hv.values[i];
    if (const double most = dot_of_magnitudes(change, u); most <= 1e-3 * dot_of_magnitudes(hv.values, u)) size += most / unit_;
  }
  Values at(x_.size());
  const auto slope = [&](double t) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = x_[i] + t * v[i];
    const Outcome g = attempt([&] { return s_.pullback(at, w); });
    return g.thrown || g.values.size() != u.size() ? nan : dot(g.values, u);
  };
  const double got = dot(hv.values, u);
  Finding f = finding(fmt::format("uᵀHv of {}", s_.name), place(w), got);
  // Apart: a Hessian that is symmetric may still be another function\'s.
  rule("symmetry", is_symmetric(), "the Hessian is not symmetric: uᵀHv and vᵀHu differ", w);
  Values thrice = w;
  for (double& c : thrice) c *= 3;
  const Outcome scaled = attempt([&] { return s_.hessian_vector(x_, thrice, v); });
  Values want = hv.values;
  for (double& h : want) h *= 3;
  rule("linearity", scaled.thrown || !all_finite(scaled.values) || alike(scaled.values, want, Values(want.size(), 4 * (largest(want) + size))), "3 times the cotangent does not give 3 times the Hessian-vector product", w);
  f.opinions.push_back(opinion_of(difference(slope, 0), got, 8 * s_.operations * unit_ * size + 8 * tiniest));
  f.opinions.back().oracle = "second order";
  f.verdict = judge(got, f.opinions);
  take_if_wrong(std::move(f));
}

void Point::symmetry(const Values& w) {
  const std::size_t n = x_.size();
  if (s_.hessian_vector || n < 2 || s_.noise > 0 || unit_ != unit || !all_finite(y_) || !all_finite(gradient_) || has_tiny_input()) return;
  Values u = random_weights(random_, n), v = random_weights(random_, n), at(n);
  for (std::size_t i = 0; i < n; ++i)
    for (Values* d : {&u, &v}) (*d)[i] *= x_[i] == 0 ? 1 : power_of_2_below(std::fabs(x_[i]));  // relative steps: they stay where f is defined
  const auto slope = [&](const Values& along, const Values& of) {
    return difference([&](double t) {
      for (std::size_t i = 0; i < n; ++i) at[i] = x_[i] + t * along[i];
      const Outcome g = attempt([&] { return s_.pullback(at, w); });
      return g.thrown || g.values.size() != n ? nan : dot(g.values, of);
    }, 0, range_along(along), dot_of_magnitudes(gradient_, of));
  };
  const Difference first = slope(u, v), second = slope(v, u);
  // Only where both are beyond doubt: a gradient has kinks and jumps of its own.
  for (const Difference* d : {&first, &second})
    if (d->status != DifferenceStatus::accepted || d->near_kink || d->rough || d->grain || d->error > 1e-6 * std::fabs(d->value)) return;
  const double gap = std::fabs(first.value - second.value);
  rule("symmetry", gap <= 4 * (first.error + second.error) + 1e-6 * (std::fabs(first.value) + std::fabs(second.value)),
       "its derivative is not symmetric, as that of every gradient is: along two directions it changes by unequal amounts", w);
}

void Point::taylor(const Values& w) {
  if (s_.noise > 0 || unit_ != unit || x_.empty() || !all_finite(y_) || !all_finite(gradient_) || x_.size() > options_.directional_above) return;
  Values d = random_weights(random_, x_.size()), at(x_.size());
  if (has_tiny_input()) return;
  // Relative steps: they stay on one side of 0, and small where f is steep, as log is there.
  for (std::size_t i = 0; i < d.size(); ++i) d[i] *= x_[i] == 0 ? 0 : power_of_2_below(std::fabs(x_[i])) / 8;
  int order = 2;
  double curvature = 0;
  if (s_.hessian_vector) {
    const Outcome h = attempt([&] { return s_.hessian_vector(x_, w, d); });
    if (h.thrown || h.values.size() != d.size() || !all_finite(h.values)) return;
    curvature = dot(h.values, d);
    order = 3;
  }
  const double start = dot(y_, w), slope = dot(gradient_, d);
  // Small values may be what is left of numbers around 1.
  const double noise = 256 * (unit_ * s_.operations * std::max(1.0, dot_of_magnitudes(y_, w) + dot_of_magnitudes(gradient_, d)) + scatter_);
  // Halve the step until rounding hides the remainder. One that ends at once is that of a kink that the steps have left behind.
  // Nothing where there are too few digits, or no power of the step.
  double last_slope = 0;  // what the remainder at the smallest step would be of one
  const auto rate_along = [&](double side) -> std::optional<double> {
    double before = 0, last_rate = 0;
    int steady = 0;
    for (int k = 0; k < 40; ++k) {
      const double t = side * std::ldexp(1.0, -k);
      for (std::size_t i = 0; i < d.size(); ++i) {
        at[i] = x_[i] + t * d[i];
        if (i < s_.domain.size() && !s_.domain[i].contains(at[i])) return std::nullopt;
      }
      const double value = value_along(at, w), remainder = std::fabs(value - start - t * slope - t * t / 2 * curvature);
      if (value == start && remainder >= noise) return std::nullopt;  // the values have a grain that hides steps
      if (!std::isfinite(remainder)) return std::nullopt;
      if (remainder < noise) {
        if (before > 4 * noise) steady = 0;
        break;
      }
      const double rate = before > 0 ? std::log2(before / remainder) : 0;
      steady = std::fabs(rate - last_rate) < 0.05 ? steady + 1 : 0;
      last_rate = rate;
      last_slope = remainder / std::fabs(t);
      before = remainder;
    }
    return steady < 3 ? std::nullopt : std::optional(last_rate);
  };
  const std::optional<double> rate = rate_along(1);
  if (!rate) return;
  const double last_rate = *rate;
  Finding f = finding(fmt::format("order of what the derivatives of {} leave", s_.name), place(w), last_rate);
  const bool falls = last_rate > order - 0.25;
  // So large an error of the slope the entries have not: between two jumps of what is left by cancellation, as in (e^x - 1) / x at 1e-9, all is smooth.
  if (!falls && order == 2) {
    double unseen = 0;
    for (std::size_t i = 0; i < d.size(); ++i) unseen += d[i] == 0 ? 0 : std::fabs(d[i]) * seen_[i];
    if (last_slope > unseen || std::isinf(unseen)) return;
  }
  // Where the second derivative jumps, as Huber's does at its edge, that of one side is no mistake.
  if (!falls && order == 3)
    if (const auto behind = rate_along(-1); !behind || *behind > order - 0.25) return;
  // Only a whole order tells: x^2.5 leaves its own power.
  if (!falls && (std::fabs(last_rate - std::round(last_rate)) > 0.05 || rounds_an_input(w) || is_beyond_periods(w))) return;
  f.opinions.push_back({.oracle = "Taylor", .expected = static_cast<double>(order), .bound = 0.25, .tolerance = 0.25, .verdict = falls ? Verdict::pass : Verdict::fail, .note = {}});
  f.verdict = falls ? Verdict::pass : Verdict::fail;
  if (!falls) f.message = fmt::format("f(x + t d) less its Taylor polynomial falls like t^{:.0f}, not like t^{}", last_rate, order);
  take_if_wrong(std::move(f));
}

}  // namespace gradus::detail
