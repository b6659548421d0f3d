// The finite-difference estimator: a derivative from values alone, with an error bound that can be trusted, and kinks told from noise.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>

#include <autodiff/op.hpp>
#include <autodiff/verify/report.hpp>

namespace gradus {

enum class DifferenceStatus {
  accepted,      ///< two extrapolations agree; |value - derivative| <= error
  kink,          ///< one-sided slopes differ at every step size: the point is a kink
  inconclusive,  ///< nothing agreed, or the function is not finite around the point
};

struct Difference {
  DifferenceStatus status = DifferenceStatus::inconclusive;
  double value = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::infinity();  ///< of value; at a kink, of the slopes by rounding
  double left_slope = std::numeric_limits<double>::quiet_NaN(), right_slope = std::numeric_limits<double>::quiet_NaN();  ///< at the smallest step tried
  bool rough = false;      ///< values jump around x: the value is the slope between two jumps
  double rough_step = 0;   ///< the smallest at which they did
  bool grain = false;      ///< small steps do not move f, larger ones do: the value is that of the larger ones
  bool near_kink = false;  ///< a kink lay within the first stencil
  double rejected = 0;     ///< the largest step that was too large; 0 if the first two agreed
  double step = 0;         ///< the smaller of the first two that agreed
  int evaluations = 0;
};

/// The derivative of f at x by repeated Romberg extrapolation of central differences. Never evaluates f outside `domain`.
/// Raw extrapolation estimates are below the true error in most cases: a floor from the rounding of f, and the agreement of two tableaux
/// of different step sizes, make the bound hold. 22 to 60 evaluations of f.
/// `magnitude` is that of the terms which f adds up, where it can be much larger than f: it sets the floor.
/// `scatter` is how far values are known to be off, where that is more than their own rounding.
[[nodiscard]] Difference difference(const std::function<double(double)>& f, double x, const Domain& domain = {}, double magnitude = 0, double scatter = 0);

/// Whether f jumps at arguments of ordinary size, by more than rounding in float makes it jump: it rounds, as floor does. Far out, where steps of 1
/// are small beside x, such a function looks like one with another slope. About 1000 evaluations.
[[nodiscard]] bool moves_in_steps(const std::function<double(double)>& f, const Domain& domain = {});

/// Whether what jumps within `step` of x does so again and again; a single pole or front beside x leaves the slope at x what it is. 200 evaluations.
[[nodiscard]] bool jumps_again(const std::function<double(double)>& f, double x, double step, const Domain& domain = {});

/// Whether the slope of f rises and falls again and again at arguments of ordinary size, as that of x + sin(x) does: far out, where a period is small
/// beside x, the slope that can be seen is an average. 512 evaluations.
[[nodiscard]] bool oscillates(const std::function<double(double)>& f, const Domain& domain = {});

/// Where the slope of f jumps nearest to x, as far as `d`, its derivative there, shows one to be near; found by bisection with about 100 evaluations of f.
/// Nothing where no jump stands out. `input` and `gradient` are taken over.
[[nodiscard]] std::optional<NearestKink> nearest_kink(const std::string& input, const std::function<double(double)>& f, double x, const Difference& d, double gradient, const Domain& domain = {});

/// What the estimate says of `got`, which may be wrong by `rounding` for reasons of its own. Undecided when the bound is too wide to mean anything,
/// unless even so they contradict; at a kink, anything between the one-sided slopes is accepted.
[[nodiscard]] Opinion opinion_of(const Difference& d, double got, double rounding);

}  // namespace gradus
