// Checks the gradient of your function: BOOST_TEST(gradus::check(f, {-1.2, 1.0})).
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <autodiff/drivers.hpp>
#include <autodiff/verify/report.hpp>

namespace gradus {

/// A gradient at a point, and what it can be judged by. The templates below fill it in; fill it yourself to check what they cannot call.
struct GradientUnderTest {
  std::string name = "f";
  std::vector<std::string> inputs;                         ///< names of the inputs; x[0], x[1], … if empty
  std::vector<double> x;
  std::vector<double> gradient;                            ///< what is checked
  std::function<double(std::span<const double>)> value;    ///< the function in double
  std::vector<double> scale;                               ///< running-error scale of each entry: the sum of |terms| it is made of; |gradient| if empty
  double operations = 1;                                   ///< operations on the longest path
  struct Oracle {
    std::string name;
    std::vector<double> expected, bound;                   ///< a NaN bound: this entry cannot be told, for `note`
    std::string note = {};
  };
  std::vector<Oracle> oracles;                             ///< beside the finite difference
};

/// Judges every entry of a gradient by the finite-difference estimator and the given oracles. Throws ShapeError when sizes differ.
[[nodiscard]] CheckResult check_gradient(const GradientUnderTest& test);

namespace detail {
/// Adds the tape's running-error scale and the forward mode to a test.
template <class F> void add_engine_oracles(GradientUnderTest& test, F& f) {
  const PooledTape<double> pooled;
  const BasicRecording recording(pooled->tape);
  const auto y = f(std::as_const(make_inputs(pooled->inputs, test.x)));
  if constexpr (AVar<decltype(y)>) {
    if (!y.is_constant() && pooled->tape.blocks().empty()) {
      pooled->tape.sweep_magnitudes(y, pooled->adjoints);
      for (const auto& x : pooled->inputs) test.scale.push_back(pooled->adjoints[x]);
    }
    test.operations = std::max<double>(1, static_cast<double>(pooled->tape.nodes().size()));
  }
  if constexpr (std::is_invocable_v<F&, const std::vector<Dual<double>>&>) {
    std::vector<Dual<double>> duals(test.x.begin(), test.x.end());
    GradientUnderTest::Oracle forward{"forward mode", {}, {}};
    for (std::size_t i = 0; i < test.x.size(); ++i) {
      duals[i].tangent = 1;
      const Dual<double> d = f(std::as_const(duals));
      duals[i].tangent = 0;
      forward.expected.push_back(d.tangent);
      const double scale = i < test.scale.size() ? test.scale[i] : std::fabs(d.tangent);
      forward.bound.push_back(4 * std::min(test.operations, 1e6) * std::numeric_limits<double>::epsilon() * scale);
    }
    test.oracles.push_back(std::move(forward));
  }
}
template <class F> double plain_value(F& f, std::span<const double> x) {
  if constexpr (std::is_invocable_v<F&, const std::vector<double>&>) {
    const std::vector<double> v(x.begin(), x.end());
    return static_cast<double>(f(v));
  } else {
    return value_and_gradient(f, x).value;
  }
}
}  // namespace detail

/// Checks the tape's gradient of f at x against forward mode and finite differences. f is a callable over a vector of any Number.
template <class F> [[nodiscard]] CheckResult check(F&& f, std::span<const double> x) {
  GradientUnderTest test;
  test.x.assign(x.begin(), x.end());
  test.gradient = gradient(f, x);
  test.value = [&f](std::span<const double> at) { return detail::plain_value(f, at); };
  detail::add_engine_oracles(test, f);
  return check_gradient(test);
}
template <class F> [[nodiscard]] CheckResult check(F&& f, std::initializer_list<double> x) { return check(std::forward<F>(f), std::span(x.begin(), x.size())); }

/// Checks a hand-written gradient: hand_written(x) returns the gradient as a range of doubles. Only f's values are needed; when f can be called
/// with Vars too, the tape and forward mode are oracles beside the finite difference.
template <class F, class G>
  requires std::is_invocable_v<G&, const std::vector<double>&>
[[nodiscard]] CheckResult check(F&& f, G&& hand_written, std::span<const double> x) {
  GradientUnderTest test;
  test.x.assign(x.begin(), x.end());
  const auto given = hand_written(std::as_const(test.x));
  test.gradient.assign(std::begin(given), std::end(given));
  test.value = [&f](std::span<const double> at) { return detail::plain_value(f, at); };
  if constexpr (std::is_invocable_v<F&, const std::vector<Var>&>) {
    detail::add_engine_oracles(test, f);
    GradientUnderTest::Oracle tape{"tape", gradient(f, x), {}};
    for (std::size_t i = 0; i < tape.expected.size(); ++i)
      tape.bound.push_back(4 * std::min(test.operations, 1e6) * std::numeric_limits<double>::epsilon() * (i < test.scale.size() ? test.scale[i] : std::fabs(tape.expected[i])));
    test.oracles.push_back(std::move(tape));
  }
  return check_gradient(test);
}
template <class F, class G>
  requires std::is_invocable_v<G&, const std::vector<double>&>
[[nodiscard]] CheckResult check(F&& f, G&& hand_written, std::initializer_list<double> x) {
  return check(std::forward<F>(f), std::forward<G>(hand_written), std::span(x.begin(), x.size()));
}

}  // namespace gradus
