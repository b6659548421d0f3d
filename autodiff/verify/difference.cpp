// The finite-difference estimator. Compiled with -ffp-contract=off: steps must be exact.
#include <autodiff/verify/difference.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

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
  bool flat = true;    // the same value everywhere
  bool sloped = false;  // on both sides the value moves in proportion to the step
  bool stops = false;   // it moves, but not with the smallest steps
  bool rough = false;   // slopes on both sides part the more the smaller the step: values jump
  double grain = 0;     // the smallest move where both sides move; 0 if they do not
  double value = 0, error = 0;
  double left_slope = 0, right_slope = 0;  // at the smallest step
  double jump = 0;                         // that of the slope at a corner
  double noise = 0;                        // that rounding of f makes in a slope
  double unseen_jump = 0;                  // a smaller one is not told from none
  double step = 0;                         // the largest
};

/// All of one sign, and none more than a third larger than another.
bool alike_slopes(std::initializer_list<double> slopes) {
  const auto [low, high] = std::minmax(slopes);
  return (low > 0 && high <= 1.3 * low) || (high < 0 && low >= 1.3 * high);
}

/// Jumps of the slope by steps that halve, extrapolated to a step of 0 in odd powers: from the last four, and from those before them.
std::pair<double, double> limits_of(std::array<double, levels> jumps) {
  double factor = 2;
  for (int order = 1; order < levels - 1; ++order, factor *= 4)
    for (std::size_t i = 0; i + static_cast<std::size_t>(order) < levels; ++i) jumps[i] = (factor * jumps[i + 1] - jumps[i]) / (factor - 1);
  return {jumps[1], jumps[0]};
}

class Estimator {
 public:
  Estimator(const std::function<double(double)>& f, double x, double centre, double magnitude, double scatter)
      : f_(f), x_(x), centre_(centre), magnitude_(std::max(std::fabs(centre), magnitude)), scatter_(scatter) {}

  /// Whether the slope near x may be another one than `d`, seen by steps of h: a look before a tableau.
  bool contradicts(const Difference& d, double h) {
    const auto slope = [&](double step) { return (f_(x_ + step) - f_(x_ - step)) / (2 * step); };
    evaluations_ += 4;
    const double wide = slope(h), narrow = slope(h / 2), noise = 16 * (epsilon * magnitude_ + scatter_) / h;
    nearby_slope = narrow;
    return wide != 0 && narrow != 0 && std::min(std::fabs(wide - d.value), std::fabs(narrow - d.value)) > noise + 4 * d.error + 2 * std::fabs(wide - narrow);
  }
  Tableau tableau(double h) {
    Tableau t;
    std::array<double, levels> previous{}, row{}, jumps{};
    bool flat = true;
    double one_step = 0;  // -1: there are several
    double largest = magnitude_, smallest_gap = std::numeric_limits<double>::infinity();
    double first_jump = 0, last_jump = 0, jump_before = 0, jump_before_that = 0, last_right = 0, last_left = 0;
    for (int level = 0; level < levels; ++level, h /= 2) {
      const Beside values = beside(h);
      const double up = values.up, down = values.down;
      if (!std::isfinite(up) || !std::isfinite(down)) return t;
      if (level == levels - 1) before_last_ = std::exchange(last_, values);
      largest = std::max({largest, std::fabs(up), std::fabs(down)});
      t.flat = t.flat && up == centre_ && down == centre_;
      flat = flat && up == centre_ && down == centre_;
      const double right = std::fabs(up - centre_), left = std::fabs(centre_ - down);
      t.stops = right == 0 && left == 0;
      if (right != 0 && left != 0) t.grain = t.grain == 0 ? std::min(right, left) : std::min({t.grain, right, left});
      // On one side only: a kink, unless all moves are the same step.
      if (const double move = std::max(right, left); move != 0 && right * left == 0) {
        one_step = one_step == 0 || one_step == move ? move : -1;
      }
      t.right_slope = (up - centre_) / h;
      t.left_slope = (centre_ - down) / h;
      jump_before_that = jump_before;
      jump_before = last_jump;
      jumps[static_cast<std::size_t>(level)] = t.right_slope - t.left_slope;
      last_jump = std::fabs(t.right_slope - t.left_slope);
      if (level > 0) t.sloped = t.sloped || alike_slopes({t.right_slope, t.left_slope, last_right, last_left});
      last_right = t.right_slope;
      last_left = t.left_slope;
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
    t.stops = t.stops && !t.flat;
    if (t.stops && t.grain == 0 && one_step > 0) t.grain = one_step;
    const double noise = (epsilon * largest + std::numeric_limits<double>::denorm_min()) / (2 * h);  // h has been halved once more: 2h is the smallest step
    t.finite = std::isfinite(t.value) && (flat || largest / h >= 1e-305);  // quotients that are all rounded to 0 agree with each other
    t.noise = noise;
    t.unseen_jump = 512 * noise + 32 * scatter_ / h;
    t.error = smallest_gap + 8 * noise + 8 * scatter_ / (2 * h);
    if (flat || t.stops) t.error += 8 * epsilon / (2 * h);  // log(1 - 1e-20) is 0 all around: of what was rounded away, the value shows nothing
    t.limited_by_rounding = smallest_gap <= 64 * noise;
    // The slopes of a smooth function close up in proportion to h, those of a corner do not.
    t.corner = last_jump > 0.3 * first_jump && first_jump > 1e-10 * std::max(std::fabs(t.left_slope), std::fabs(t.right_slope)) && first_jump > 64 * noise;
    t.rough = last_jump > 4 * first_jump && last_jump > 256 * noise;
    // Where the first steps reach over a second corner, the jump falls to that of the nearest one, and then stays.
    // A jump that grows is not resolved yet: no reason to accept, nor evidence of a corner.
    const auto stays = [](double a, double b) { return a > 0.75 * b; };
    const auto alike = [&](double a, double b) { return stays(a, b) && stays(b, a); };
    const bool large = last_jump > 64 * noise && last_jump > 1e-10 * std::max(std::fabs(t.left_slope), std::fabs(t.right_slope));
    t.steady = t.corner || (large && alike(last_jump, jump_before) && alike(jump_before, jump_before_that));
    t.corner = t.corner || (large && stays(last_jump, jump_before) && stays(jump_before, jump_before_that));
    t.jump = last_jump;
    // A corner that curvature hides, as the |x| / 1000 of a regularised loss: of a smooth function, what is left of the jump at a step of 0 is nothing.
    if (const auto [hidden, before] = limits_of(jumps); !t.corner && std::fabs(hidden) > t.unseen_jump) {
      if (std::fabs(hidden - before) <= 0.1 * std::fabs(hidden) && std::fabs(hidden) > 1e-10 * std::max(std::fabs(t.left_slope), std::fabs(t.right_slope))) t.corner = true, t.jump = std::fabs(hidden);
      else t.error += std::min(std::fabs(hidden), last_jump);  // what happens at the larger steps alone is left behind
    }
    // A corner too small to be told from curvature: a slope of 1 beside one of 1 - 1e-11. The one-sided slopes are as good as their mean.
    if (!t.corner && last_jump > 0.3 * first_jump && first_jump > 64 * noise) t.error += last_jump;
    return t;
  }
  [[nodiscard]] int evaluations() const { return evaluations_; }
  double nearby_slope = 0;  // what `contradicts` saw

 private:
  struct Beside { double step = 0, up = 0, down = 0; };
  Beside beside(double step) {
    if (step == before_last_.step) return before_last_;  // a tableau begins where the one before the last has ended
    evaluations_ += 2;
    return {step, f_(x_ + step), f_(x_ - step)};
  }
  const std::function<double(double)>& f_;
  double x_, centre_, magnitude_, scatter_;
  Beside last_, before_last_;  // the smallest steps of two tableaux
  int evaluations_ = 0;
};

/// What the steps from `first` down to `smallest` tell; to be called again with smaller ones where they tell too little.
class Search {
 public:
  /// `flat_counts`: values that stand still mean a slope of 0.
  Search(Estimator& estimator, double x, bool flat_counts) : estimator_(&estimator), x_(x), flat_counts_(flat_counts) {}

  /// True when two tableaux agree.
  bool run(double first, double smallest) {
    have_coarse_ = false;
    for (double power = first; power >= smallest && power > 0; power /= 4) {
      auto made = tableau_of(power);
      if (!made) break;
      Tableau& fine = *made;
      if (!fine.corner && corner_to_the_end && 64 * fine.noise >= last_corner_) break;  // it is still there, below the noise
      since_rough_ = fine.finite && fine.rough ? 0 : since_rough_ + 1;
      if (since_rough_ == 0) rough_bend_ = std::max(rough_bend_, fine.jump / fine.step), d.rough_step = fine.step;
      // Values that moved with the step, and now stand still: smaller steps only see how f is rounded.
      if (sloped_ && fine.flat && fine.finite) return use_large_steps();
      if (!fine.finite) grain_ = std::numeric_limits<double>::infinity();  // beside a pole or the end of the domain a flat place means nothing
      else if (fine.grain > 0) grain_ = grain_ == 0 ? fine.grain : std::min(grain_, fine.grain);
      if (fine.flat && grain_ > 0) fine.error += 4 * grain_ / fine.step;
      if ((fine.stops && fine.grain > 0) || (fine.flat && !flat_counts_)) {  // small steps only see the grain
        have_coarse_ = false;
        continue;
      }
      // A corner stays where it is when the step shrinks; what merely is not resolved looks different at every step.
      const double jump = std::fabs(fine.right_slope - fine.left_slope);
      const bool same_slopes = std::fabs(fine.left_slope - d.left_slope) <= 0.1 * jump && std::fabs(fine.right_slope - d.right_slope) <= 0.1 * jump;
      d.left_slope = fine.left_slope;
      d.right_slope = fine.right_slope;
      d.error = 4 * fine.noise;
      corner_to_the_end = fine.finite && fine.steady && same_slopes;
      if (fine.corner) last_corner_ = fine.jump;
      else if (2 * fine.unseen_jump >= last_corner_) fine.error += last_corner_;  // whether it has been left behind cannot be told
      if (!fine.finite || fine.corner) {
        d.near_kink = d.near_kink || fine.corner;
        have_coarse_ = false;
        continue;
      }
      sloped_ = sloped_ || fine.sloped;
      if (have_coarse_ && agree(fine)) {
        d.rough = since_rough_ <= 8 && !is_bent(fine);
        step = fine.step;
        d.step = step;
        if (4 * step < first) d.rejected = first;
        refine(fine, power);
        return true;
      }
      coarse_ = fine;
      have_coarse_ = true;
    }
    return false;
  }

  Difference d;
  bool corner_to_the_end = false;
  double step = 0;  // that of the last tableau, once two agreed

 private:
  /// Nothing when the steps would not be what they seem.
  std::optional<Tableau> tableau_of(double power) {
    // Every other step has many digits, or a function of period 1 would look constant, and floor(x) at large x like x.
    volatile const double beside = x_ + power * (0.81372549 / 16);
    const double h = odd_ ? 16 * (beside - x_) : power;
    odd_ = !odd_;
    volatile const double nearest = x_ + h / 16;
    const double off = std::fabs((nearest - x_) - h / 16);
    if (off > 1e-11 * h) return std::nullopt;
    Tableau t = estimator_->tableau(h);
    t.step = h;
    t.error += 64 * off / h * std::max(std::fabs(t.left_slope), std::fabs(t.right_slope));
    return t;
  }
  bool agree(const Tableau& fine) {
    const double gap = std::fabs(fine.value - coarse_.value);
    if (!fine.flat && !coarse_.flat && gap < best_gap_) {
      best_gap_ = gap;
      best_value_ = coarse_.value;
      best_error_ = coarse_.error;
    }
    const auto found = agreement(coarse_, fine);
    smooth_ = found && found->smooth;
    return found && accept(found->value, found->error);
  }
  /// Whether curvature, the same for both that agree, accounts for what looked rough, as that of a narrow peak does. Not at small steps:
  /// what cancellation leaves, as in (1 - cos x) / x^2 at 1e-7, may be curved as much between two jumps.
  [[nodiscard]] bool is_bent(const Tableau& fine) const {
    const double bend = fine.jump / fine.step, bend_before = coarse_.jump / coarse_.step;
    return since_rough_ >= 2 && fine.step > 0x1p-13 * std::max(std::fabs(x_), 1.0) && std::fabs(bend - bend_before) <= 0.3 * bend && rough_bend_ <= 2 * bend && !coarse_.limited_by_rounding;
  }
  struct Agreement { double value, error; bool smooth; };
  static std::optional<Agreement> agreement(const Tableau& coarse, const Tableau& fine) {
    const double gap = std::fabs(fine.value - coarse.value);
    if (!(gap <= coarse.error + fine.error)) return std::nullopt;
    const double value = coarse.error < fine.error ? coarse.value : fine.value;
    // A jump of the second derivative inside the stencil can make two tableaux agree by accident: only rounding may be trusted to be small.
    const bool smooth = coarse.limited_by_rounding && fine.limited_by_rounding;
    const double error = std::max(smooth ? std::min(coarse.error, fine.error) : coarse.error + fine.error, gap);
    if (!std::isfinite(error) || !(smooth || error <= 1e-6 * std::fabs(value))) return std::nullopt;  // two wide intervals agree by accident, too
    return Agreement{value, error, smooth};
  }
  /// The steps that agree first may be wide: their bound is that of what extrapolation leaves. Of smaller ones that agree as well it is that of rounding.
  void refine(Tableau coarse, double power) {
    for (int k = 0; k < 2 && !smooth_ && !coarse.flat && estimator_->evaluations() < 60 && d.error > 1e-9 * std::fabs(d.value); ++k) {
      const auto fine = tableau_of(power /= 4);
      if (!fine || !fine->finite || fine->corner || fine->flat || fine->stops || fine->rough || (last_corner_ > 0 && 2 * fine->unseen_jump >= last_corner_)) return;
      const auto found = agreement(coarse, *fine);
      if (found && found->error < d.error && std::fabs(found->value - d.value) <= d.error + found->error) smooth_ = found->smooth, accept(found->value, found->error);
      coarse = *fine;
    }
  }
  /// Of a function that is rounded more coarsely than its values show: its grain hides slopes from small steps.
  bool use_large_steps() {
    d.near_kink = false;
    corner_to_the_end = false;
    const double error = 4 * best_gap_ + best_error_ + 1e-9 * std::fabs(best_value_);
    d.grain = true;
    return std::isfinite(error) && error <= 1e-3 * std::fabs(best_value_) && accept(best_value_, error);
  }
  bool accept(double value, double error) {
    d.value = value;
    d.error = error;
    d.status = DifferenceStatus::accepted;
    return true;
  }

  Estimator* estimator_;
  double x_;
  bool flat_counts_;
  Tableau coarse_;
  bool have_coarse_ = false, sloped_ = false, odd_ = false, smooth_ = false;
  int since_rough_ = 100;  // tableaux ago
  double rough_bend_ = 0;  // the change of the slope by the step there
  double last_corner_ = 0, grain_ = 0, best_gap_ = std::numeric_limits<double>::infinity(), best_value_ = 0, best_error_ = 0;
};

}  // namespace

Difference difference(const std::function<double(double)>& f, double x, const Domain& domain, double magnitude, double scatter) {
  Difference nothing;
  if (!std::isfinite(x) || !domain.contains(x)) return nothing;
  const double centre = f(x);
  if (!std::isfinite(centre)) return nothing;
  Estimator estimator(f, x, centre, magnitude, scatter);
  Search search(estimator, x, true);

  const auto power_of_2 = [](double v) { return std::exp2(std::floor(std::log2(v))); };
  const double scale = power_of_2(std::max(std::fabs(x), 1.0));
  const double first = power_of_2(std::min({scale / 8, (x - domain.low) / 4, (domain.high - x) / 4}));
  search.run(first, std::min(1e-11 * scale, first / 256));
  // An x far below 1 may be the scale of f: 1/x at 1e-10, the distance of two points that are as near.
  if (const double own = power_of_2(std::fabs(x)) / 8; x != 0 && own < first * 0x1p-10 && own > 1e-300 && !(search.d.status == DifferenceStatus::accepted && search.step < 64 * own)) {
    const bool accepted = search.d.status == DifferenceStatus::accepted;
    const bool contradicts = estimator.contradicts(search.d, own) && accepted;
    const bool says_nothing = accepted && search.d.error > 0.1 * std::fabs(search.d.value);
    if (contradicts || says_nothing || (!accepted && !search.corner_to_the_end)) {
      Search nearby(estimator, x, false);
      const bool found = nearby.run(own, own * 0x1p-8) && std::fabs(nearby.d.value - estimator.nearby_slope) <= 0.2 * std::fabs(nearby.d.value);
      if (contradicts && !found) nearby.d = {};
      const bool says_more = !says_nothing || contradicts || (nearby.d.error < 1e-3 * std::fabs(nearby.d.value) && std::fabs(nearby.d.value - search.d.value) <= search.d.error + nearby.d.error);
      if ((found && says_more) || contradicts) search = nearby;
    }
  }
  Difference& d = search.d;
  // At a large x a function may move in steps of about 1, and look smooth from afar.
  if (scale >= 0x1p12 && d.status == DifferenceStatus::accepted && search.step > 16 && std::isfinite(f(x - 0.375)) && std::isfinite(f(x + 0.375)) && domain.contains(x - 0.375) && domain.contains(x + 0.375) && estimator.contradicts(d, 0.1875)) d.status = DifferenceStatus::inconclusive;
  if (const double little = std::min(scale * 0x1p-26, 0.09); d.status == DifferenceStatus::accepted && (scatter > 0 || scale >= 0x1p12) && std::fabs(d.value) * little > 8 * epsilon * std::fabs(centre))
    d.grain = d.grain || (f(x - little) == centre && f(x + little) == centre);
  if (d.status != DifferenceStatus::accepted && search.corner_to_the_end) d.status = DifferenceStatus::kink;
  if (d.status == DifferenceStatus::inconclusive) d.error = std::numeric_limits<double>::infinity();
  d.evaluations = estimator.evaluations() + 1;
  return d;
}

Opinion opinion_of(const Difference& d, double got, double rounding) {
  // The first steps agreed, and nothing else was strange: the bound holds though no digit of the derivative shows.
  const bool beyond_doubt = d.rejected == 0 && !d.near_kink && !d.rough && !d.grain && std::fabs(got - d.value) > 256 * (4 * d.error + rounding);
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
  } else if (d.rough && !(std::fabs(got - d.value) <= o.tolerance)) {
    o.note = "values jump around this point: the slope between two jumps may not be meant";
  } else if (got == 0 && d.grain) {
    o.note = "the values move in steps: between them the slope is 0, across them it is not";
  } else if (got == 0 && std::fabs(d.value) <= d.error) {
    o.verdict = Verdict::pass;  // both say that there is none
  } else if (d.error > 0.1 * std::fabs(d.value) && d.error > 1e-6 * std::fabs(got) && !beyond_doubt) {
    o.note = "its error bound is larger than a tenth of the derivative";  // what has no digit right may be off by more: values that jump
  } else if (d.error > 1e-3 * std::fabs(d.value) && (std::isinf(got) || std::fabs(got - d.value) <= 16 * o.tolerance)) {
    o.note = "its error bound is larger than 1e-3 of the derivative";  // which is rough itself: only gross errors are beyond doubt
  }
  return o;
}

}  // namespace gradus
