// Claims at points far from the given one: where to look, and judging them in 400 digits.
#include "far_points.hpp"

#include <cmath>
#include <exception>
#include <optional>

#include <autodiff/verify/random.hpp>
#include <ops/verify/opinions.hpp>

#include "function_check.hpp"

namespace gradus::cli {
namespace {

using Place = std::vector<double>;

/// From the ordinary to the extreme: what is wrong is shown where people can follow it.
constexpr double magnitudes[] = {1, 3, 0.3, 10, 30, 0.03, 100, 1e3, 1e-3, 1e5, 1e-6, 1e8, 1e-12, 1e15};

/// All inputs of one magnitude, positive, negative and mixed; and each of its own.
std::vector<Place> regimes(std::size_t n, Random& random) {
  std::vector<Place> points;
  for (const double magnitude : magnitudes)
    for (int signs = 0; signs < (n == 1 ? 2 : 4); ++signs) {
      Place p;
      for (std::size_t i = 0; i < n; ++i) {
        const double sign = signs == 0 ? 1 : signs == 1 ? -1 : random.sign();
        p.push_back(sign * (signs == 3 ? magnitudes[random.below(std::size(magnitudes))] : magnitude) * std::round(random.uniform(60, 150)) / 100);
      }
      points.push_back(std::move(p));
    }
  return points;
}

/// A value that may lie on another branch: the numbers that stand in the formulas, and what lies beside them.
double near_a_threshold(const std::vector<double>& thresholds, Random& random) {
  const double t = random.sign() * thresholds[random.below(thresholds.size())];
  switch (random.below(6)) {
    case 0: return t;
    case 1: return t * (1 + random.sign() / 8);
    case 2: return t * (1 + random.sign() * 0x1p-30);
    case 3: return t + random.sign();
    case 4: return t + random.sign() * 1e-3;
    default: return t * std::exp2(random.sign());
  }
}

Place anywhere(const Place& given, const std::vector<double>& thresholds, Random& random) {
  Place p;
  for (const double v : given) {
    switch (random.below(4)) {
      case 0: p.push_back(v); break;
      case 1: p.push_back(random.sign() * std::pow(10, random.uniform(-12, 15))); break;
      case 2: p.push_back(3 * random.normal()); break;
      default: p.push_back(thresholds.empty() ? 0 : near_a_threshold(thresholds, random));
    }
  }
  return p;
}

class FarChecker {
 public:
  FarChecker(const UserFunction& f, const Claims& claims, Coverage& coverage, std::uint64_t seed, std::size_t wanted)
      : f_(f), claims_(claims), coverage_(coverage), random_(seed), wanted_(wanted), coordinates_(coordinates_of(f, claims, seed)), shaken_{claims.shaken(random_), claims.shaken(random_)} {}

  FarCheck run() {
    const double cost = operations_of(f_, f_.point()) * (4 * static_cast<double>(coordinates_.size()) + 8);
    const auto affordable = static_cast<std::size_t>(80'000 / cost);
    std::vector<Place> points = regimes(f_.point().size(), random_);
    const std::size_t some = std::min(affordable, points.size());
    for (std::size_t k = 0; k < some; ++k) judge(points[k * points.size() / some]);
    constexpr int tries = 3000;
    const double work = static_cast<double>(f_.formula().nodes().size() + f_.point().size());
    std::size_t further = std::min<std::size_t>(affordable, 40);
    for (int k = 0; k < std::min(tries, static_cast<int>(1e6 / work)) && further > 0 && !coverage_.complete(); ++k) {
      const Place p = anywhere(f_.point(), coverage_.thresholds(), random_);
      if (!lacks(p)) continue;
      judge(p);
      --further;
    }
    if (affordable == 0) found_.remarks.emplace_back("far away", "the function takes too many operations for 400 digits: the claims were checked around the given point only");
    if (undefined_ > 0) found_.remarks.emplace_back("undefined", fmt::format("the claim is {} at {}, where the derivative is {}", first_undefined_, where_undefined_, number_text(expected_undefined_)));
    if (lost_ > 0) found_.remarks.emplace_back("rounding", fmt::format("the formula is right, but in double it gives {} instead of {} at {}", number_text(lost_value_), number_text(lost_expected_), where_lost_));
    return std::move(found_);
  }

 private:
  static Coordinates coordinates_of(const UserFunction& f, const Claims& claims, std::uint64_t seed) {
    const std::vector<std::size_t> claimed = claims.entries(f, true);
    return {claimed, f.point().size(), {}, seed, claimed.size() <= 12 ? 12u : 2u};
  }

  [[nodiscard]] bool lacks(const Place& p) const {
    try {
      return coverage_.lacks(coverage_.taken_at(std::span<const double>(p)));
    } catch (const std::exception&) {
      return false;  // a formula that cannot be evaluated there
    }
  }

  /// The function's slope along a coordinate; a second quotient with another step must say the same.
  [[nodiscard]] BigDifference slope(const std::vector<BigFloat>& x, std::size_t k, double place, bool surely) const {
    const auto shifted = [&](const BigFloat& h) {
      std::vector<BigFloat> moved = x;
      coordinates_.move(moved, k, h);
      return f_.big_value(moved);
    };
    try {
      BigDifference d = big_difference(shifted, place);
      if (!surely || d.status == BigDifference::Status::unknown) return d;
      constexpr double shorter = 0x1p-40;
      const BigDifference near = big_difference([&](const BigFloat& h) { return shifted(h * shorter); }, place);
      const auto same = [](double a, double b) { return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b)); };
      const bool agree = near.status == d.status && same(d.left_slope, near.left_slope / shorter) && same(d.right_slope, near.right_slope / shorter) &&
                         (d.status == BigDifference::Status::kink || same(nearest_double(d.value), nearest_double(near.value / shorter)));
      if (!agree) d.status = BigDifference::Status::unknown;
      return d;
    } catch (const std::exception&) {
      return {};
    }
  }

  void judge(const Place& p) {
    const std::vector<BigFloat> x(p.begin(), p.end());
    std::vector<BigFloat> moved = x;
    for (BigFloat& v : moved) v *= 1 + random_.sign() * 0x1p-52;
    try {
      if (!isfinite(f_.big_value(x))) return;
    } catch (const std::exception&) {
      return;
    }
    const auto along = [&](const Claims& claims, const std::vector<BigFloat>& at) {
      std::vector<BigFloat> gradient(p.size(), BigFloat(0));
      claims.apply(f_, std::span<const BigFloat>(at), gradient);
      return coordinates_.project(gradient);
    };
    const std::vector<BigFloat> claimed = along(claims_, x), first = along(shaken_[0], x), second = along(shaken_[1], moved);
    std::vector<double> plain(p.size(), 0.0);
    claims_.apply(f_, std::span<const double>(p), plain);
    plain = coordinates_.project(plain);

    bool judged = false, right = true;
    for (std::size_t k = 0; k < coordinates_.size(); ++k) {
      const double spread = nearest_double(std::max(BigFloat(abs(first[k] - claimed[k])), BigFloat(abs(second[k] - claimed[k]))));
      const std::optional<Verdict> verdict = judge_entry(p, x, k, claimed[k], spread, plain[k]);
      if (!verdict) continue;
      judged = true;
      right = right && *verdict != Verdict::fail;
    }
    if (!judged) return;
    ++found_.result.points;
    if (!right) ++found_.wrong;
    coverage_.count(coverage_.taken_at(std::span<const BigFloat>(x)), right);
  }

  std::optional<Verdict> judge_entry(const Place& p, const std::vector<BigFloat>& x, std::size_t k, const BigFloat& claim, double spread, double plain) {
    const double place = k < coordinates_.entries.size() ? p[coordinates_.entries[k]] : 1.0;
    BigDifference d = slope(x, k, place, false);
    const bool kink = d.status == BigDifference::Status::kink;
    const double expected = kink ? d.left_slope / 2 + d.right_slope / 2 : nearest_double(d.value), got = nearest_double(claim);
    if (d.status == BigDifference::Status::unknown || !std::isfinite(expected)) return std::nullopt;
    if (!isfinite(claim)) {
      if (undefined_++ == 0) first_undefined_ = number_text(got), where_undefined_ = f_.place(p), expected_undefined_ = expected;
      return std::nullopt;
    }
    Finding f{.quantity = "d f / d " + coordinates_.name(k, f_.entry_names()), .where = f_.place(p), .regime = "far away", .got = got, .opinions = {}, .message = {}};
    Opinion o{.oracle = "high precision", .expected = expected, .bound = kink ? std::fabs(d.right_slope - d.left_slope) / 2 : d.bound, .note = {}};
    o.tolerance = (kink ? o.bound : 4 * o.bound) + 1e-14 * std::max(std::fabs(expected), std::fabs(got)) + 16 * spread + std::numeric_limits<double>::denorm_min();
    if (kink) o.note = fmt::format("a kink: slopes {} and {}", number_text(d.left_slope), number_text(d.right_slope));
    const bool right = got == expected || std::fabs(got - expected) <= o.tolerance;
    if (!right && (std::isinf(got) || slope(x, k, place, true).status == BigDifference::Status::unknown)) return std::nullopt;
    o.verdict = f.verdict = !right ? Verdict::fail : kink ? Verdict::kink : Verdict::pass;
    f.opinions.push_back(std::move(o));
    if (right && !kink) note_digits(p, plain, expected, spread);
    const Verdict verdict = f.verdict;
    found_.result.take(std::move(f));
    if (found_.result.findings.size() > wanted_) found_.result.findings.resize(wanted_), ++found_.result.more_findings;
    return verdict;
  }

  /// A formula that is right may have no digits left in double; NaN and infinity are the worst of it. Numbers that are next to nothing hardly matter.
  void note_digits(const Place& p, double plain, double expected, double spread) {
    if (std::isfinite(plain) && std::fabs(expected) < 1e-20) return;
    if (std::fabs(plain - expected) <= std::ldexp(std::fabs(expected), -26) + 16 * spread + 1e-290) return;
    if (lost_++ > 0 && (std::isfinite(plain) || !std::isfinite(lost_value_))) return;
    lost_value_ = plain, lost_expected_ = expected, where_lost_ = f_.place(p);
  }

  const UserFunction& f_;
  const Claims& claims_;
  Coverage& coverage_;
  Random random_;
  std::size_t wanted_;
  Coordinates coordinates_;
  Claims shaken_[2];
  FarCheck found_;
  std::size_t undefined_ = 0, lost_ = 0;
  std::string first_undefined_, where_undefined_, where_lost_;
  double expected_undefined_ = 0, lost_value_ = 0, lost_expected_ = 0;
};

}  // namespace

FarCheck check_far(const UserFunction& f, const Claims& claims, Coverage& coverage, std::uint64_t seed, std::size_t wanted) { return FarChecker(f, claims, coverage, seed, wanted).run(); }

}  // namespace gradus::cli
