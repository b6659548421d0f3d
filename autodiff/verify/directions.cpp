// Slopes along directions: of many inputs at once, and where kinks meet.
#include <autodiff/verify/point.hpp>

namespace gradus::detail {

Domain Point::range_along(const Values& d) const {
  Domain inside;
  for (std::size_t i = 0; i < std::min(d.size(), s_.domain.size()); ++i) {
    if (d[i] == 0) continue;
    const double to_low = (s_.domain[i].low - x_[i]) / d[i], to_high = (s_.domain[i].high - x_[i]) / d[i];
    inside.low = std::max(inside.low, std::min(to_low, to_high));
    inside.high = std::min(inside.high, std::max(to_low, to_high));
  }
  return inside;
}

Difference Point::slope_along(const Values& d, View w) const {
  Values at(x_.size());
  const auto moved = [&](double t) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = x_[i] + t * d[i];
    return value_along(at, w);
  };
  return difference(moved, 0, range_along(d), dot_of_magnitudes(y_, w), scatter_);
}

Verdict Point::along(const std::string& what, const Values& d, const Values& w, View g, int convexity) {
  const double got = dot(g, d);
  const Difference slope = slope_along(d, w);
  // Between its slopes lies every generalized gradient of a convex or concave function; of others, a right one may lie outside.
  if (slope.status == DifferenceStatus::kink && convexity * (slope.right_slope - slope.left_slope) <= 0) return Verdict::inconclusive;
  Finding f = finding(fmt::format("d {} along {}", s_.name, what), place(w), got);
  f.opinions.push_back(opinion_of(slope, got, 2 * s_.operations * unit_ * dot_of_magnitudes(g, d) + 2 * least_));
  if (slope.status == DifferenceStatus::kink && f.opinions.back().verdict == Verdict::fail) accept_a_piece(f.opinions.back(), d, w, got);
  f.opinions.back().oracle = "directional";
  const Verdict verdict = f.verdict = judge(got, f.opinions);
  if (verdict == Verdict::fail && largest(x_) >= 512 && rounds_an_input(w)) return Verdict::inconclusive;
  if (x_.size() > options_.directional_above) {
    limits_.take(f.opinions, least_weight);  // an error of one entry shows with that share at least
    result_.take(std::move(f));
  }
  else take_if_wrong(std::move(f));
  return verdict;
}

void Point::judge_directions(Judged& judged) {
  if (!judged.finite || s_.noise > 0) return;
  int told = 0;
  for (std::size_t k = 0; k < options_.probes; ++k) {
    Values d(x_.size());
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = random_weight(random_) * power_of_2_below(std::max(std::fabs(x_[i]), 1.0));
    const Verdict verdict = along(fmt::format("direction {} of {} inputs", k + 1, x_.size()), d, judged.w, judged.g, 0);
    if (verdict == Verdict::fail) return narrow(judged, d);  // further directions would only repeat it
    told += verdict == Verdict::pass ? 1 : 0;
  }
  if (told > 0) return;
  // Every direction runs into a kink, or is lost in rounding: single entries may not be.
  constexpr std::size_t most = 1000;
  const std::size_t step = (x_.size() + most - 1) / most;
  for (std::size_t i = 0; i < x_.size(); i += step) judge_entry(judged, i, true);
  if (step > 1) result_.advice.push_back(fmt::format("one entry in {} was judged: every direction meets a kink, or is lost in rounding; check parts of the {} inputs", step, x_.size()));
}

void Point::narrow(Judged& judged, const Values& d) {
  std::size_t from = 0, to = d.size();
  while (to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    const auto fails = [&](std::size_t begin, std::size_t end) {
      Values part(d.size(), 0.0);
      std::copy(d.begin() + static_cast<std::ptrdiff_t>(begin), d.begin() + static_cast<std::ptrdiff_t>(end), part.begin() + static_cast<std::ptrdiff_t>(begin));
      const double got = dot(judged.g, part);
      std::vector<Opinion> opinions{opinion_of(slope_along(part, judged.w), got, 2 * s_.operations * unit_ * dot_of_magnitudes(judged.g, part) + 2 * least_)};
      return judge(got, opinions) == Verdict::fail;
    };
    if (fails(from, middle)) to = middle;
    else if (fails(middle, to)) from = middle;
    else return;
  }
  judge_entry(judged, from, true);
}

void Point::subdifferential(const Values& w, View g, const std::vector<Kink>& kinks) {
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

std::optional<Point::PieceSlope> Point::slope_of_piece(const Values& d, const Values& w) {
  // Beside x the slope differs by curvature as well, but that falls with the distance: what is left at x itself is that of the piece.
  Values way(x_.size());
  const double scale = largest(x_) < 1e-30 ? 1 : largest(x_);  // that of what is as good as 0
  for (std::size_t i = 0; i < x_.size(); ++i) way[i] = random_.normal() * (std::fabs(x_[i]) < unit * scale ? scale : std::fabs(x_[i]));
  double slopes[3], error = 0;
  const double reach = largest(way) / 4 / largest(d);
  const bool as_far_as_seen = unit_ != unit;  // code in float has no digits for what is left at x
  for (int level = 0; level < (as_far_as_seen ? 1 : 3); ++level) {
    Values beside = x_, at = x_;
    const double distance = std::ldexp(1e-4, -level);
    for (std::size_t i = 0; i < at.size(); ++i) beside[i] += distance * way[i];
    const Difference piece = difference([&](double t) {
      for (std::size_t i = 0; i < at.size(); ++i) at[i] = beside[i] + t * d[i];
      return value_along(at, w);
    }, 0, {-distance * reach, distance * reach}, dot_of_magnitudes(y_, w));  // within the piece, or a flat one would not be taken for flat
    if (piece.status != DifferenceStatus::accepted) return std::nullopt;
    slopes[level] = piece.value;
    error = std::max(error, piece.error);
  }
  if (as_far_as_seen) return PieceSlope{slopes[0], error};
  const double first = 2 * slopes[1] - slopes[0], second = 2 * slopes[2] - slopes[1], limit = second + (second - first) / 3;
  return PieceSlope{limit, 8 * error + std::fabs(limit - second)};
}

void Point::accept_a_piece(Opinion& o, const Values& d, const Values& w, double got) {
  if (x_.size() > options_.directional_above) return;
  double low = o.expected - o.bound, high = o.expected + o.bound;
  const bool on_a_kink = o.note.starts_with("a kink");
  int alike = 0;
  for (int k = 0; k < 64; ++k) {
    const auto piece = slope_of_piece(d, w);
    if (!piece || piece->error > 1e-3 * std::max(std::fabs(piece->slope), o.bound)) continue;
    const bool is_new = piece->slope + 4 * piece->error < low || piece->slope - 4 * piece->error > high;
    if (!is_new && ++alike == 8 && !on_a_kink && high - low <= 2 * o.bound) return;  // all that lies around has the slope of x
    if (!is_new) continue;
    low = std::min(low, piece->slope);
    high = std::max(high, piece->slope);
    if (const double slack = 1e-3 * (high - low) + piece->error; got >= low - slack && got <= high + slack) {
      o.verdict = Verdict::kink;
      return;
    }
  }
}

}  // namespace gradus::detail
