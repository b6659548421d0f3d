// Where the slope of a function jumps nearest to a point. Compiled with -ffp-contract=off: steps must be exact.
#include <autodiff/verify/difference.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace gradus {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon() / 2;

struct Corner { double at, left_slope, right_slope; };

/// Where between a and b the slope of f changes most, if it jumps there.
class CornerSearch {
 public:
  CornerSearch(const std::function<double(double)>& f, const Domain& domain) : f_(f), domain_(domain) {}

  std::optional<Corner> run(double a, double b) {
    const double whole = b - a;
    double middle = a + whole / 2, low = value(a), centre = value(middle), high = value(b);
    while (true) {  // of three overlapping halves, the one that is bent most
      const double first = a + (b - a) / 4, third = a + 3 * (b - a) / 4;
      if (!(a < first && first < middle && middle < third && third < b)) break;
      const double y_first = value(first), y_third = value(third);
      const double left = std::fabs(low - 2 * y_first + centre), inner = std::fabs(y_first - 2 * centre + y_third), right = std::fabs(centre - 2 * y_third + high);
      const double most = std::max({left, inner, right});
      if (!(most > 64 * epsilon * largest_)) break;
      if (inner == most) {
        a = first, low = y_first;
        b = third, high = y_third;
      } else if (left == most) {
        b = middle, high = centre;
        middle = first, centre = y_first;
      } else {
        a = middle, low = centre;
        middle = third, centre = y_third;
      }
    }
    // From the smallest step up: a jump of the slope is the same for all, that of a smooth function grows with the step.
    for (double step = std::max({4 * (b - a), 1e-14 * std::fabs(middle), whole * 0x1p-48}); step <= whole / 32; step *= 2) {
      const double jump = jump_beside(a, b, step);
      if (!(std::fabs(jump) > 4096 * epsilon * largest_ / step)) continue;
      for (const double wider : {4 * step, 16 * step})
        if (!(std::fabs(jump_beside(a, b, wider) - jump) <= 0.1 * std::fabs(jump))) return std::nullopt;
      return Corner{middle, slope(a, -16 * step), slope(b, 16 * step)};
    }
    return std::nullopt;
  }

 private:
  double value(double v) {
    if (!domain_.contains(v)) return std::numeric_limits<double>::quiet_NaN();
    const double y = f_(v);
    largest_ = std::max(largest_, std::fabs(y));
    return y;
  }
  double jump_beside(double a, double b, double step) { return (value(b + step) - value(b)) / step - (value(a) - value(a - step)) / step; }
  /// Of two steps, so that the curvature beside the corner is left out.
  double slope(double from, double step) {
    const double y = value(from);
    return 2 * (value(from + step / 2) - y) / (step / 2) - (value(from + step) - y) / step;
  }
  const std::function<double(double)>& f_;
  const Domain& domain_;
  double largest_ = 0;
};

}  // namespace

std::optional<NearestKink> nearest_kink(const std::string& input, const std::function<double(double)>& f, double x, const Difference& d, double gradient, const Domain& domain) {
  if (d.status == DifferenceStatus::kink) return NearestKink{input, x, 0, d.left_slope, d.right_slope, gradient};
  if (d.rejected == 0) return std::nullopt;
  std::optional<NearestKink> nearest;
  for (const double side : {-1.0, 1.0}) {
    // First where steps began to agree: in a wider stretch curvature hides a corner.
    double far = std::min(d.rejected, 64 * d.step);
    if (!CornerSearch(f, domain).run(side < 0 ? x - far : x, side < 0 ? x : x + far)) far = d.rejected;
    for (int k = 0; k < 3; ++k) {  // between x and a corner there may be another one
      const auto found = CornerSearch(f, domain).run(side < 0 ? x - far : x, side < 0 ? x : x + far);
      if (!found) break;
      const double distance = std::fabs(found->at - x);
      if (!nearest || distance < nearest->distance) nearest = {input, found->at, distance, found->left_slope, found->right_slope, gradient};
      far = 0.9 * distance;
      if (!(far > 1e-9 * d.rejected)) break;
    }
  }
  return nearest;
}

}  // namespace gradus
