// Functions that round their argument, or oscillate: far out, a slope is not what differences see.
#include <autodiff/verify/difference.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace gradus {
namespace {

/// Where a single jump stands out of what f does within `width` of `centre`.
std::optional<double> jump_around(const std::function<double(double)>& f, double centre, double width, const Domain& domain) {
  constexpr int intervals = 32;
  if (!domain.contains(centre - width) || !domain.contains(centre + width)) return std::nullopt;
  const double step = 2 * width / intervals;
  std::array<double, intervals + 1> values{};
  std::array<double, intervals> moves{}, deviations{};
  double size = 0;
  for (int k = 0; k <= intervals; ++k) {
    const double y = values[static_cast<std::size_t>(k)] = f(centre - width + k * step);
    if (!std::isfinite(y)) return std::nullopt;
    size = std::max(size, std::fabs(y));
  }
  for (std::size_t k = 0; k < intervals; ++k) moves[k] = values[k + 1] - values[k];
  const auto median = [](std::array<double, intervals> v) {
    std::nth_element(v.begin(), v.begin() + intervals / 2, v.end());
    return v[intervals / 2];
  };
  const double usual = median(moves);
  for (std::size_t k = 0; k < intervals; ++k) deviations[k] = std::fabs(moves[k] - usual);
  const auto largest = static_cast<std::size_t>(std::max_element(deviations.begin(), deviations.end()) - deviations.begin());
  const double jump = deviations[largest];
  const double least = std::fabs(centre) < 10 ? 1e-5 : 1e-3;  // code in float rounds large arguments, too
  if (!(jump > least * size) || !(jump > 8 * median(deviations))) return std::nullopt;
  // What is steep is not steep any more between points that are near enough; beside a pole it grows.
  double from = centre - width + static_cast<double>(largest) * step, to = from + step, low = values[largest], high = values[largest + 1];
  for (int level = 0; level < 64; ++level) {
    const double middle = from + (to - from) / 2;
    if (middle == from || middle == to) break;
    const double y = f(middle), share = usual * (to - from) / (2 * step);
    if (!std::isfinite(y)) return std::nullopt;
    if (std::fabs(y - low - share) > std::fabs(high - y - share)) to = middle, high = y;
    else from = middle, low = y;
  }
  const double left = std::fabs(high - low);
  return left > 0.7 * jump && left < 2 * jump ? std::optional(from) : std::nullopt;
}

}  // namespace

bool moves_in_steps(const std::function<double(double)>& f, const Domain& domain) {
  std::optional<double> first;
  for (const double centre : {2.3, -2.3, 517.3, -517.3})
    for (const double width : {0.8, 0.011, 8.7, 130.1, 0.00027}) {
      const double reach = std::fabs(centre) < 10 ? width : 16 * width;
      const std::optional<double> at = jump_around(f, centre, reach, domain);
      // A single jump is a threshold, as that of a formula at a negative variance; rounding jumps again and again.
      if (at && first && std::fabs(*at - *first) > 1e-9 * std::max(std::fabs(*at), 1.0)) return true;
      if (at && !first) first = at;
    }
  return false;
}

bool jumps_again(const std::function<double(double)>& f, double x, double step, const Domain& domain) {
  constexpr std::size_t intervals = 96;
  for (const double width : {12 * step, 96 * step}) {
    std::array<double, intervals> moves{};
    double before = std::numeric_limits<double>::quiet_NaN(), most = 0;
    std::size_t seen = 0;
    for (std::size_t k = 0; k <= intervals; ++k) {
      const double at = x + width * (2 * static_cast<double>(k) / intervals - 0.9871);  // not even about x: a pole lies on no sample
      const double here = domain.contains(at) ? f(at) : std::numeric_limits<double>::quiet_NaN();
      if (std::isfinite(here - before)) moves[seen++] = here - before;
      before = here;
    }
    if (seen < 8) continue;
    auto sorted = moves;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(seen / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(seen));
    const double usual = *middle;
    for (std::size_t k = 0; k < seen; ++k) most = std::max(most, std::fabs(moves[k] - usual));
    int places = 0;
    bool inside = false;
    for (std::size_t k = 0; k < seen; ++k) {
      const bool stands_out = std::fabs(moves[k] - usual) > 0.2 * most;
      places += stands_out && !inside ? 1 : 0;
      inside = stands_out;
    }
    if (places >= 3) return true;
  }
  return false;
}

bool oscillates(const std::function<double(double)>& f, const Domain& domain) {
  constexpr int points = 256;
  constexpr double step = 0.37;
  for (const double start : {60.0, -60.0 - points * step}) {
    if (!domain.contains(start) || !domain.contains(start + points * step)) continue;
    double before = f(start), here = f(start + step), last = 0, size = 0;
    int turns = 0;
    for (int k = 2; k < points; ++k) {
      const double next = f(start + k * step), bend = next - 2 * here + before;
      size = std::max(size, std::fabs(next));
      if (!std::isfinite(next)) break;
      if (std::fabs(bend) > 64 * std::numeric_limits<double>::epsilon() * size) {
        turns += bend * last < 0 ? 1 : 0;
        last = bend;
      }
      before = here, here = next;
    }
    if (turns > points / 32) return true;
  }
  return false;
}

}  // namespace gradus
