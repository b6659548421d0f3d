// The two oracles in 400 digits.
#include <ops/verify/opinions.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace gradus {
namespace {
/// The last place of a double of that size.
double unit_at(double size) { return std::isfinite(size) ? std::ldexp(1.0, std::max(std::ilogb(std::max(size, std::numeric_limits<double>::min())) - 52, -1074)) : size; }
double as_double(const BigFloat& x) { return static_cast<double>(x); }
}  // namespace

Opinion exact_opinion(const char* oracle, double got, const BigFloat& truth, const BigFloat& scale, double claim, Worst& worst, const std::string& where) {
  Opinion o{.oracle = oracle, .expected = nearest_double(truth), .bound = 0, .tolerance = 0, .note = {}};
  if (isnan(truth)) {
    o.note = "undefined";
    return o;
  }
  const double ulps = error_in_ulps(got, truth, scale);
  worst.take(ulps, where);
  const double unit = unit_at(std::max(std::fabs(o.expected), as_double(abs(scale))));
  o.bound = unit / 2;
  o.tolerance = claim * unit;
  o.verdict = ulps <= claim ? Verdict::pass : Verdict::fail;
  if (o.verdict == Verdict::fail) o.note = fmt::format("{:.3g} ulps off, claimed {}", ulps, claim);
  return o;
}

BigDifference big_difference(const std::function<BigFloat(const BigFloat&)>& change, double x) {
  // Smaller than the distance to a singularity at 0; large enough that 400 digits resolve the change even where the function has saturated.
  const BigFloat h = BigFloat(x != 0 && std::fabs(x) < 1 ? std::fabs(x) : 1.0) * BigFloat("1e-30");
  const BigFloat tiny = h * BigFloat("1e-20");
  const BigFloat centre = change(BigFloat(0)), up = change(h), down = change(BigFloat(-h));
  const BigFloat right = (up - centre) / h, left = (centre - down) / h, nearer = (change(tiny) - centre) / tiny;
  BigDifference d;
  if (!isfinite(right) || !isfinite(left) || !isfinite(nearer)) return d;
  const BigFloat size = std::max(BigFloat(abs(right)), BigFloat(abs(left)));
  const BigFloat rounding = (abs(up) + abs(down)) * BigFloat::epsilon() * 1000 / tiny;
  const bool vanishing = size < BigFloat("1e-25") && abs(nearer) <= size * BigFloat("1e-10");
  if (vanishing && rounding < size * BigFloat("1e-3")) {
    // A flat point: the slopes vanish with the step, and so does the derivative.
    d.bound = nearest_double(abs(nearer) + rounding);
    d.status = BigDifference::Status::smooth;
    return d;
  }
  // A slope that changes when the step shrinks further is not resolved: something happens on a smaller scale than the step.
  if (abs(right - nearer) > size * BigFloat("1e-12") + rounding) return d;
  d.left_slope = nearest_double(left);
  d.right_slope = nearest_double(right);
  d.value = (up - down) / (2 * h);
  // Beside a kink the slopes differ by the jump; elsewhere by h times the second derivative, which is next to nothing.
  const BigFloat gap = abs(right - left), bound = gap * BigFloat("1e-10") + rounding;
  d.bound = nearest_double(bound);
  if (gap > size * BigFloat("1e-12") && gap > 1000 * rounding) d.status = BigDifference::Status::kink;
  else if (bound <= size * BigFloat("1e-17") || (size == 0 && d.bound < 1e-300)) d.status = BigDifference::Status::smooth;
  return d;
}

Opinion opinion_of(const BigDifference& d, double got, double scale, double claim) {
  Opinion o{.oracle = "high precision", .expected = nearest_double(d.value), .bound = d.bound, .tolerance = 0, .note = {}};
  switch (d.status) {
    case BigDifference::Status::unknown:
      o.note = "not finite around the point, or beyond 400 digits";
      break;
    case BigDifference::Status::smooth:
      o.bound = std::max(d.bound, unit_at(std::fabs(o.expected)) / 2);
      o.tolerance = (claim + 1) * unit_at(std::max(std::fabs(o.expected), scale));
      break;
    case BigDifference::Status::kink: {
      const double low = std::min(d.left_slope, d.right_slope), high = std::max(d.left_slope, d.right_slope);
      const double slack = (claim + 1) * unit_at(std::max({std::fabs(low), std::fabs(high), scale}));
      o.expected = low / 2 + high / 2;
      o.bound = high / 2 - low / 2;
      o.tolerance = o.bound + slack;
      o.verdict = got >= low - slack && got <= high + slack ? Verdict::kink : Verdict::fail;
      o.note = fmt::format("a kink: slopes {} and {}", number_text(low), number_text(high));
      break;
    }
  }
  return o;
}

}  // namespace gradus
