// Guesses at what is wrong with a gradient. Every guess is a claim about numbers that could be refuted: too few numbers, no claim.
#include <autodiff/verify/hypothesis.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <autodiff/verify/arrangement.hpp>
#include <autodiff/verify/report.hpp>

namespace gradus {
namespace {

using Values = std::vector<double>;

/// Two numbers that a pattern says are one. The expected may come from differences, so not to the last digit.
constexpr double same = 1e-7;
/// A single number fits one of thirty patterns by chance far more easily.
constexpr double same_alone = 1e-9;

bool close(double a, double b, double relative) { return a == b || std::fabs(a - b) <= relative * std::max(std::fabs(a), std::fabs(b)); }
double relative_error(double got, double expected) {
  return got == expected ? 0 : std::fabs(got - expected) / std::max({std::fabs(got), std::fabs(expected), 1e-300});
}
std::string entry(std::size_t i) { return fmt::format("[{}]", i); }

class Detective {
 public:
  explicit Detective(const Evidence& e) : e_(e), n_(e.got.size()), m_(e.cotangent.size()) {
    for (std::size_t i = 0; i < n_; ++i) {
      const double error = relative_error(e.got[i], e.expected[i]);
      largest_error_ = std::max(largest_error_, error);
      largest_ = std::max(largest_, std::fabs(e.expected[i]));
    }
    for (std::size_t i = 0; i < n_; ++i)
      if (relative_error(e.got[i], e.expected[i]) > std::min(1e-6, 0.01 * largest_error_) && std::fabs(e.got[i] - e.expected[i]) > 1e-13 * largest_) wrong_.push_back(i);
  }

  std::string guess() {
    if (n_ == 0 || e_.expected.size() != n_) return {};
    if (std::string s = special_values(); !s.empty()) return s;
    if (wrong_.empty()) return {};
    for (const double v : e_.got)
      if (!std::isfinite(v)) return {};
    for (const double v : e_.expected)
      if (!std::isfinite(v)) return {};
    for (const auto& ask : {&Detective::lost_digits, &Detective::contributions, &Detective::cotangents, &Detective::order_of_entries})
      if (std::string s = (this->*ask)(); !s.empty()) return s;
    const std::string here = what_and_where(), elsewhere = tail();
    return here.empty() || elsewhere.empty() || elsewhere.find(here) != std::string::npos ? (elsewhere.empty() ? here : elsewhere) : fmt::format("{}; there {}", elsewhere, here);
  }

 private:
  [[nodiscard]] double tolerance() const { return wrong_.size() == 1 ? same_alone : same; }
  [[nodiscard]] bool is_wrong(std::size_t i) const { return std::find(wrong_.begin(), wrong_.end(), i) != wrong_.end(); }
  [[nodiscard]] const char* maybe() const { return informative() < 2 ? "maybe " : ""; }
  /// Entries that could refute a ratio.
  [[nodiscard]] std::size_t informative() const {
    return static_cast<std::size_t>(std::count_if(wrong_.begin(), wrong_.end(), [&](std::size_t i) { return e_.expected[i] != 0; }));
  }
  /// All entries are what `model` says, up to rounding of the largest.
  [[nodiscard]] bool all_are(const std::function<double(std::size_t)>& model) const {
    for (std::size_t i = 0; i < n_; ++i) {
      const double v = model(i);
      if (!close(e_.got[i], v, n_ == 1 ? same_alone : same) && !(std::fabs(e_.got[i] - v) <= 1e-13 * largest_)) return false;
    }
    return true;
  }
  [[nodiscard]] bool wrong_are(const std::function<double(std::size_t)>& model) const {
    return std::all_of(wrong_.begin(), wrong_.end(), [&](std::size_t i) { return close(e_.got[i], model(i), tolerance()); });
  }

  [[nodiscard]] std::string special_values() const {
    std::vector<std::size_t> undefined, endless;
    for (std::size_t i = 0; i < n_; ++i) {
      if (!std::isfinite(e_.expected[i])) continue;
      if (std::isnan(e_.got[i])) undefined.push_back(i);
      else if (std::isinf(e_.got[i])) endless.push_back(i);
    }
    const bool nan = !undefined.empty();
    const std::vector<std::size_t>& bad = nan ? undefined : endless;
    if (bad.empty()) return {};
    std::string text = nan ? "NaN where a number is expected" : "infinite where a number is expected";
    if (e_.x.size() == n_ && std::all_of(bad.begin(), bad.end(), [&](std::size_t i) { return e_.x[i] == 0; })) text += ", at x = 0";
    else if (bad.size() < n_) text += bad.size() == 1 ? ", in entry " + entry(bad[0]) : fmt::format(", in {} of {} entries", bad.size(), n_);
    return text + (nan ? ": 0 divided by 0, 0 times infinity, or a branch that was not taken?" : ": a division by 0, or an overflow on the way?");
  }

  /// Everything nearly right: what precision is left says where the rest went.
  [[nodiscard]] std::string lost_digits() const {
    if (largest_error_ > 1e-3) return {};
    std::optional<double> common;
    std::size_t seen = 0;
    bool constant = true, all_float = true;
    double largest = 0;
    for (const std::size_t i : wrong_) {
      if (e_.expected[i] == 0) continue;
      const double error = e_.got[i] / e_.expected[i] - 1;
      if (!common) common = error;
      constant = constant && close(error, *common, 1e-2);
      all_float = all_float && e_.got[i] != std::round(e_.got[i]) && static_cast<double>(static_cast<float>(e_.got[i])) == e_.got[i];
      largest = std::max(largest, std::fabs(error));
      ++seen;
    }
    if (!common || largest < 1e-15) return {};
    if (all_float && largest < 1.3e-7) return fmt::format("{}every entry is a float: a float in the chain rounds it", seen < 2 ? "maybe " : "");
    if (constant && seen >= 2) return fmt::format("a constant relative error of {:.2g}: a constant with too few digits, or a guard such as x + 1e-8", *common);
    if (largest > 2e-9 && largest < 2.5e-7) return fmt::format("relative errors up to {:.1g}, the precision of a float: a float in the chain, or a constant with as few digits", largest);
    if (seen >= 2) return fmt::format("right to about {} digits only: a guard constant, or digits lost by cancellation", static_cast<int>(-std::log10(largest)));
    return {};
  }

  [[nodiscard]] std::string contributions() const {
    const auto& parts = e_.contributions;
    if (parts.size() < 2 || std::any_of(parts.begin(), parts.end(), [&](const Values& p) { return p.size() != n_; })) return {};
    // A part that is alone in the sum, or none of it, cannot tell.
    const auto matters = [&](std::size_t j) {
      return std::any_of(wrong_.begin(), wrong_.end(), [&](std::size_t i) { return std::fabs(parts[j][i]) > 1e-6 * std::fabs(e_.expected[i]); });
    };
    const std::size_t last = parts.size() - 1;
    const bool nothing = std::all_of(e_.got.begin(), e_.got.end(), [](double v) { return v == 0; });
    if (!nothing && all_are([&](std::size_t i) { return parts[last][i]; })) return "the last contribution only: \"=\" where \"+=\" is needed";
    // An element that takes another branch contributes 0, so that the last one to contribute need not be the last.
    const auto last_of = [&](std::size_t i) {
      std::size_t count = 0;
      double value = 0;
      for (const Values& part : parts)
        if (part[i] != 0) value = part[i], ++count;
      return count < 2 ? std::numeric_limits<double>::quiet_NaN() : value;
    };
    if (!nothing && wrong_are(last_of)) return "the last contribution that is not 0 only: \"=\" where \"+=\" is needed";
    if (!nothing && all_are([&](std::size_t i) { return parts[0][i]; })) return "the first contribution only: the others are never added";
    for (std::size_t j = 0; j < parts.size(); ++j) {
      if (!matters(j)) continue;
      if (all_are([&](std::size_t i) { return e_.expected[i] - parts[j][i]; }) && !nothing)
        return j == last ? "all contributions but the last: a loop that ends one early" : fmt::format("all contributions but that of result {}", entry(j));
      if (all_are([&](std::size_t i) { return e_.expected[i] + parts[j][i]; }) && !(parts.size() == 2 && close(std::fabs(parts[0][0]), std::fabs(parts[1][0]), same)))
        return fmt::format("the contribution of result {} is counted twice", entry(j));
      if (all_are([&](std::size_t i) { return e_.expected[i] - 2 * parts[j][i]; })) return fmt::format("the contribution of result {} has the wrong sign", entry(j));
    }
    return {};
  }

  [[nodiscard]] bool cotangents_are_plain() const {
    return std::all_of(e_.cotangent.begin(), e_.cotangent.end(), [&](double c) { return std::fabs(c) == 1 || c == 0 || c == 2 || c == 0.5; });
  }
  [[nodiscard]] std::string cotangents() const {
    if (m_ == 0 || cotangents_are_plain()) return {};
    const auto sum = [&](std::size_t i, auto weight) {
      double total = 0;
      for (std::size_t j = 0; j < m_; ++j)
        if (e_.cotangent[j] != 0) total += e_.contributions[j][i] * weight(e_.cotangent[j]);
      return total;
    };
    const char* const ignored = "the gradient for a cotangent of 1: the cotangent is ignored";
    const char* const squared = "the gradient for the squared cotangent: the cotangent is applied twice";
    const char* const modulus = "the gradient for |cotangent|: the sign of the cotangent is lost";
    if (e_.contributions.size() == m_ && std::all_of(e_.contributions.begin(), e_.contributions.end(), [&](const Values& p) { return p.size() == n_; })) {
      if (all_are([&](std::size_t i) { return sum(i, [](double c) { return 1 / c; }); })) return maybe() + std::string(ignored);
      if (all_are([&](std::size_t i) { return sum(i, [](double c) { return c; }); })) return maybe() + std::string(squared);
      const bool both_signs = std::any_of(e_.cotangent.begin(), e_.cotangent.end(), [](double c) { return c < 0; }) && std::any_of(e_.cotangent.begin(), e_.cotangent.end(), [](double c) { return c > 0; });
      if (both_signs && all_are([&](std::size_t i) { return sum(i, [](double c) { return c < 0 ? -1.0 : 1.0; }); })) return maybe() + std::string(modulus);
    } else if (m_ == 1 || m_ == n_) {
      // One result, or one for each input: elementwise, if at all.
      const auto c = [&](std::size_t i) { return e_.cotangent[m_ == 1 ? 0 : i]; };
      if (all_are([&](std::size_t i) { return c(i) == 0 ? 0 : e_.expected[i] / c(i); })) return maybe() + std::string(ignored);
      if (all_are([&](std::size_t i) { return e_.expected[i] * c(i); })) return maybe() + std::string(squared);
    }
    if (m_ == n_ && n_ >= 2 && all_are([&](std::size_t i) { return e_.cotangent[i]; })) return "the cotangent itself: the derivative of the rule is 1, or missing";
    return {};
  }

  [[nodiscard]] std::string order_of_entries() const {
    if (const std::optional<double> r = common_ratio(); r && (close(*r, -1, same) || close(*r, 2, same) || close(*r, 0.5, same) || *r == 0)) return {};  // the simpler story
    return detail::wrong_arrangement(e_, wrong_, largest_, same);
  }

  /// got / expected, if it is the same for all wrong entries.
  [[nodiscard]] std::optional<double> common_ratio() const {
    std::optional<double> ratio;
    for (const std::size_t i : wrong_) {
      if (e_.expected[i] == 0) return std::nullopt;
      const double r = e_.got[i] / e_.expected[i];
      if (!ratio) ratio = r;
      if (!close(r, *ratio, tolerance())) return std::nullopt;
    }
    return ratio;
  }

  /// What the wrong entries are, as a phrase; empty when nothing fits.
  [[nodiscard]] std::string what() const {
    const bool everything = wrong_.size() == n_;
    if (wrong_are([](std::size_t) { return 0.0; })) {
      if (informative() == 0) return {};
      return everything ? "zero: no contribution arrives: a detached input, or a missing rule" : "zero";
    }
    if (const std::optional<double> ratio = common_ratio())
      if (std::string s = factor(*ratio); !s.empty()) return maybe() + s;
    if (wrong_are([](std::size_t) { return 1.0; })) return maybe() + std::string("exactly 1");
    if (m_ == n_ && n_ >= 2 && wrong_are([&](std::size_t i) { return e_.cotangent[i]; })) return maybe() + std::string("the cotangent itself: the derivative of the rule is 1, or missing");
    if (e_.x.size() == n_ && wrong_are([&](std::size_t i) { return e_.x[i]; })) return maybe() + std::string("x itself instead of the derivative");
    if (m_ == n_ && n_ >= 2 && e_.x.size() == n_ && wrong_are([&](std::size_t i) { return e_.cotangent[i] * e_.x[i]; })) return maybe() + std::string("x itself instead of the derivative");
    if (wrong_.size() >= 2) {
      const double added = e_.got[wrong_[0]] - e_.expected[wrong_[0]];
      const bool shifted = std::all_of(wrong_.begin(), wrong_.end(), [&](std::size_t i) {
        return std::fabs(e_.got[i] - e_.expected[i] - added) <= same * std::fabs(added) + 4e-16 * std::max(std::fabs(e_.got[i]), std::fabs(e_.expected[i]));
      });
      if (shifted && !close(e_.expected[wrong_[0]], e_.expected[wrong_[1]], same)) return fmt::format("the constant {:.6g} is added", added);
    }
    return {};
  }

  [[nodiscard]] std::string factor(double r) const {
    const auto is = [&](double candidate) { return close(r, candidate, tolerance()); };
    const auto n = static_cast<double>(n_), m = static_cast<double>(m_);
    if (is(-1)) return "-1 times the expected: a sign";
    if (is(2)) return "2 times the expected: counted twice, or the factor 1/2 is missing";
    if (is(0.5)) return "1/2 of the expected: one of two contributions is missing, or the factor 2";
    for (const auto& [count, of] : {std::pair(n, "inputs"), std::pair(m, "results")}) {
      if (count < 2) continue;
      const auto text = static_cast<std::size_t>(count);
      if (is(count)) return fmt::format("{} times the expected, the number of {}: a mean that was not divided", text, of);
      if (is(1 / count)) return fmt::format("1/{} of the expected, the number of {}: a mean where a sum is needed", text, of);
      if (count >= 3 && is(count / (count - 1))) return fmt::format("{}/{} of the expected: divided by n - 1, where n is the number of {}", text, text - 1, of);
    }
    if (is(-2) || is(-0.5)) return fmt::format("{:.2g} times the expected: a sign, and a factor 2", r);
    if (informative() < 2) return {};
    return fmt::format("{:.6g} times the expected, in every entry", r);
  }

  /// Which entries are wrong, by their x; empty when all are, or nothing tells them apart.
  [[nodiscard]] std::string region() const {
    if (e_.x.size() != n_ || wrong_.size() == n_) return {};
    const auto right_are = [&](auto test) {
      for (std::size_t i = 0; i < n_; ++i)
        if (!is_wrong(i) && e_.expected[i] != 0 && !test(e_.x[i])) return false;
      return true;
    };
    const auto wrong_are_at = [&](auto test) { return std::all_of(wrong_.begin(), wrong_.end(), [&](std::size_t i) { return test(e_.x[i]); }); };
    const auto negative = [](double v) { return v < 0; };
    const auto positive = [](double v) { return v > 0; };
    if (wrong_are_at([](double v) { return v == 0; })) return "only " + at_zero();
    // Two on either side at least, or the claim could hardly have been refuted.
    std::size_t right_below = 0, right_above = 0;
    for (std::size_t i = 0; i < n_; ++i)
      if (!is_wrong(i) && e_.expected[i] != 0) (e_.x[i] < 0 ? right_below : right_above) += 1;
    if (wrong_.size() >= 2 && right_above >= 2 && wrong_are_at(negative) && right_are([&](double v) { return !negative(v); })) return "only where x < 0";
    if (wrong_.size() >= 2 && right_below >= 2 && wrong_are_at(positive) && right_are([&](double v) { return !positive(v); })) return "only where x > 0";
    double nearest_wrong = std::numeric_limits<double>::infinity(), farthest_right = 0;
    for (std::size_t i = 0; i < n_; ++i) (is_wrong(i) ? nearest_wrong : farthest_right) = is_wrong(i) ? std::min(nearest_wrong, std::fabs(e_.x[i])) : std::max(farthest_right, std::fabs(e_.x[i]));
    if (n_ >= 4 && nearest_wrong > farthest_right && nearest_wrong > 5) return fmt::format("only for |x| >= {:.3g}: a cut-off or cancellation in the tail", nearest_wrong);
    return {};
  }

  /// A convention is a matter of kinks. Where the function is smooth, 0 was made an exception, or should have been one.
  [[nodiscard]] std::string at_zero() const {
    bool seen = false, kink = false;
    for (const Evidence::Sample& s : e_.samples)
      if (s.x == 0 && !s.right) seen = true, kink = kink || s.kink;
    if (kink) return "at x = 0: the convention at the kink";
    if (seen) return "at x = 0, where the function is smooth: a quotient by x, or a guard against it";
    return "at x = 0: the convention at a kink, or a quotient by x";
  }

  [[nodiscard]] std::string what_and_where() const {
    const std::string kind = what(), where = region();
    if (kind.empty() && where.empty()) {
      if (wrong_.size() == n_ || n_ < 3) return {};
      if (wrong_.size() == 1) return fmt::format("only entry {} is wrong{}", entry(wrong_[0]), wrong_[0] + 1 == n_ ? ", the last" : wrong_[0] == 0 ? ", the first" : "");
      return {};
    }
    if (wrong_.size() == n_) return kind;
    if (kind.empty()) return "wrong " + where;
    if (!where.empty()) return fmt::format("{}; {}", kind, where);
    const std::string which = wrong_.size() == 1 ? "in entry " + entry(wrong_[0]) : fmt::format("in {} of {} entries, from {} to {}", wrong_.size(), n_, entry(wrong_.front()), entry(wrong_.back()));
    return fmt::format("{}, {}", kind, which);
  }

  /// Right up to some size of x, wrong beyond: seen at several points.
  [[nodiscard]] std::string tail() const {
    double nearest_wrong = std::numeric_limits<double>::infinity(), farthest_right = 0;
    double lowest_wrong = std::numeric_limits<double>::infinity(), highest_wrong = -lowest_wrong, lowest_right = lowest_wrong, highest_right = highest_wrong;
    std::size_t right = 0, wrong = 0;
    bool wrong_only_at_zero = true;
    for (const Evidence::Sample& s : e_.samples) {
      if (s.right) {
        ++right;
        farthest_right = std::max(farthest_right, std::fabs(s.x));
        lowest_right = std::min(lowest_right, s.x);
        highest_right = std::max(highest_right, s.x);
      } else {
        ++wrong;
        nearest_wrong = std::min(nearest_wrong, std::fabs(s.x));
        lowest_wrong = std::min(lowest_wrong, s.x);
        highest_wrong = std::max(highest_wrong, s.x);
        wrong_only_at_zero = wrong_only_at_zero && s.x == 0;
      }
    }
    if (wrong < 1 || right < 3) return {};
    if (wrong_only_at_zero) return "wrong only " + at_zero();
    if (wrong < 2) return {};
    const bool many = wrong >= 4 && right >= 8;  // a sign is right by accident half the time
    if (many && lowest_right >= 0 && highest_wrong < 0) return "wrong only where x < 0";
    if (many && highest_right <= 0 && lowest_wrong > 0) return "wrong only where x > 0";
    if (nearest_wrong > farthest_right) return fmt::format("right for |x| <= {:.3g}, wrong beyond: a cut-off or cancellation in the tail", farthest_right);
    if (highest_wrong < lowest_right) return fmt::format("right for x >= {:.3g}, wrong below: a cut-off or cancellation in the tail", lowest_right);
    if (lowest_wrong > highest_right) return fmt::format("right for x <= {:.3g}, wrong above: a cut-off or cancellation in the tail", highest_right);
    return {};
  }

  const Evidence& e_;
  std::size_t n_, m_;
  std::vector<std::size_t> wrong_;  // the entries that are not what they should be
  double largest_error_ = 0, largest_ = 0;
};

}  // namespace

std::string hypothesis(const Evidence& evidence) { return Detective(evidence).guess(); }

}  // namespace gradus
