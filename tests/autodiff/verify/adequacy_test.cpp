// Tests of the advice: what a test could not have shown, and silence where it could.
#include <algorithm>
#include <cmath>

#include <boost/test/unit_test.hpp>

#include <autodiff/verify/adequacy.hpp>
#include <autodiff/verify/check.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;
using Values = Subject::Values;
using View = Subject::View;

bool advises(const std::vector<std::string>& advice, const std::string& what) {
  return std::any_of(advice.begin(), advice.end(), [&](const std::string& a) { return a.find(what) != std::string::npos; });
}

const VectorOp scaled{.name = "scaled", .operands = {"x", "slope"},
                      .value = [](auto in) {
                        Values y;
                        for (const double x : in[0]) y.push_back(x > 0 ? x : in[1][0] * x);
                        return y;
                      },
                      .pullback = [](auto in, auto up, auto to) {
                        for (std::size_t i = 0; i < up.size(); ++i) {
                          to[0][i] += (in[0][i] > 0 ? 1 : in[1][0]) * up[i];
                          if (in[0][i] <= 0) to[1][0] += in[0][i] * up[i];
                        }
                      }};

BOOST_AUTO_TEST_CASE(a_slope_of_one_hides_a_rule_that_forgets_it) {
  BOOST_TEST(advises(check(scaled, std::vector<Values>{{-1.5, 0.4}, {1.0}}).advice, "slope = 1"));
  BOOST_TEST(check(scaled, std::vector<Values>{{-1.5, 0.4}, {0.25}}).advice.empty());
}

BOOST_AUTO_TEST_CASE(inputs_of_one_sign_visit_one_branch) {
  BOOST_TEST(advises(check(scaled, std::vector<Values>{{1.5, 0.4}, {0.25}}).advice, "every x is positive"));
  BOOST_TEST(advises(check(Relu{}, Values{0.5, 2.0}).advice, "above the kink at 0"));
  BOOST_TEST(check(Relu{}, Values{0.5, -2.0}).advice.empty());
  BOOST_TEST(check(Log{}, Values{0.5, 2.0}).advice.empty());  // there is no other side
}

BOOST_AUTO_TEST_CASE(a_batch_of_one_hides_a_missing_sum) {
  BOOST_TEST(advises(check(Prelu{}, Values{-1.5, 0.25}).advice, "every operand has one element"));
  BOOST_TEST(!advises(check(Prelu{}, Values{-1.5, 0.25, 2.0, 0.5}).advice, "one element"));
}

BOOST_AUTO_TEST_CASE(a_symmetric_jacobian_hides_a_transpose) {
  const auto linear = [](double a, double b) {
    Subject s;
    s.value = [=](View x) { return Values{2 * x[0] + a * x[1], b * x[0] - x[1]}; };
    s.pullback = [=](View, View w) { return Values{2 * w[0] + b * w[1], a * w[0] - w[1]}; };
    return check(s, Values{0.3, -0.7});
  };
  BOOST_TEST(advises(linear(3, 3).advice, "symmetric"));
  BOOST_TEST(linear(3, 4).advice.empty());
}

BOOST_AUTO_TEST_CASE(one_hot_labels_and_equal_inputs_are_noticed) {
  Subject s;
  s.inputs = {"z[0]", "z[1]", "y[0]", "y[1]"};
  s.value = [](View x) { return Values{std::log(std::exp(x[0]) + std::exp(x[1])) * (x[2] + x[3]) - x[0] * x[2] - x[1] * x[3]}; };
  s.pullback = [](View x, View w) {
    const double e0 = std::exp(x[0]), e1 = std::exp(x[1]), sum = x[2] + x[3], log_sum = std::log(e0 + e1);
    return Values{w[0] * (e0 / (e0 + e1) * sum - x[2]), w[0] * (e1 / (e0 + e1) * sum - x[3]), w[0] * (log_sum - x[0]), w[0] * (log_sum - x[1])};
  };
  BOOST_TEST(advises(check(s, Values{0.4, -1.3, 0, 1}).advice, "every y is 0 or 1"));
  BOOST_TEST(advises(check(s, Values{0.4, 0.4, 0.3, 0.6}).advice, "z[0] and z[1] are equal"));
}

BOOST_AUTO_TEST_CASE(normal_points_alone_are_said_to_be_so) {
  Subject s;
  s.value = [](View x) { return Values{std::tanh(x[0])}; };
  s.pullback = [](View x, View w) { return Values{w[0] * 4 / std::pow(std::exp(x[0]) + std::exp(-x[0]), 2)}; };
  BOOST_TEST(advises(check_everywhere(s, 1, {.hard = false}).advice, "normal points only"));
  BOOST_TEST(!advises(check_everywhere(s, 1, {.hard = true}).advice, "normal points only"));
}

}  // namespace
