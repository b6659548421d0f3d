// What the checker can check: a function and the pullback that someone wrote for it, as code that may know nothing of Gradus.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <autodiff/op.hpp>

namespace gradus {

/// A function of n reals with m results, and the derivative that is under test. Only `value` and `pullback` are needed; everything else adds
/// checks or oracles. All functions take x by reference to n doubles and must not keep it.
struct Subject {
  using Values = std::vector<double>;
  using View = std::span<const double>;

  std::string name = "f";
  std::vector<std::string> inputs;                          ///< names of the inputs; x[0], x[1], … if empty
  std::vector<double> kinks;                                ///< where each input, alone, has a corner: for advice on what was not visited
  std::function<Values(View x)> value;                      ///< the m results
  std::function<Values(View x, View cotangent)> pullback;   ///< under test: the cotangent (m numbers) times the Jacobian: n numbers

  /// Under test too, if given: adds to gradient what pullback returns.
  std::function<void(View x, View cotangent, std::span<double> gradient)> accumulate;
  /// Under test too, if given: runs forward, and returns the pullback at x. For code that saves values between the two.
  std::function<std::function<Values(View cotangent)>(View x)> record;
  /// Under test too, if given: the Hessian of the weighted sum of the results, times v.
  std::function<Values(View x, View cotangent, View v)> hessian_vector;

  /// The Jacobian times a tangent (n numbers), by other means than the pullback: m numbers.
  std::function<Values(View x, View tangent)> pushforward;

  /// What a gradient should be, how far that may be from the truth, and the sum of |terms| that each entry is made of:
  /// what a pullback in double may be wrong by, in units of rounding. Entries of `bound` may be infinite: no opinion.
  struct Expected { Values gradient, bound, scale; };
  /// An independent way to the gradient.
  struct Witness {
    std::string name;                                       ///< "closed form", "high precision", …
    std::function<Expected(View x, View cotangent)> gradient;
  };
  std::vector<Witness> witnesses;

  std::vector<Domain> domain;                               ///< one an input; the whole line if empty
  double operations = 16;                                   ///< operations on the longest path of the pullback: roundings that add up
  double noise = 0;                                         ///< declared: values may differ by this much, relatively, from call to call
};

}  // namespace gradus
