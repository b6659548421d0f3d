// gradus::check on functions of your own: right ones pass, wrong ones fail with a message that says what and where.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <autodiff/verify/check.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;

const auto rosenbrock = [](const auto& x) {
  const auto a = 1.0 - x[0];
  const auto b = x[1] - x[0] * x[0];
  return a * a + 100.0 * (b * b);
};
double plain_rosenbrock(const std::vector<double>& x) { return rosenbrock(x); }
std::vector<double> rosenbrock_gradient(const std::vector<double>& x) {
  const double b = x[1] - x[0] * x[0];
  return {-2 * (1 - x[0]) - 400 * x[0] * b, 200 * b};
}

BOOST_AUTO_TEST_CASE(the_tape_gradient_of_rosenbrock_agrees) { BOOST_TEST(check(rosenbrock, {-1.2, 1.0})); }

BOOST_AUTO_TEST_CASE(a_right_hand_written_gradient_agrees) { BOOST_TEST(check(rosenbrock, rosenbrock_gradient, {-1.2, 1.0})); }

BOOST_AUTO_TEST_CASE(code_that_knows_nothing_of_gradus_can_be_checked) { BOOST_TEST(check(plain_rosenbrock, rosenbrock_gradient, {-1.2, 1.0})); }

BOOST_AUTO_TEST_CASE(wrong_hand_written_gradients_fail) {
  const auto wrong = [](auto change) {
    return [change](const std::vector<double>& x) {
      std::vector<double> g = rosenbrock_gradient(x);
      change(g);
      return g;
    };
  };
  using Gradient = std::vector<double>;
  BOOST_TEST((check(rosenbrock, wrong([](Gradient& g) { g[0] = -g[0]; }), {-1.2, 1.0}).verdict == Verdict::fail));
  BOOST_TEST((check(rosenbrock, wrong([](Gradient& g) { g[1] *= 1 + 1e-9; }), {-1.2, 1.0}).verdict == Verdict::fail));
  BOOST_TEST((check(rosenbrock, wrong([](Gradient& g) { std::swap(g[0], g[1]); }), {-1.2, 1.0}).verdict == Verdict::fail));
  BOOST_TEST((check(rosenbrock, wrong([](Gradient& g) { g[1] = 0; }), {-1.2, 1.0}).verdict == Verdict::fail));
  BOOST_TEST((check(rosenbrock, wrong([](Gradient& g) { g[0] = std::nan(""); }), {-1.2, 1.0}).verdict == Verdict::fail));
  BOOST_TEST((check(plain_rosenbrock, wrong([](Gradient& g) { g[0] *= 1 + 1e-9; }), {-1.2, 1.0}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(the_message_names_the_entry_and_the_oracles) {
  const std::string text = describe(check(rosenbrock, [](const std::vector<double>&) { return std::vector<double>{-215.6, 88}; }, {-1.2, 1.0}));
  for (const char* part : {"FAIL", "d f / d x[1]", "x[0] = -1.2", "got", "88", "tape", "forward mode", "difference", "-88"})
    BOOST_TEST(text.find(part) != std::string::npos, part << " is missing in\n" << text);
  BOOST_TEST(text.find("d f / d x[0]") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_kink_accepts_what_lies_between_the_slopes_and_nothing_else) {
  const auto f = [](const std::vector<double>& x) { return std::fabs(x[0]); };
  const auto claim = [&](double g) { return check(f, [g](const std::vector<double>& x) { return std::vector<double>{x[0] == 0 ? g : x[0] / std::fabs(x[0])}; }, {0.0}).verdict; };
  BOOST_TEST((claim(0) == Verdict::kink));
  BOOST_TEST((claim(1) == Verdict::kink));
  BOOST_TEST((claim(-1) == Verdict::kink));
  BOOST_TEST((claim(1.5) == Verdict::fail));
  BOOST_TEST(check([](const auto& x) { return relu(x[0]) + x[1]; }, {0.0, 2.0}));
}

BOOST_AUTO_TEST_CASE(hard_but_right_gradients_are_never_flagged) {
  BOOST_TEST(check([](const auto& x) { return x[0] * x[1] - x[2] * x[3]; }, {1e8, 1 + 1e-8, 1e8, 1.0}));  // cancellation
  BOOST_TEST(check([](const auto& x) { return tanh(x[0]); }, {18.0}));
  BOOST_TEST(check([](const auto& x) { return 1e300 * sin(x[0]); }, {0.7}));
  BOOST_TEST(check([](const auto& x) { return x[0] * x[0] * x[0]; }, {0.0}));
  BOOST_TEST(check([](const auto& x) { return cos(x[0]); }, {0.0}));
  BOOST_TEST(check([](const auto& x) { return sin(1000.0 * x[0]) + 0.0 * x[1]; }, {0.3, 5.0}));
  BOOST_TEST(check([](const auto& x) { return log(x[0]) + sqrt(x[0]); }, {1e-6}));
}

BOOST_AUTO_TEST_CASE(every_pass_says_what_it_would_have_seen) {
  const CheckResult r = check(rosenbrock, {-1.2, 1.0});
  BOOST_TEST(r.detection_limit > 0);
  BOOST_TEST(r.detection_limit < 1e-11);
}

BOOST_AUTO_TEST_CASE(a_gradient_of_zero_and_a_kink_have_a_limit_too) {
  const auto plateau = [](const std::vector<double>& x) { return std::min(x[0], 1.0); };
  const auto zero = [](const std::vector<double>&) { return std::vector<double>{0}; };
  const CheckResult flat = check(plateau, zero, {3.0});
  BOOST_TEST(flat);
  BOOST_TEST(flat.detection_limit == 0);
  BOOST_TEST(flat.absolute_limit > 0);
  BOOST_TEST(flat.absolute_limit < 1e-10);
  BOOST_TEST(!check(plateau, [&](const std::vector<double>&) { return std::vector<double>{2 * flat.absolute_limit}; }, {3.0}));
  const CheckResult kink = check(plateau, zero, {1.0});
  BOOST_TEST((kink.verdict == Verdict::kink));
  BOOST_TEST(kink.absolute_limit >= 0.5);  // anything from 0 to 1 would have been accepted
  BOOST_TEST(kink.absolute_limit < 0.51);
}

BOOST_AUTO_TEST_CASE(a_gradient_along_directions_has_a_limit_for_each_entry) {
  const std::vector<double> x(1000, 0.5);
  const auto f = [](const std::vector<double>& at) { double s = 0; for (const double v : at) s += v * v; return s; };
  const auto off_by = [](double error) { return [error](const std::vector<double>& at) { std::vector<double> g; for (const double v : at) g.push_back(2 * v); g[500] += error; return g; }; };
  const CheckResult r = check(f, off_by(0), x);
  BOOST_TEST(r);
  BOOST_TEST(r.absolute_limit > 0);
  BOOST_TEST(r.absolute_limit < 1e-9);
  BOOST_TEST((check(f, off_by(2 * r.absolute_limit), x).verdict == Verdict::fail));
  BOOST_TEST(r.detection_limit == 0);  // a share of a slope along a direction says nothing of an entry much smaller than others
}

BOOST_AUTO_TEST_CASE(the_nearest_kink_is_told_with_its_distance_and_slopes) {
  const auto f = [](const std::vector<double>& x) { return 3 * std::max(x[0] - 0.31, 0.0) + std::fabs(x[0] - 0.25) + x[1] * x[1]; };
  const auto gradient = [](const std::vector<double>& x) { return std::vector<double>{(x[0] > 0.31 ? 3.0 : 0.0) + (x[0] > 0.25 ? 1 : -1), 2 * x[1]}; };
  const CheckResult between = check(f, gradient, {0.3, 1.0});
  BOOST_TEST(between);
  BOOST_REQUIRE(between.nearest_kink.has_value());
  BOOST_TEST(between.nearest_kink->input == "x[0]");
  BOOST_TEST(between.nearest_kink->at == 0.31, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(between.nearest_kink->distance == 0.01, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(between.nearest_kink->left_slope == 1, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(between.nearest_kink->right_slope == 4, boost::test_tools::tolerance(1e-6));
  const CheckResult close = check(f, gradient, {0.25 + 1e-9, 1.0});
  BOOST_TEST(close);
  BOOST_REQUIRE(close.nearest_kink.has_value());
  BOOST_TEST(close.nearest_kink->distance == 1e-9, boost::test_tools::tolerance(1e-3));
  const CheckResult on = check(f, gradient, {0.25, 1.0});
  BOOST_TEST(on);
  BOOST_REQUIRE(on.nearest_kink.has_value());
  BOOST_TEST(on.nearest_kink->distance == 0);
  BOOST_TEST(on.nearest_kink->gradient == -1);
  BOOST_TEST(describe(on).find("x[0] = 0.25 lies on one: slopes -1 and 1 on its sides, -1 by the gradient") != std::string::npos, describe(on));
}

BOOST_AUTO_TEST_CASE(smooth_functions_have_no_kink_however_much_they_bend) {
  for (const double x : {0.3, 1e-4, 0.0}) {
    BOOST_TEST(!check([](const auto& v) { return sin(1000.0 * v[0]); }, {x}).nearest_kink.has_value());
    BOOST_TEST(!check([](const auto& v) { return 1.0 / (v[0] * v[0] + 1e-6); }, {x}).nearest_kink.has_value());
    BOOST_TEST(!check([](const auto& v) { return tanh(1e5 * v[0]); }, {x}).nearest_kink.has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_cotangent_can_be_given) {
  const auto f = [](const auto& x) { return std::vector{x[0] * x[1], sin(x[0])}; };
  BOOST_TEST(check(f, {0.5, 2.0}, {.cotangent = {1, 0}}));
  BOOST_CHECK_THROW(static_cast<void>(check(f, {0.5, 2.0}, {.cotangent = {1}})), ShapeError);
}

BOOST_AUTO_TEST_CASE(what_is_no_gradient_of_any_function_is_not_symmetric) {
  // Right where it is checked entry by entry, wrong beside it: curl.
  Subject s;
  s.value = [](Subject::View x) { return Subject::Values{x[0] * x[1]}; };
  s.pullback = [](Subject::View x, Subject::View w) { return Subject::Values{w[0] * (x[1] + 0.5 * (x[1] - 2)), w[0] * x[0]}; };
  const CheckResult r = check(s, std::vector<double>{0.5, 2.0});
  BOOST_TEST((r.verdict == Verdict::fail));
  const bool told = std::any_of(r.oracles.begin(), r.oracles.end(), [](const OracleCount& o) { return o.oracle == "symmetry" && o.disagreed > 0; });
  BOOST_TEST(told, describe(r));
}

BOOST_AUTO_TEST_CASE(the_hessian_is_checked_on_demand) {
  const CheckResult r = check_hessian(rosenbrock, {-1.2, 1.0});
  BOOST_TEST(r);
  const auto agreed = [&](const char* oracle) { return std::any_of(r.oracles.begin(), r.oracles.end(), [&](const OracleCount& o) { return o.oracle == oracle && o.agreed > 0; }); };
  BOOST_TEST(agreed("symmetry"));
  BOOST_TEST(agreed("second order"));
  BOOST_TEST(agreed("Taylor"));
  BOOST_TEST(check_hessian([](const auto& x) { return std::vector{softplus(x[0] * x[1]), x[1] / x[0]}; }, {0.7, -1.3}));
}

/// x³ whose second derivative is cut off: the derivative takes the plain value.
struct DetachedCube {
  static constexpr OpInfo info{.name = "cube", .summary = "wrong", .formula = "x^3", .derivatives = {"3*x^2"}};
  static auto value(Number auto x) { return x * x * x; }
  static auto derivative(Number auto x, Number auto /*y*/) { return decltype(x)(3 * plain(x) * plain(x)); }
};
template <Operand X> auto cube(X&& x, Here here = Here()) { return apply_at(here, DetachedCube{}, std::forward<X>(x)); }

BOOST_AUTO_TEST_CASE(a_second_derivative_that_is_cut_off_is_caught_by_the_hessian_alone) {
  const auto f = [](const auto& x) { return cube(x[0]) * x[1]; };
  BOOST_TEST(check(f, {0.7, -1.3}));
  BOOST_TEST((check_hessian(f, {0.7, -1.3}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(an_operation_without_second_derivatives_leaves_the_hessian_undecided) {
  const VectorOp square{.name = "square", .operands = {"x"},
                        .value = [](auto in) { std::vector<double> y; for (const double v : in[0]) y.push_back(v * v); return y; },
                        .pullback = [](auto in, auto up, auto gradients) { for (std::size_t i = 0; i < up.size(); ++i) gradients[0][i] += 2 * in[0][i] * up[i]; }};
  const auto f = [&](const auto& x) { const auto y = square(x); return y[0] * y[1]; };
  BOOST_TEST(check(f, {0.7, -1.3}));
  BOOST_TEST((check_hessian(f, {0.7, -1.3}).verdict == Verdict::inconclusive));
}

BOOST_AUTO_TEST_CASE(a_gradient_of_the_wrong_size_is_an_error) {
  BOOST_CHECK_THROW(static_cast<void>(check(rosenbrock, [](const std::vector<double>&) { return std::vector<double>{1}; }, {-1.2, 1.0})), ShapeError);
}

BOOST_AUTO_TEST_CASE(oracles_that_contradict_each_other_do_not_blame_the_gradient) {
  GradientUnderTest test;
  test.x = {1.0};
  test.gradient = {2.0};
  test.value = [](std::span<const double> x) { return x[0] * x[0]; };
  test.oracles.push_back({"broken oracle", {3.0}, {1e-12}});
  BOOST_TEST((check_gradient(test).verdict == Verdict::oracles_disagree));
}

BOOST_AUTO_TEST_CASE(what_cancels_is_not_blamed_for_its_rounding) {
  // (xy - 1)^3, multiplied out, beside its root.
  const auto expanded = [](const auto& x) {
    const auto t = x[0] * x[1];
    return t * t * t - 3.0 * t * t + 3.0 * t - 1.0;
  };
  for (const double beside : {1e-3, 1e-5, 1e-6}) {
    BOOST_TEST((check(expanded, {1 + beside, 1.0}).verdict != Verdict::fail), beside);
    BOOST_TEST((check_hessian(expanded, {1 + beside, 1.0}).verdict != Verdict::fail), beside);
  }
}

BOOST_AUTO_TEST_CASE(the_second_derivative_of_one_side_is_no_mistake) {
  const auto huber = [](const auto& x) {
    const auto e = x[0] * x[1];
    if (e > 1.0) return 1.0 * e - 0.5;
    return 0.5 * e * e;
  };
  BOOST_TEST(check_hessian(huber, {1.0, 1.0}));
}

BOOST_AUTO_TEST_CASE(a_hessian_product_depends_on_the_cotangent) {
  Subject s;
  s.value = [](Subject::View x) { return std::vector{x[0] * x[0] * x[1] + std::sin(x[1])}; };
  s.pullback = [](Subject::View x, Subject::View w) { return std::vector{w[0] * 2 * x[0] * x[1], w[0] * (x[0] * x[0] + std::cos(x[1]))}; };
  const auto product = [](bool right) {
    return [right](Subject::View x, Subject::View w, Subject::View v) {
      const double c = right ? w[0] : 1;
      return std::vector{c * (2 * x[1] * v[0] + 2 * x[0] * v[1]), c * (2 * x[0] * v[0] - std::sin(x[1]) * v[1])};
    };
  };
  const std::vector<double> at = {0.3, 0.8};
  s.hessian_vector = product(true);
  BOOST_TEST(check(s, at));
  s.hessian_vector = product(false);
  BOOST_TEST((check(s, at).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_before_what_could_not_be_judged) {
  CheckResult r;
  Finding f{.quantity = "undecided", .where = "", .regime = "", .opinions = {}, .message = ""};
  f.verdict = Verdict::inconclusive;
  r.take(f);
  f.verdict = Verdict::fail, f.quantity = "wrong";
  r.take(f);
  BOOST_TEST(describe(r).find("FAIL wrong") < describe(r).find("INCONCLUSIVE undecided"));
}

BOOST_AUTO_TEST_CASE(the_detection_limit_tells_of_a_derivative_that_is_hardly_seen) {
  const auto f = [](const std::vector<double>& x) { return 1e6 * x[0] * x[0] + 1e-3 * std::sin(x[1]) + std::exp(x[2]); };
  const auto gradient = [](double wrong) {
    return [=](const std::vector<double>& x) { return std::vector{2e6 * x[0], (1 + wrong) * 1e-3 * std::cos(x[1]), std::exp(x[2])}; };
  };
  const CheckResult r = check(f, gradient(0), {0.3, 0.7, 0.1});
  BOOST_TEST(r, describe(r));
  BOOST_TEST(r.worst_detection_limit > 100 * r.detection_limit);
  BOOST_TEST(describe(r).find("seen least") != std::string::npos, describe(r));
  BOOST_TEST((check(f, gradient(2 * r.worst_detection_limit), {0.3, 0.7, 0.1}).verdict == Verdict::fail));
}

}  // namespace
