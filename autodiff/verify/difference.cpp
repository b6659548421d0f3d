// The finite-difference estimator. Compiled with -ffp-contract=off: steps must be exact.
#include <autodiff/verify/difference.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace gradus {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon() / 2;
constexpr int levels = 5;

struct Tableau {
  bool finite = false;
  bool corner = false;  // not to be accepted as smooth
  bool steady = false;  // evidence of a kink
  bool limited_by_rounding = false;
  bool flat = true;  // the same value everywhere
  double value = 0, error = 0;
  double left_slope = 0, right_slope = 0;  // at the smallest step
  double noise = 0;                        // that rounding of f makes in a slope
};

class Estimator {
 public:
  Estimator(const std::function<double(double)>& f, double x, double centre, double magnitude, double scatter)
      : f_(f), x_(x), centre_(centre), magnitude_(std::max(std::fabs(centre), magnitude)), scatter_(scatter) {}

  Tableau tableau(double h) {
    Tableau t;
    std::array<double, levels> previous{}, row{};
    bool flat = true;
    double largest = magnitude_, smallest_gap = std::numeric_limits<double>::infinity();
    double first_jump = 0, last_jump = 0, jump_before = 0, jump_before_that = 0;
    for (int level = 0; level < levels; ++level, h /= 2) {
      const double up = f_(x_ + h), down = f_(x_ - h);
      evaluations_ += 2;
      if (!std::isfinite(up) || !std::isfinite(down)) return t;
      largest = std::max({largest, std::fabs(up), std::fabs(down)});
      t.flat = t.flat && up == centre_ && down == centre_;
      flat = flat && up == centre_ && down == centre_;
      t.right_slope = (up - centre_) / h;
      t.left_slope = (centre_ - down) / h;
      jump_before_that = jump_before;
      jump_before = last_jump;
      last_jump = std::fabs(t.right_slope - t.left_slope);
      if (level == 0) first_jump = last_jump;
      row[0] = (up - down) / (2 * h);
      double factor = 1;
      for (int k = 1; k <= level; ++k) {
        factor *= 4;
        const auto i = static_cast<std::size_t>(k);
        row[i] = (factor * row[i - 1] - previous[i - 1]) / (factor - 1);
        const double gap = std::max(std::fabs(row[i] - row[i - 1]), std::fabs(row[i] - previous[i - 1]));
        if (gap <= smallest_gap) {
          smallest_gap = gap;
          t.value = row[i];
        }
      }
      previous = row;
    }
    const double noise = (epsilon * largest + std::numeric_limits<double>::denorm_min()) / (2 * h);  // h has been halved once more: 2h is the smallest step
    t.finite = std::isfinite(t.value) && (largest == 0 || largest / h >= 1e-305);  // quotients that are all rounded to 0 agree with each other
    t.noise = noise;
    t.error = smallest_gap + 8 * noise + 8 * scatter_ / (2 * h);
    if (flat) t.error += 8 * epsilon / (2 * h);  // log(1 - 1e-20) is 0 all around: of what was rounded away, the value shows nothing
    t.limited_by_rounding = smallest_gap < 64 * noise;
    // The slopes of a smooth function close up in proportion to h, those of a corner do not.
    t.corner = last_jump > 0.3 * first_jump && first_jump > 1e-10 * std::max(std::fabs(t.left_slope), std::fabs(t.right_slope)) && first_jump > 64 * noise;
    // Where the first steps reach over a second corner, the jump falls to that of the nearest one, and then stays.
    // A jump that grows is not resolved yet: no reason to accept, nor evidence of a corner.
    const auto stays = [](double a, double b) { return a > 0.75 * b; };
    const auto alike = [&](double a, double b) { return stays(a, b) && stays(b, a); };
    const bool large = last_jump > 64 * noise && last_jump > 1e-10 * std::max(std::fabs(t.left_slope), std::fabs(t.right_slope));
    t.steady = t.corner || (large && alike(last_jump, jump_before) && alike(jump_before, jump_before_that));
    t.corner = t.corner || (large && stays(last_jump, jump_before) && stays(jump_before, jump_before_that));
    // A corner too small to be told from curvature: a slope of 1 beside one of 1 - 1e-11. The one-sided slopes are as good as their mean.
    if (!t.corner && last_jump > 0.3 * first_jump && first_jump > 64 * noise) t.error += last_jump;
    return t;
  }
  [[nodiscard]] int evaluations() const { return evaluations_; }

 private:
  const std::function<double(double)>& f_;
  double x_, centre_, magnitude_, scatter_;
  int evaluations_ = 0;
};

}  // namespace

Difference difference(const std::function<double(double)>& f, double x, const Domain& domain, double magnitude, double scatter) {
  Difference d;
  if (!std::isfinite(x) || !domain.contains(x)) return d;
  const double centre = f(x);
  if (!std::isfinite(centre)) return d;
  Estimator estimator(f, x, centre, magnitude, scatter);

  const double scale = std::exp2(std::floor(std::log2(std::max(std::fabs(x), 1.0))));
  const double first = std::exp2(std::floor(std::log2(std::min({scale / 8, (x - domain.low) / 4, (domain.high - x) / 4}))));
  const double smallest = std::min(1e-11 * scale, first / 256);
  Tableau coarse;
  bool have_coarse = false, corner_to_the_end = false, sloped = false;
  double last_corner = 0;
  double power = first;
  for (bool odd = false; power >= smallest && power > 0; power /= 4, odd = !odd) {
    // Every other step has many digits, or a function of period 1 would look constant, and floor(x) at large x like x.
    volatile const double beside = x + power * (0.81372549 / 16);
    const double h = odd ? 16 * (beside - x) : power;
    volatile const double nearest = x + h / 16;
    const double off = std::fabs((nearest - x) - h / 16);
    if (off > 1e-11 * h) break;  // the steps would not be what they seem
    Tableau fine = estimator.tableau(h);
    fine.error += 64 * off / h * std::max(std::fabs(fine.left_slope), std::fabs(fine.right_slope));
    if (!fine.corner && corner_to_the_end && 64 * fine.noise >= last_corner) break;  // it is still there, below the noise
    // A corner stays where it is when the step shrinks; what merely is not resolved looks different at every step.
    const double jump = std::fabs(fine.right_slope - fine.left_slope);
    const bool same_slopes = std::fabs(fine.left_slope - d.left_slope) <= 0.1 * jump && std::fabs(fine.right_slope - d.right_slope) <= 0.1 * jump;
    d.left_slope = fine.left_slope;
    d.right_slope = fine.right_slope;
    d.error = 4 * fine.noise;
    corner_to_the_end = fine.finite && fine.steady && same_slopes;
    if (fine.corner) last_corner = jump;
    if (!fine.finite || fine.corner) {
      d.near_kink = d.near_kink || fine.corner;
      have_coarse = false;
      continue;
    }
    sloped = sloped || std::fabs(fine.value) > 4 * fine.error;
    const double gap = std::fabs(fine.value - coarse.value);
    // A function whose rounding comes from larger numbers inside is flat below some step, and not where it can be seen.
    const bool stair = sloped && fine.flat && coarse.flat;
    if (have_coarse && !stair && gap <= coarse.error + fine.error) {
      const bool coarse_is_better = coarse.error < fine.error;
      const double value = coarse_is_better ? coarse.value : fine.value;
      // A jump of the second derivative inside the stencil can make two tableaux agree by accident: only rounding may be trusted to be small.
      const bool smooth = coarse.limited_by_rounding && fine.limited_by_rounding;
      const double error = std::max(smooth ? std::min(coarse.error, fine.error) : coarse.error + fine.error, gap);
      if (std::isfinite(error) && (smooth || error <= 1e-6 * std::fabs(value))) {  // two wide intervals agree by accident, too
        d.value = value;
        d.error = error;
        d.status = DifferenceStatus::accepted;
        break;
      }
    }
    coarse = fine;
    have_coarse = true;
  }
  if (d.status != DifferenceStatus::accepted && corner_to_the_end) d.status = DifferenceStatus::kink;
  if (d.status == DifferenceStatus::inconclusive) d.error = std::numeric_limits<double>::infinity();
  d.evaluations = estimator.evaluations() + 1;
  return d;
}

Opinion opinion_of(const Difference& d, double got, double rounding) {
  Opinion o{.oracle = "difference", .expected = d.value, .bound = d.error, .tolerance = 4 * d.error + rounding, .note = {}};
  if (d.status == DifferenceStatus::kink) {
    const double low = std::min(d.left_slope, d.right_slope), high = std::max(d.left_slope, d.right_slope), slack = 1e-3 * (high - low) + d.error + rounding;  // the point may lie a little beside the kink
    o.expected = (low + high) / 2;
    o.bound = (high - low) / 2;
    o.verdict = got >= low - slack && got <= high + slack ? Verdict::kink : Verdict::fail;
    o.note = fmt::format("a kink: slopes {} and {}", number_text(d.left_slope), number_text(d.right_slope));
    o.tolerance = o.bound + slack;
  } else if (d.status == DifferenceStatus::inconclusive) {
    o.note = "no step size gave a consistent slope";
  } else if (got == 0 && std::fabs(d.value) <= d.error) {
    o.verdict = Verdict::pass;  // both say that there is none
  } else if (d.error > 0.1 * std::fabs(d.value) && d.error > 1e-6 * std::fabs(got)) {
    o.note = "its error bound is larger than a tenth of the derivative";  // what has no digit right may be off by more: values that jump
  } else if (d.error > 1e-3 * std::fabs(d.value) && (std::isinf(got) || std::fabs(got - d.value) <= o.tolerance)) {
    o.note = "its error bound is larger than 1e-3 of the derivative";
  }
  return o;
}

}  // namespace gradus
