// gradus::check on functions of your own: right ones pass, wrong ones fail with a message that says what and where.
#include <boost/test/unit_test.hpp>

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

}  // namespace
