// The ladder of oracles. Every rung takes findings; judging them is report.cpp's.
#include <autodiff/verify/ladder.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <exception>
#include <optional>

#include <boost/math/quadrature/gauss.hpp>
#include <fmt/format.h>

#include <autodiff/error.hpp>
#include <autodiff/verify/difference.hpp>
#include <autodiff/verify/hypothesis.hpp>
#include <autodiff/verify/random.hpp>
#include <autodiff/verify/regimes.hpp>

namespace gradus {
namespace {

using Values = Subject::Values;
using View = Subject::View;

constexpr double unit = std::numeric_limits<double>::epsilon() / 2;
constexpr double tiniest = std::numeric_limits<double>::denorm_min();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool same_bits(View a, View b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double u, double v) { return std::bit_cast<std::uint64_t>(u) == std::bit_cast<std::uint64_t>(v); });
}
bool all_finite(View v) {
  return std::all_of(v.begin(), v.end(), [](double u) { return std::isfinite(u); });
}
double dot(View a, View b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == 0 || b[i] == 0 ? 0 : a[i] * b[i];
  return sum;
}
double dot_of_magnitudes(View a, View b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == 0 || b[i] == 0 ? 0 : std::fabs(a[i] * b[i]);
  return sum;
}
double largest(View v) {
  double most = 0;
  for (const double u : v) most = std::max(most, std::fabs(u));
  return most;
}
double power_of_2_below(double x) { return std::exp2(std::floor(std::log2(x))); }

/// A random sign and a magnitude in [½, 1½] of few bits: never all ones, never of one sign only, and exact when doubled.
double random_weight(Random& random) { return random.sign() * static_cast<double>(32 + random.below(64)) / 64; }
Values random_weights(Random& random, std::size_t n) {
  Values w(n);
  for (double& v : w) v = random_weight(random);
  return w;
}

/// What a call threw, or its result.
struct Outcome {
  Values values;
  std::optional<std::string> thrown;
};
template <class F> Outcome attempt(F&& f) {
  try {
    return {f(), std::nullopt};
  } catch (const ShapeError&) {
    throw;
  } catch (const std::exception& e) {
    return {{}, e.what()};
  } catch (...) {
    return {{}, "something that is no std::exception"};
  }
}

std::string list(View v) {
  std::string text = "[";
  constexpr std::size_t most = 8;
  for (std::size_t i = 0; i < std::min(v.size(), most); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", number_text(v[i]));
  return text + (v.size() > most ? fmt::format(", … {} numbers]", v.size()) : "]");
}

/// One point of one subject.
class Point {
 public:
  Point(const Subject& subject, View x, const CheckOptions& options, CheckResult& result, std::vector<double>& limits, std::string regime, std::uint64_t seed)
      : s_(subject), options_(options), result_(result), limits_(limits), x_(x.begin(), x.end()), regime_(std::move(regime)), random_(seed) {}

  /// All rungs. `given` is the cotangent to use, if any, instead of random ones.
  void check(std::optional<Values> given = {}) {
    if (!forward()) return;
    const std::size_t m = y_.size();
    Values w = given ? std::move(*given) : m == 1 ? Values{1.0} : random_weights(random_, m);  // a single result keeps the user's numbers
    if (!structure(w)) return;
    numbers(w, true);
    // Single results show what a mixture of them hides: a saturated entry beside large ones.
    if (m > 1 && m <= 8 && x_.size() * m <= 64)
      for (std::size_t j = 0; j < m; ++j) {
        Values one(m, 0.0);
        one[j] = 1;
        numbers(one, false);
      }
    if (failures_.empty()) {  // else they would only repeat it
      forward_mode(w);
      if (resolved_) path_integral(w);
    }
    second_order(w);
  }

  struct Failure {
    std::size_t finding;
    Values cotangent, got, expected;
    std::size_t entry;
  };
  [[nodiscard]] const std::vector<Failure>& failures() const { return failures_; }
  [[nodiscard]] const std::vector<Evidence::Sample>& samples() const { return samples_; }
  [[nodiscard]] const Values& x() const { return x_; }
  /// The results' contributions to the right gradient, as far as they can be had at a moderate price.
  std::vector<Values> contributions(View w) {
    std::vector<Values> rows;
    if (y_.size() > 64 || x_.size() * y_.size() > 1024) return rows;
    for (std::size_t j = 0; j < y_.size(); ++j) {
      Values one(y_.size(), 0.0), row(x_.size());
      one[j] = w[j];
      for (std::size_t i = 0; i < x_.size(); ++i) row[i] = truth(i, one);
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  [[nodiscard]] std::string name(std::size_t i) const { return i < s_.inputs.size() ? s_.inputs[i] : fmt::format("x[{}]", i); }
  [[nodiscard]] std::string place() const {
    std::string text;
    constexpr std::size_t most = 8;
    for (std::size_t i = 0; i < std::min(x_.size(), most); ++i) text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", name(i), number_text(x_[i]));
    return x_.size() > most ? text + fmt::format(", … ({} inputs)", x_.size()) : text;
  }
  [[nodiscard]] std::string place(View w) const { return y_.size() < 2 ? place() : place() + ", cotangent " + list(w); }
  Finding finding(std::string quantity, std::string where, double got) const {
    return {.quantity = std::move(quantity), .where = std::move(where), .regime = regime_, .got = got, .opinions = {}, .message = {}};
  }

  /// A rule that holds or does not hold.
  void rule(const char* which, bool holds, const std::string& message, View w, Verdict broken = Verdict::fail) {
    Finding f = finding(fmt::format("pullback of {}", s_.name), place(w), nan);
    f.opinions.push_back({.oracle = which, .expected = nan, .verdict = holds ? Verdict::pass : broken, .note = holds ? "" : message});
    f.verdict = holds ? Verdict::pass : broken;
    if (!holds) f.message = message;
    take_if_wrong(std::move(f));
  }
  /// For what is no entry of the gradient: agreement is counted, but says nothing of the single entries.
  void take_if_wrong(Finding f) {
    if (f.verdict >= Verdict::oracles_disagree) return result_.take(std::move(f));
    for (const Opinion& o : f.opinions) result_.count(o);
  }

  [[nodiscard]] double value_along(const Values& at, View w) const {
    const Outcome y = attempt([&] { return s_.value(at); });
    return y.thrown || y.values.size() != w.size() ? nan : dot(y.values, w);
  }
  Outcome pull(View w) const {
    return attempt([&] { return s_.pullback(x_, w); });
  }

  // ---- forward: values, exceptions, determinism
  bool forward() {
    const Values before = x_;
    const Outcome first = attempt([&] { return s_.value(x_); }), second = attempt([&] { return s_.value(x_); });
    y_ = first.values;
    if (!same_bits(before, x_)) {
      rule("structure", false, "the function overwrites its input", {});
      x_ = before;
      return false;
    }
    if (first.thrown || second.thrown) {
      Finding f = finding(s_.name, place(), nan);
      f.message = "the function throws: " + first.thrown.value_or(*second.thrown);
      f.verdict = first.thrown && second.thrown ? Verdict::inconclusive : Verdict::nondeterministic;
      result_.take(std::move(f));
      return false;
    }
    if (y_.empty()) {
      Finding f = finding(s_.name, place(), nan);
      f.message = "the function has no results";
      f.verdict = Verdict::inconclusive;
      result_.take(std::move(f));
      return false;
    }
    if (s_.noise == 0) rule("replay", same_bits(first.values, second.values), "two calls at the same point give different values: fix the seed, or declare the noise", {}, Verdict::nondeterministic);
    return s_.noise > 0 || same_bits(first.values, second.values);
  }

  // ---- structure: what holds of every pullback
  bool structure(const Values& w) {
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
    if (!all_finite(g)) return true;

    const double c = 4 * s_.operations * unit;
    const auto close = [&](View a, View b, View scale) {
      if (a.size() != b.size()) return false;
      for (std::size_t i = 0; i < a.size(); ++i)
        if (std::isfinite(a[i]) && std::isfinite(b[i]) ? std::fabs(a[i] - b[i]) > (c + 4 * s_.noise) * scale[i] + 16 * least_ : std::isfinite(a[i]) != std::isfinite(b[i]) && std::fabs(scale[i]) < 1e300) return false;
      return true;
    };
    // Zero, scaled and added cotangents: a pullback is linear in its cotangent.
    const Outcome none = pull(Values(w.size(), 0.0));
    rule("linearity", !none.thrown && std::all_of(none.values.begin(), none.values.end(), [](double v) { return v == 0; }), "a cotangent of 0 does not give a gradient of 0", w);
    Values sum = w;
    for (const double factor : {0x1p10, 0x1p-10}) {
      Values scaled_w = w, want = g, size = sizes(w, g, 0);
      for (double& v : scaled_w) v *= factor;
      for (double& v : want) v *= factor;
      for (double& v : size) v *= factor;
      const Outcome scaled = pull(scaled_w);
      const bool overflows = !all_finite(want) || largest(want) > 1e300 || largest(want) < 1e-290;
      rule("linearity", overflows || (!scaled.thrown && close(scaled.values, want, size)), fmt::format("{} times the cotangent does not give {} times the gradient", factor, factor), w);
    }
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
      rule("linearity", close(g_sum.values, added, scale), "the gradient of a sum of cotangents is not the sum of the gradients", w);
    }
    if (s_.accumulate) {
      Values buffer(n), start(n);
      for (std::size_t i = 0; i < n; ++i) buffer[i] = start[i] = random_weight(random_) * (g[i] == 0 ? 1 : power_of_2_below(std::clamp(std::fabs(g[i]), 1e-290, 1e290)));
      const Outcome ran = attempt([&] { s_.accumulate(x_, w, buffer); return Values{}; });
      Values want = start;
      for (std::size_t i = 0; i < n; ++i) want[i] += g[i];
      for (std::size_t i = 0; i < n; ++i) scale[i] = std::fabs(start[i]) + std::fabs(g[i]);
      rule("buffer", !ran.thrown && close(buffer, want, scale), "what was in the gradient before is overwritten or counted twice: a pullback adds", w);
    }
    if (s_.record) {
      Values memory = x_;
      const Outcome later = attempt([&] {
        const auto recorded = s_.record(memory);
        for (double& v : memory) v = v * 0.75 + 0.375;
        const Outcome elsewhere = attempt([&] { return s_.record(memory)(w); });
        const Values once = recorded(w);
        return same_bits(once, recorded(w)) ? once : Values{};
      });
      rule("record", !later.thrown && close(later.values, g, sizes(w, g, 0)),
           later.thrown ? "the recorded pullback throws: " + *later.thrown
           : later.values.empty() && n > 0 ? "a second sweep of the same record gives another gradient: something was not zeroed"
                                         : "the recorded pullback changes when its input is overwritten, or another point is recorded, before it runs", w);
    }
    return true;
  }

  /// What each entry of the gradient may be made of, by the witnesses or else by itself.
  Values sizes(View w, View g, double floor) const {
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

  // ---- numbers: entry by entry, or along directions
  void numbers(const Values& w, bool main) {
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

  struct Kink { std::size_t input; int convexity; };

  /// How far neighbouring values scatter around `centre`, where that is more than their own rounding: log(1 + exp(-40)) has no digits left.
  double scatter(const Values& centre, View w) const {
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

  Difference derivative(std::size_t i, View w) const {
    Values at = x_;
    return difference([&](double v) { at[i] = v; return value_along(at, w); }, x_[i], i < s_.domain.size() ? s_.domain[i] : Domain{}, dot_of_magnitudes(y_, w), scatter_);
  }
  /// Where several kinks meet, a piece beside x may have a slope that lies outside of those along the line: -relu(x) + 3 relu(y - x) at 0, whose
  /// gradient is 0 by convention. What is the slope of some piece, or lies between those of two, is no mistake.
  void accept_a_piece(Opinion& o, const Values& d, const Values& w, double got) {
    if (x_.size() > options_.directional_above) return;
    double low = o.expected - o.bound, high = o.expected + o.bound;
    for (int k = 0; k < 64; ++k) {
      Values beside = x_, at = x_;
      for (double& v : beside) v += 1e-4 * random_.normal() * std::max(std::fabs(v), 1.0);
      const Difference piece = difference([&](double t) {
        for (std::size_t i = 0; i < at.size(); ++i) at[i] = beside[i] + t * d[i];
        return value_along(at, w);
      }, 0, {}, dot_of_magnitudes(y_, w));
      if (piece.status != DifferenceStatus::accepted) continue;
      low = std::min(low, piece.value - piece.error);
      high = std::max(high, piece.value + piece.error);
      if (const double slack = 1e-3 * (high - low); got >= low - slack && got <= high + slack) {
        o.verdict = Verdict::kink;
        return;
      }
    }
  }
  /// `convexity` is that of the kink at x, 0 if it is neither convex nor concave: then only smooth directions count.
  void along(const std::string& what, const Values& d, const Values& w, View g, int convexity) {
    Domain inside;  // how far the direction stays in the domain of every input
    for (std::size_t i = 0; i < std::min(d.size(), s_.domain.size()); ++i) {
      if (d[i] == 0) continue;
      const double to_low = (s_.domain[i].low - x_[i]) / d[i], to_high = (s_.domain[i].high - x_[i]) / d[i];
      inside.low = std::max(inside.low, std::min(to_low, to_high));
      inside.high = std::min(inside.high, std::max(to_low, to_high));
    }
    Values at(x_.size());
    const auto moved = [&](double t) {
      for (std::size_t i = 0; i < at.size(); ++i) at[i] = x_[i] + t * d[i];
      return value_along(at, w);
    };
    const double got = dot(g, d);
    const Difference slope = difference(moved, 0, inside, dot_of_magnitudes(y_, w), scatter_);
    // Between its slopes lies every generalized gradient of a convex or concave function; of others, a right one may lie outside.
    if (slope.status == DifferenceStatus::kink && convexity * (slope.right_slope - slope.left_slope) <= 0) return;
    Finding f = finding(fmt::format("d {} along {}", s_.name, what), place(w), got);
    f.opinions.push_back(opinion_of(slope, got, 2 * s_.operations * unit * dot_of_magnitudes(g, d) + 2 * least_));
    if (slope.status == DifferenceStatus::kink && f.opinions.back().verdict == Verdict::fail) accept_a_piece(f.opinions.back(), d, w, got);
    f.opinions.back().oracle = "directional";
    f.verdict = judge(got, f.opinions);
    if (x_.size() > options_.directional_above) result_.take(std::move(f));
    else take_if_wrong(std::move(f));
  }
  /// At a kink every entry may be anything between its slopes; together they must also fit the slopes along other directions.
  void subdifferential(const Values& w, View g, const std::vector<Kink>& kinks) {
    if (x_.size() < 2) return;
    // Only where x lies exactly on the kinks, as far as one can see: beside them, the slopes of the pieces around are not those of x.
    for (const Kink& k : kinks) {
      const auto same = std::count(x_.begin(), x_.end(), x_[k.input]);
      if (same < 2 && x_[k.input] * 64 != std::round(x_[k.input] * 64)) return;
    }
    const bool alike = std::all_of(kinks.begin(), kinks.end(), [&](const Kink& k) { return k.convexity == kinks.front().convexity; });
    const int convexity = alike ? kinks.front().convexity : 0;
    Values together(x_.size(), 0.0);
    for (const Kink& k : kinks) together[k.input] = 1;
    along("the kinked inputs together", together, w, g, convexity);
    for (int k = 0; k < 2 && alike && kinks.size() <= 3; ++k) {  // among more, too many pieces meet to know their slopes
      Values d(x_.size(), 0.0);
      for (const Kink& kink : kinks) d[kink.input] = random_weight(random_);
      along("a random direction at the kink", d, w, g, convexity);
    }
  }

  /// Another input has the same value: a median of equal numbers has slope 0 along every axis, and a gradient that is not 0.
  [[nodiscard]] bool is_tied(std::size_t i) const { return std::count(x_.begin(), x_.end(), x_[i]) > 1; }

  /// How far a last place of the inputs moves the gradient: what the rounding inside the function may do to it as well.
  Values rounding_of_inputs(View w, View g) {
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

  /// The entry as the oracles see it: a witness, or else the difference; NaN where nobody can tell.
  double truth(std::size_t i, View w) const {
    if (options_.witnesses)
      for (const Subject::Witness& witness : s_.witnesses) {
        const Subject::Expected e = witness.gradient(x_, w);
        if (std::isfinite(e.bound[i])) return e.gradient[i];
      }
    if (s_.noise > 0) return nan;
    const Difference d = derivative(i, w);
    return d.status == DifferenceStatus::accepted ? d.value : nan;
  }

  void note(const Finding& f, const Values& w, const Values& g, std::size_t i) {
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

  // ---- forward mode: <Jv, w> = <v, Jᵀw>
  void forward_mode(const Values& w) {
    if (!s_.pushforward || !options_.witnesses || !all_finite(gradient_) || !all_finite(y_)) return;
    for (int k = 0; k < 2; ++k) {
      const Values v = random_weights(random_, x_.size());
      const Outcome push = attempt([&] { return s_.pushforward(x_, v); });
      if (push.thrown || push.values.size() != w.size() || !all_finite(push.values)) return;
      const double got = dot(gradient_, v), expected = dot(push.values, w);
      Finding f = finding(fmt::format("<v, gradient of {}>", s_.name), place(w), got);
      const double size = dot_of_magnitudes(gradient_, v) + dot_of_magnitudes(push.values, w);
      f.opinions.push_back({.oracle = "dot product", .expected = expected, .bound = s_.operations * unit * size, .tolerance = (8 * s_.operations * unit + s_.noise) * size + 8 * tiniest, .note = {}});
      f.verdict = judge(got, f.opinions);
      take_if_wrong(std::move(f));
    }
  }

  // ---- path integral: f(b) - f(a) is the integral of the gradient along the way
  void path_integral(const Values& w) {
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
        if (wrong < 4) continue;
        // A gross error is seen by differences along the path as well; if they agree, values jump all the way: x·(x - floor(x)).
        if (std::fabs(whole.sum - whole.change) > 1e-6 * whole.magnitude && agrees_along(d, w)) continue;
        // The values may have lost their digits elsewhere on the path.
        double lost = 0;
        for (const double t : {0.25, 0.5, 0.75, 1.0}) {
          Values at = x_;
          for (std::size_t i = 0; i < at.size(); ++i) at[i] += t * d[i];
          lost = std::max(lost, scatter(at, w));
        }
        if (std::fabs(whole.sum - whole.change) <= whole.bound + 16 * lost) continue;
      }
      if (f.verdict == Verdict::inconclusive) continue;  // nothing was learnt, and nothing is missing
      take_if_wrong(std::move(f));
    }
  }
  /// The slope along the path, at some places on it, is that of the pullback.
  bool agrees_along(const Values& d, const Values& w) const {
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
  /// What is missing on this piece of the path is all missing on a small part of it: the value jumps there, or the slope does.
  bool is_jump(const Values& d, const Values& w, double from, double to) const {
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
  struct Integral { double sum = 0, change = 0, bound = 0, magnitude = 0; bool finite = true; };
  Integral integral(const Values& d, const Values& w, double from, double to) const {
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
    r.bound = 4 * std::fabs(r.sum - coarse) + 4 * unit * ((s_.operations + static_cast<double>(d.size()) / 8) * (dot_of_magnitudes(start.values, w) + dot_of_magnitudes(end.values, w) + r.magnitude) + r.magnitude * steps) + 16 * scatter_;
    for (const double v : d) r.bound += 64 * tiniest * (1 + std::fabs(v));  // subnormal gradients and products
    return r;
  }

  // ---- second order: uᵀ(Hv) = vᵀ(Hu), and Hv against differences of the gradient
  void second_order(const Values& w) {
    if (!s_.hessian_vector || !all_finite(gradient_) || !all_finite(y_) || s_.noise > 0) return;
    const Values u = random_weights(random_, x_.size()), v = random_weights(random_, x_.size());
    const Outcome hu = attempt([&] { return s_.hessian_vector(x_, w, u); }), hv = attempt([&] { return s_.hessian_vector(x_, w, v); });
    if (hu.thrown || hv.thrown || hu.values.size() != u.size() || hv.values.size() != u.size()) {
      rule("second order", false, "the Hessian-vector product throws or has the wrong size", w);
      return;
    }
    if (!all_finite(hu.values) || !all_finite(hv.values)) return;
    const double size = dot_of_magnitudes(hv.values, u) + dot_of_magnitudes(hu.values, v);
    Values at(x_.size());
    const auto slope = [&](double t) {
      for (std::size_t i = 0; i < at.size(); ++i) at[i] = x_[i] + t * v[i];
      const Outcome g = attempt([&] { return s_.pullback(at, w); });
      return g.thrown || g.values.size() != u.size() ? nan : dot(g.values, u);
    };
    const double got = dot(hv.values, u);
    Finding f = finding(fmt::format("uᵀHv of {}", s_.name), place(w), got);
    // Apart: a Hessian that is symmetric may still be another function\'s.
    rule("symmetry", std::fabs(got - dot(hu.values, v)) <= 16 * s_.operations * unit * size + 8 * tiniest, "the Hessian is not symmetric: uᵀHv and vᵀHu differ", w);
    f.opinions.push_back(opinion_of(difference(slope, 0), got, 8 * s_.operations * unit * size + 8 * tiniest));
    f.opinions.back().oracle = "second order";
    f.verdict = judge(got, f.opinions);
    take_if_wrong(std::move(f));
  }

  const Subject& s_;
  const CheckOptions& options_;
  CheckResult& result_;
  std::vector<double>& limits_;
  Values x_, y_, gradient_;
  bool resolved_ = false;  // some difference could tell: else values say too little here for a path integral as well
  double scatter_ = 0;  // for the cotangent at hand
  /// What a factor that was rounded in the subnormal range may be off by, once it has been multiplied by an input or a constant.
  double least_ = 1e6 * tiniest * std::clamp(largest(x_), 1.0, 1e6);
  std::string regime_;
  Random random_;
  std::vector<Failure> failures_;
  std::vector<Evidence::Sample> samples_;
};

/// A simpler input and cotangent at which the check still fails.
class Shrinker {
 public:
  Shrinker(const Subject& subject, const CheckOptions& options) : subject_(subject), options_(options) {}

  std::string run(Values x, Values w) {
    if (!fails(x, w)) return {};
    for (double& v : w) try_all(v, {1.0, 0.0}, x, w);
    for (double& v : x) {
      const double tenth = std::pow(10, std::floor(std::log10(std::fabs(v))));
      try_all(v, {0.0, std::copysign(1.0, v), std::copysign(2.0, v), std::copysign(0.5, v), std::round(v), std::round(v / tenth) * tenth, std::round(v / tenth * 10) * tenth / 10}, x, w);
    }
    return fmt::format("x = {}{}", list(x), w.size() < 2 ? "" : ", cotangent = " + list(w));
  }

 private:
  void try_all(double& place, std::initializer_list<double> simpler, const Values& x, const Values& w) {
    const double before = place;
    for (const double v : simpler) {
      if (v == before) return;  // is as simple as that already
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
    std::vector<double> limits;
    Point(subject_, x, options_, result, limits, {}, options_.seed).check(w);
    return result.verdict == Verdict::fail;
  }
  const Subject& subject_;
  const CheckOptions& options_;
  int tries_ = 0;
};

void explain(CheckResult& result, const Subject& subject, const CheckOptions& options, Point& point, const std::vector<Evidence::Sample>& samples, std::string replay) {
  std::size_t shown = 0;
  for (const Point::Failure& failure : point.failures()) {
    if (failure.finding >= result.findings.size() || shown++ == 2) break;
    Finding& f = result.findings[failure.finding];
    const auto known = [](double v) { return std::isfinite(v); };
    if (std::any_of(failure.expected.begin(), failure.expected.end(), known))
      f.pattern = hypothesis({.x = point.x(), .cotangent = failure.cotangent, .got = failure.got, .expected = failure.expected, .contributions = point.contributions(failure.cotangent), .samples = samples});
    if (options.shrink && shown == 1 && point.x().size() <= 32) f.smallest = Shrinker(subject, options).run(point.x(), failure.cotangent);
    f.replay = replay;
  }
}

/// Things that this point could not have shown.
std::vector<std::string> advice_for(const Subject& subject, View x) {
  std::vector<std::string> advice;
  const auto name = [&](std::size_t i) { return i < subject.inputs.size() ? subject.inputs[i] : fmt::format("x[{}]", i); };
  const std::size_t few = x.size() <= 16 ? x.size() : 0;  // among many, some will be equal
  for (std::size_t i = 0; i < few && advice.empty(); ++i)
    for (std::size_t k = i + 1; k < few && advice.empty(); ++k)
      if (x[i] == x[k]) advice.push_back(fmt::format("{} and {} are equal: exchanging them in the gradient could not be seen", name(i), name(k)));
  const auto zero_or_one = [](double v) { return v == 0 || v == 1; };
  if (!x.empty() && std::all_of(x.begin(), x.end(), zero_or_one)) advice.push_back("every input is 0 or 1: a missing factor or power could not be seen");
  return advice;
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
void finish(CheckResult& result, std::vector<double>& limits, std::chrono::steady_clock::time_point start) {
  if (result.numbers == 0) result.verdict = Verdict::pass;
  if (!limits.empty()) {
    const auto middle = limits.begin() + static_cast<std::ptrdiff_t>(limits.size() / 2);
    std::nth_element(limits.begin(), middle, limits.end());
    result.detection_limit = *middle;
  }
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
  std::vector<double> limits;
  Point point(subject, x, options, result, limits, {}, options.seed);
  point.check();
  if (!result) explain(result, subject, options, point, point.samples(), {});
  result.advice = advice_for(subject, x);
  finish(result, limits, start);
  return result;
}

CheckResult check_everywhere(const Subject& subject, std::size_t inputs, const CheckOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  CheckResult result = started(subject, inputs);
  std::vector<double> limits;
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
    point.check();
    samples.insert(samples.end(), point.samples().begin(), point.samples().end());
    if (result.findings.size() > findings && result.findings.back().verdict >= Verdict::nondeterministic) ++failed;
    if (!worst && !point.failures().empty()) {
      worst.emplace(point);
      worst_index = k;
    }
    if (failed >= options.max_failures) break;
  }
  if (worst)
    explain(result, subject, options, *worst, samples,
            fmt::format("check_everywhere({}, {}, {{.seed = {:#x}, .points = {}, .only = {}}})", subject.name, inputs, options.seed, options.points, worst_index));
  finish(result, limits, start);
  return result;
}

}  // namespace gradus
