// One point at which the ladder judges one subject: every rung is a member, and lies in the source of its group.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <autodiff/error.hpp>
#include <autodiff/verify/difference.hpp>
#include <autodiff/verify/hypothesis.hpp>
#include <autodiff/verify/ladder.hpp>
#include <autodiff/verify/random.hpp>

namespace gradus::detail {

using Values = Subject::Values;
using View = Subject::View;

inline constexpr double unit = std::numeric_limits<double>::epsilon() / 2;
inline constexpr double tiniest = std::numeric_limits<double>::denorm_min();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

inline bool same_bits(View a, View b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double u, double v) { return std::bit_cast<std::uint64_t>(u) == std::bit_cast<std::uint64_t>(v); });
}
inline bool all_finite(View v) {
  return std::all_of(v.begin(), v.end(), [](double u) { return std::isfinite(u); });
}
inline double dot(View a, View b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == 0 || b[i] == 0 ? 0 : a[i] * b[i];
  return sum;
}
inline double dot_of_magnitudes(View a, View b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == 0 || b[i] == 0 ? 0 : std::fabs(a[i] * b[i]);
  return sum;
}
inline double largest(View v) {
  double most = 0;
  for (const double u : v) most = std::max(most, std::fabs(u));
  return most;
}
inline double power_of_2_below(double x) { return std::exp2(std::floor(std::log2(x))); }

inline constexpr double least_weight = 0.5;
/// A random sign and a magnitude in [½, 1½] of few bits: never all ones, never of one sign only, and exact when doubled.
inline double random_weight(Random& random) { return random.sign() * static_cast<double>(32 + random.below(64)) / 64; }
inline Values random_weights(Random& random, std::size_t n) {
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

inline std::string list(View v, std::size_t most = 8) {
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(v.size(), most); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", number_text(v[i]));
  return text + (v.size() > most ? fmt::format(", … {} numbers]", v.size()) : "]");
}

/// Checks one subject at one point; findings go into the result.
class Point {
 public:
  Point(const Subject& subject, View x, const CheckOptions& options, CheckResult& result, DetectionLimits& limits, std::string regime, std::uint64_t seed)
      : s_(subject), options_(options), result_(result), limits_(limits), x_(x.begin(), x.end()), regime_(std::move(regime)), random_(seed) {}

  /// All rungs. `given` is the cotangent to use instead of a random one; none if empty. Throws ShapeError when its size is not that of the results.
  void check(const Values& given);
  /// Lets the result say where the nearest kink is; to be called before check.
  void find_nearest_kink() { finds_nearest_kink_ = true; }

  struct Failure {
    std::size_t finding;
    Values cotangent, got, expected;
    std::size_t entry;
  };
  [[nodiscard]] const std::vector<Failure>& failures() const { return failures_; }
  [[nodiscard]] const std::vector<Evidence::Sample>& samples() const { return samples_; }
  [[nodiscard]] const Values& x() const { return x_; }
  /// Every entry was judged, and none can be told from 0.
  [[nodiscard]] bool is_stationary() const { return judged_ > 0 && told_from_zero_ == 0 && x_.size() <= options_.directional_above; }
  /// The results' contributions to the right gradient, as far as they can be had at a moderate price.
  std::vector<Values> contributions(View w);

 private:
  [[nodiscard]] std::string name(std::size_t i) const { return i < s_.inputs.size() ? s_.inputs[i] : fmt::format("x[{}]", i); }
  [[nodiscard]] std::string place() const;
  [[nodiscard]] std::string place(View w) const { return y_.size() < 2 ? place() : place() + ", cotangent " + list(w); }
  Finding finding(std::string quantity, std::string where, double got) const;

  /// A rule that holds or does not hold.
  void rule(const char* which, bool holds, const std::string& message, View w, Verdict broken = Verdict::fail);
  /// For what is no entry of the gradient: agreement is counted, but says nothing of the single entries.
  void take_if_wrong(Finding f);

  [[nodiscard]] double value_along(const Values& at, View w) const;
  Outcome pull(View w) const;

  // ---- forward: values, exceptions, determinism
  bool forward();
  /// Whether values have no more digits than a float, here and at points whose coordinates have more.
  [[nodiscard]] bool is_float_code() const;

  // ---- structure: what holds of every pullback
  bool structure(const Values& w);
  /// What is kept from one call to the next: the gradient must not depend on the calls before it.
  void memory(const Values& w);
  /// Zero, scaled and added cotangents.
  void linearity(const Values& w);
  /// Results that nothing depends on contribute nothing, and leave what the others contribute alone.
  void unused(const Values& w);
  /// A buffer that is not empty.
  void buffer(const Values& w);
  /// Between record and sweep the input is overwritten, and another point recorded; and a second sweep.
  void record(const Values& w);
  /// Equal but for rounding of numbers of that size.
  [[nodiscard]] bool alike(View a, View b, View scale) const;

  /// What each entry of the gradient is made of, as far as witnesses say so: where it cancels, far more than is left. Expensive: asked where something looks wrong.
  [[nodiscard]] Values term_sizes(View w) const;
  /// What each entry of the gradient may be made of, by its rows.
  Values sizes(View w, View g, double floor) const;

  // ---- numbers: entry by entry, or along directions
  struct Kink { std::size_t input; int convexity; };
  /// A gradient under judgement: for which cotangent, what the witnesses say, what rounding of the inputs does to it, the kinks that were met.
  struct Judged {
    const Values& w;
    const Values& g;
    std::vector<std::pair<std::string, Subject::Expected>> expected = {};
    Values spread = {};
    std::vector<Kink> kinks = {};
    bool finite = true, main = true;
  };
  void numbers(const Values& w, bool main);
  void judge_entry(Judged& judged, std::size_t i, bool differences);
  [[nodiscard]] Opinion difference_opinion(Judged& judged, std::size_t i);
  /// Of many inputs: along random directions; where these cannot tell, some entries one by one; where one fails, the entry.
  void judge_directions(Judged& judged);
  /// One wrong entry among those that a failing direction moves.
  void narrow(Judged& judged, const Values& d);

  /// How far neighbouring values scatter around `centre`, where that is more than their own rounding: log(1 + exp(-40)) has no digits left.
  double scatter(const Values& centre, View w) const;

  Difference derivative(std::size_t i, View w) const;
  /// Where several kinks meet, a piece beside x may have a slope that lies outside of those along the line: -relu(x) + 3 relu(y - x) at 0, whose
  /// gradient is 0 by convention. What is the slope of some piece, or lies between those of two, is no mistake.
  void accept_a_piece(Opinion& o, const Values& d, const Values& w, double got);
  struct PieceSlope { double slope, error; };
  /// The slope along d that a random piece beside x has where it meets x.
  std::optional<PieceSlope> slope_of_piece(const Values& d, const Values& w);
  /// How far x may move along d.
  [[nodiscard]] Domain range_along(const Values& d) const;
  /// The slope of the function along d, as far as d stays in the domain.
  [[nodiscard]] Difference slope_along(const Values& d, View w) const;
  /// `convexity` is that of the kink at x, 0 if it is neither convex nor concave: then only smooth directions count.
  Verdict along(const std::string& what, const Values& d, const Values& w, View g, int convexity);
  /// At a kink every entry may be anything between its slopes; together they must also fit the slopes along other directions.
  void subdifferential(const Values& w, View g, const std::vector<Kink>& kinks);

  /// Another input has the same value: a median of equal numbers has slope 0 along every axis, and a gradient that is not 0.
  [[nodiscard]] bool is_tied(std::size_t i) const { return std::count(x_.begin(), x_.end(), x_[i]) > 1; }

  /// Only tiny steps agree, beside a kink: the rounding of values as large as those at ordinary steps, which may be terms that cancel here, would make
  /// so small an error of the slope.
  [[nodiscard]] bool hides_digits(std::size_t i, View w, const Difference& d, double error) const;

  /// The function rounds this input, as floor does: beyond a few hundred its values do not show its slope.
  [[nodiscard]] bool is_rounded(std::size_t i, View w) const;
  [[nodiscard]] bool rounds_an_input(View w) const;
  /// The function oscillates along this input, which is so large that differences see the average alone.
  [[nodiscard]] bool is_beyond_periods(std::size_t i, View w) const;
  [[nodiscard]] bool is_beyond_periods(View w) const;
  /// The function along this input, where the others are of ordinary size.
  [[nodiscard]] std::function<double(double)> along_input(std::size_t i, View w) const;

  /// How far a last place of the inputs moves the gradient: what the rounding inside the function may do to it as well.
  Values rounding_of_inputs(View w, View g);

  /// The entry as the oracles see it: a witness, or else the difference; NaN where nobody can tell.
  double truth(std::size_t i, View w) const;

  void note(const Finding& f, const Values& w, const Values& g, std::size_t i);

  // ---- forward mode: <Jv, w> = <v, Jᵀw>
  void forward_mode(const Values& w);

  // ---- path integral: f(b) - f(a) is the integral of the gradient along the way
  void path_integral(const Values& w);
  /// The slope along the path, at some places on it, is that of the pullback.
  bool agrees_along(const Values& d, const Values& w) const;
  /// What is missing on the path is missing at single places of it.
  [[nodiscard]] bool runs_over_jumps(const Values& d, const Values& w) const;
  /// What is missing on this piece of the path is all missing on a small part of it: the value jumps there, or the slope does.
  bool is_jump(const Values& d, const Values& w, double from, double to) const;
  struct Integral { double sum = 0, change = 0, bound = 0, magnitude = 0; bool finite = true; };
  Integral integral(const Values& d, const Values& w, double from, double to) const;

  // ---- second order: uᵀ(Hv) = vᵀ(Hu), and Hv against differences of the gradient
  void second_order(const Values& w);
  /// Without a Hessian product: the gradient changes as that of a function does, the slope of v·g along u being that of u·g along v.
  void symmetry(const Values& w);
  /// What the first derivative (with a Hessian product: the second as well) leaves of f falls with the square (cube) of the step.
  void taylor(const Values& w);

  /// An input whose relative steps are rounded too much.
  [[nodiscard]] bool has_tiny_input() const {
    return std::any_of(x_.begin(), x_.end(), [](double v) { return v != 0 && std::fabs(v) < 1e-290; });
  }

  const Subject& s_;
  const CheckOptions& options_;
  CheckResult& result_;
  DetectionLimits& limits_;
  Values x_, y_, gradient_;
  bool resolved_ = false;  // some difference could tell: else values say too little here for a path integral as well
  double unit_ = unit;     // of rounding: of double, or of float where the code is in float
  std::size_t judged_ = 0, told_from_zero_ = 0;  // entries
  bool smooth_ = true;     // no kink was met
  bool finds_nearest_kink_ = false;
  double scatter_ = 0;  // for the cotangent at hand
  Values seen_;  // the largest error of each entry that nobody would have seen, for the first cotangent; infinite where nobody could tell
  /// What a factor that was rounded in the subnormal range may be off by, once it has been multiplied by an input or a constant.
  double least_ = 1e6 * tiniest * std::clamp(largest(x_), 1.0, 1e6);
  std::string regime_;
  Random random_;
  std::vector<Failure> failures_;
  std::vector<Evidence::Sample> samples_;
};

}  // namespace gradus::detail
