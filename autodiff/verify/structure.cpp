// What holds of every pullback, whatever it computes: linear in the cotangent, the same twice, adds, disturbs nothing.
#include <autodiff/verify/point.hpp>

#include <functional>

namespace gradus::detail {

bool Point::structure(const Values& w) {
  const std::size_t n = x_.size();
  const Values x = x_, weights = w;
  const Outcome first = pull(w);
  if (first.thrown) {
    rule("structure", !all_finite(y_), "the function has a value here, but its pullback throws: " + *first.thrown, w);
    return false;
  }
  if (first.values.size() != n) throw ShapeError(fmt::format("check: {} has {} inputs, but its pullback returns {} numbers", s_.name, n, first.values.size()));
  const Values& g = first.values;
  gradient_ = g;
  const Outcome second = pull(w);
  const bool same = !second.thrown && same_bits(second.values, g);
  if (s_.noise == 0) rule("replay", same, "two calls of the pullback give different gradients", w, Verdict::nondeterministic);
  rule("structure", same_bits(x, x_) && same_bits(weights, w), "the pullback overwrites its input or its cotangent", w);
  x_ = x;
  if (!same && s_.noise == 0) return false;
  if (is_float_code()) unit_ = std::numeric_limits<float>::epsilon() / 2;
  if (!all_finite(g)) return true;

  if (s_.noise == 0) memory(w);
  linearity(w);
  unused(w);
  if (s_.accumulate) buffer(w);
  if (s_.record) record(w);
  return true;
}

void Point::memory(const Values& w) {
  const auto inside = [&](const Values& at) {
    for (std::size_t i = 0; i < std::min(at.size(), s_.domain.size()); ++i)
      if (!s_.domain[i].contains(at[i])) return false;
    return true;
  };
  const auto move = [&](std::size_t i, double step) { return step * (x_[i] == 0 ? 1 : x_[i]); };
  const std::size_t n = x_.size();
  // All inputs, all but the first, and two by as much in opposite directions: what is kept may be looked up by some of them, or by their sum.
  for (int which = 0; which < (n < 2 ? 1 : 3); ++which) {
    Values at = x_;
    if (which == 2) {
      const double step = std::ldexp(power_of_2_below(std::max(std::fabs(x_[n - 1]), 0x1p-900)), -9);
      at[0] += step, at[n - 1] -= step;
    } else {
      for (std::size_t i = static_cast<std::size_t>(which); i < n; ++i) at[i] += move(i, (1 + 0.6180339887498949 * static_cast<double>(i % 5)) / 512);
    }
    if (!inside(at)) continue;
    const auto there = [&] { return attempt([&] { return s_.pullback(at, w); }); };
    const Outcome first = there(), second = there(), third = there(), back = pull(w);
    if (first.thrown || second.thrown || third.thrown || back.thrown || back.values.size() != n) continue;
    rule("replay", same_bits(first.values, second.values) && same_bits(second.values, third.values), "calls of the pullback at one point, after one at another, give different gradients", w, Verdict::nondeterministic);
    // A solver that starts from where it was last ends a little elsewhere.
    double off = 0;
    for (std::size_t i = 0; i < n; ++i) off = std::max(off, std::fabs(back.values[i] - gradient_[i]));
    rule("replay", !(off > 1e-6 * largest(gradient_)), "after a call at another point the gradient is another: something is kept from there", w);
    if (n < 2 || largest(x_) >= 512 || has_tiny_input() || !same_bits(first.values, gradient_) || !std::isfinite(dot(y_, w))) continue;  // far out, steps look like slopes
    const Values d = random_weights(random_, n);
    Values on = at;
    const Difference slope = difference([&](double t) {
      for (std::size_t i = 0; i < n; ++i) on[i] = at[i] + t * d[i] * (at[i] == 0 ? 1 : power_of_2_below(std::fabs(at[i])));
      return inside(on) ? value_along(on, w) : nan;
    }, 0, {-0.25, 0.25}, dot_of_magnitudes(y_, w));
    double got = 0, size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double part = gradient_[i] * d[i] * (at[i] == 0 ? 1 : power_of_2_below(std::fabs(at[i])));
      got += part, size += std::fabs(part);
    }
    const bool decides = slope.status == DifferenceStatus::accepted && !slope.near_kink && !slope.rough && !slope.grain;
    rule("replay", !decides || std::fabs(got - slope.value) <= 64 * slope.error + 1e-6 * size, "at another point the gradient is the same to the last bit, but the function's is not: it is kept from one point to the other", w);
  }
}

bool Point::is_float_code() const {
  const auto is_short = [](View v) { return std::all_of(v.begin(), v.end(), [](double u) { return u == static_cast<double>(static_cast<float>(u)); }); };
  const auto is_zero = [](View v) { return std::all_of(v.begin(), v.end(), [](double u) { return u == 0; }); };
  if (!is_short(y_)) return false;
  for (const double step : {0.1234567890123 / 1024, -0.9876543210987 / 1024}) {
    Values at = x_;
    for (std::size_t i = 0; i < at.size(); ++i) {
      // Each its own way: equal inputs may be all that makes the values 0, as in a layer norm.
      at[i] += step * (1 + 0.6180339887498949 * static_cast<double>(i % 5)) * (at[i] == 0 ? 1 : at[i]);
      if (i < s_.domain.size() && !s_.domain[i].contains(at[i])) return false;
    }
    const Outcome y = attempt([&] { return s_.value(at); });
    if (y.thrown || !is_short(y.values) || is_zero(y.values) || y.values == y_) return false;  // a constant is short anywhere
  }
  return true;
}

bool Point::alike(View a, View b, View scale) const {
  if (a.size() != b.size()) return false;
  const double relative = (unit_ == unit ? 4 : 64) * s_.operations * unit_ + 4 * s_.noise;  // code in float rounds what it cancels
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool finite = std::isfinite(a[i]);
    if (finite != std::isfinite(b[i])) {
      if (std::fabs(scale[i]) < 1e300) return false;
    } else if (finite && std::fabs(a[i] - b[i]) > relative * scale[i] + 16 * least_) {
      return false;
    }
  }
  return true;
}

void Point::linearity(const Values& w) {
  const Values& g = gradient_;
  const std::size_t n = g.size();
  const Outcome none = pull(Values(w.size(), 0.0));
  rule("linearity", !none.thrown && std::all_of(none.values.begin(), none.values.end(), [](double v) { return v == 0; }), "a cotangent of 0 does not give a gradient of 0", w);
  Values sum = w;
  double tiny = 1;  // the smallest input that is not 0
  for (const double v : x_) tiny = v == 0 ? tiny : std::min(tiny, std::fabs(v));
  /// How far `factor` times the cotangent is from giving that times the gradient: 0 where it does, else by the largest entry; infinite where it is not finite.
  const auto deviation = [&](double factor) {
    Values scaled_w = w, want = g, size = sizes(w, g, 0);
    for (double& v : scaled_w) v *= factor;
    for (double& v : want) v *= factor;
    for (double& v : size) v *= factor;
    const bool overflows = !all_finite(want) || largest(want) > 1e300 || largest(want) < 1e-290;
    const bool underflows = tiny * tiny * std::min(factor, 1.0) < 1e-290;  // products on the way, which a later division makes ordinary again
    Outcome scaled = pull(scaled_w);
    if (overflows || underflows) return 0.0;
    if (scaled.thrown || scaled.values.size() != n) return std::numeric_limits<double>::max();
    for (std::size_t i = 0; i < n; ++i)
      if (std::fabs(g[i]) < 1e-280) scaled.values[i] = want[i];  // rounded in the subnormal range, somewhere on the way
    if (alike(scaled.values, want, size)) return 0.0;
    const Values terms = term_sizes(w);
    for (std::size_t i = 0; i < n; ++i) size[i] += factor * terms[i];
    if (alike(scaled.values, want, size)) return 0.0;
    double most = 0;
    for (std::size_t i = 0; i < n; ++i) most = std::max(most, std::isfinite(scaled.values[i]) ? std::fabs(scaled.values[i] - want[i]) : infinity);
    return most / largest(want);
  };
  for (const double factor : {0x1p10, 0x1p-10}) rule("linearity", deviation(factor) == 0, fmt::format("{} times the cotangent does not give {} times the gradient", factor, factor), w);
  // So far that a cotangent which is cut off shows; beside e^700 it overflows, or is a subnormal number whose few digits are 2^20 times as many at 2^-30.
  constexpr double gross = 0.1;
  const double large = deviation(0x1p50), small = deviation(0x1p-50);
  rule("linearity", large == 0 || std::isinf(large), fmt::format("{} times the cotangent does not give {} times the gradient", 0x1p50, 0x1p50), w);
  rule("linearity", small == 0 || (small < gross && deviation(0x1p-30) < 0x1p-12 * small), fmt::format("{} times the cotangent does not give {} times the gradient", 0x1p-50, 0x1p-50), w);
  Values scale = sizes(w, g, 0);
  const Values other = random_weights(random_, w.size());
  for (std::size_t j = 0; j < w.size(); ++j) sum[j] += other[j];
  const Outcome g_other = pull(other), g_sum = pull(sum);
  if (!g_other.thrown && !g_sum.thrown && g_other.values.size() == n) {
    Values added = g;
    for (std::size_t i = 0; i < n; ++i) added[i] += g_other.values[i];
    const Values scale_other = sizes(other, g_other.values, largest(g));
    // A gradient of which nothing but rounding is left is not even linear: what the function itself cannot resolve does not count.
    const double most = std::max(largest(g), largest(g_other.values));  // an entry may be a small difference of terms that nobody sees
    const double size = dot_of_magnitudes(y_, w) + dot_of_magnitudes(y_, other);
    for (std::size_t i = 0; i < n; ++i) scale[i] = 2 * (scale[i] + scale_other[i] + most) + (std::isfinite(size) ? size : 0);
    if (!alike(g_sum.values, added, scale)) {
      const Values terms = term_sizes(w), terms_other = term_sizes(other);
      for (std::size_t i = 0; i < n; ++i) scale[i] += 2 * (terms[i] + terms_other[i]);
    }
    rule("linearity", alike(g_sum.values, added, scale), "the gradient of a sum of cotangents is not the sum of the gradients", w);
  }
}

void Point::unused(const Values& w) {
  const std::size_t m = w.size(), n = gradient_.size();
  if (m < 2) return;
  // The first, the last, and every other one of the results: what a loss does not depend on has a cotangent of 0.
  const std::function<bool(std::size_t)> groups[] = {[](std::size_t j) { return j == 0; }, [m](std::size_t j) { return j + 1 == m; }, [](std::size_t j) { return j % 2 == 1; }};
  Values scale = sizes(w, gradient_, 0);
  const double size = dot_of_magnitudes(y_, w), most = largest(gradient_);
  for (double& s : scale) s = 4 * (s + most) + (std::isfinite(size) ? size : 0);
  for (const auto& is_in : groups) {
    Values part = w, rest = w;
    for (std::size_t j = 0; j < m; ++j) (is_in(j) ? rest : part)[j] = 0;
    const Outcome of_part = pull(part), of_rest = pull(rest);
    bool holds = !of_part.thrown && !of_rest.thrown && of_part.values.size() == n && of_rest.values.size() == n;
    Values sum = holds ? of_part.values : Values{};
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += of_rest.values[i];
    holds = holds && alike(sum, gradient_, scale);
    rule("unused results", holds, "when a result is not used (its cotangent is 0), what the others contribute changes", part);
  }
}

void Point::buffer(const Values& w) {
  const Values& g = gradient_;
  const std::size_t n = g.size();
  Values sum(n), start(n), scale(n);
  for (std::size_t i = 0; i < n; ++i) sum[i] = start[i] = random_weight(random_) * (g[i] == 0 ? 1 : power_of_2_below(std::clamp(std::fabs(g[i]), 1e-290, 1e290)));
  const Outcome ran = attempt([&] { s_.accumulate(x_, w, sum); return Values{}; });
  Values want = start;
  for (std::size_t i = 0; i < n; ++i) want[i] += g[i];
  for (std::size_t i = 0; i < n; ++i) scale[i] = std::fabs(start[i]) + std::fabs(g[i]);
  rule("buffer", !ran.thrown && alike(sum, want, scale), "what was in the gradient before is overwritten or counted twice: a pullback adds", w);
}

void Point::record(const Values& w) {
  const Values& g = gradient_;
  const std::size_t n = g.size();
  Values memory = x_;
  const Outcome later = attempt([&] {
    const auto recorded = s_.record(memory);
    for (double& v : memory) v = v * 0.75 + 0.375;
    const Outcome elsewhere = attempt([&] { return s_.record(memory)(w); });
    const Values once = recorded(w);
    return same_bits(once, recorded(w)) ? once : Values{};
  });
  rule("record", !later.thrown && alike(later.values, g, sizes(w, g, 0)),
       later.thrown ? "the recorded pullback throws: " + *later.thrown
       : later.values.empty() && n > 0 ? "a second sweep of the same record gives another gradient: something was not zeroed"
                                     : "the recorded pullback changes when its input is overwritten, or another point is recorded, before it runs", w);
}

Values Point::term_sizes(View w) const {
  Values terms(x_.size(), 0.0);
  if (!options_.witnesses || x_.size() > options_.directional_above) return terms;
  for (const Subject::Witness& witness : s_.witnesses) {
    const Subject::Expected e = witness.gradient(x_, w);
    for (std::size_t i = 0; i < std::min(terms.size(), e.scale.size()); ++i)
      if (std::isfinite(e.scale[i])) terms[i] = std::max(terms[i], e.scale[i]);
  }
  return terms;
}

Values Point::sizes(View w, View g, double floor) const {
  Values scale(g.size());
  for (std::size_t i = 0; i < g.size(); ++i) scale[i] = std::max(std::fabs(g[i]), 0.0);
  if (g.size() * w.size() <= 4096 && w.size() <= 64) {
    for (std::size_t j = 0; j < w.size(); ++j) {
      Values one(w.size(), 0.0);
      one[j] = w[j];
      const Outcome row = pull(one);
      if (!row.thrown && row.values.size() == g.size())
        for (std::size_t i = 0; i < g.size(); ++i) scale[i] += std::isfinite(row.values[i]) ? std::fabs(row.values[i]) : 0;
    }
  } else {
    const double most = std::max(largest(g), floor);
    for (double& s : scale) s = most * static_cast<double>(w.size());
  }
  return scale;
}

}  // namespace gradus::detail
