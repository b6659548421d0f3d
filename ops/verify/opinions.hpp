// The two oracles in 400 digits: an exact value, and the difference quotient of a function.
#pragma once

#include <functional>
#include <string>

#include <autodiff/verify/report.hpp>
#include <ops/verify/high_precision.hpp>

namespace gradus {

/// What an exact value says of `got`: right within `claim` ulps of max(|truth|, scale). Undecided where the truth is NaN. Keeps the largest error.
[[nodiscard]] Opinion exact_opinion(const char* oracle, double got, const BigFloat& truth, const BigFloat& scale, double claim, Worst& worst, const std::string& where);

/// A derivative by difference quotients in 400 digits. `change(h)` is the function at x + h.
struct BigDifference {
  enum class Status { smooth, kink, unknown } status = Status::unknown;
  BigFloat value = 0;                      ///< smooth: the central quotient
  double bound = 0;                        ///< smooth: |value - derivative| is at most this
  double left_slope = 0, right_slope = 0;  ///< kink
};
[[nodiscard]] BigDifference big_difference(const std::function<BigFloat(const BigFloat&)>& change, double x);

/// What the difference quotient says of `got`: right within `claim` + 1 ulps of max(|value|, scale); at a kink, within the one-sided slopes.
[[nodiscard]] Opinion opinion_of(const BigDifference& d, double got, double scale, double claim);

}  // namespace gradus
