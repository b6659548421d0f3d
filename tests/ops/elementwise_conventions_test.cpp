// What every op does at kinks, ties, infinities and NaN, with bad parameters, under extreme upstream adjoints, and in second derivatives.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include <autodiff/dual.hpp>
#include <autodiff/error.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;

constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();

template <class Op> double derivative(const Op& op, double x) { return gradus::apply(op, Dual<double>(x, 1.0)).tangent; }
template <class Op> double gradient(const Op& op, double x, double upstream) { return gradus::apply(op, Dual<double>(x, upstream)).tangent; }
template <class F> double slope(const F& f, double x) { return f(Dual<double>(x, 1.0)).tangent; }

template <class F, class... Ops> void for_each_unary(OpList<Ops...>, const F& visit) {
  const auto one = [&]<class Op>(const Op& op) {
    if constexpr (UnaryOp<Op>) visit(op);
  };
  (one(Ops{}), ...);
}
using Activations = OpList<Sigmoid, Tanh, Relu, LeakyRelu, Elu, Celu, Selu, Softplus, LogSigmoid, Gelu, GeluTanh, Silu, Mish, HardSigmoid, HardSigmoidAb,
                           HardSwish, HardTanh, SoftSign>;

BOOST_AUTO_TEST_CASE(nan_stays_nan_in_value_and_derivative) {
  for_each_unary(ElementwiseOps{}, [](const auto& op) {
    BOOST_TEST(std::isnan(gradus::apply(op, nan)), op.info.name << "(NaN)");
    BOOST_TEST(std::isnan(derivative(op, nan)), op.info.name << "'(NaN)");
  });
  for (const bool first : {true, false}) {
    const Dual<double> a(first ? nan : 1.0, 1.0), b(first ? 1.0 : nan, 1.0);
    BOOST_TEST(std::isnan(max(a, b).value));
    BOOST_TEST(std::isnan(min(a, b).value));
    BOOST_TEST(std::isnan(max(a, b).tangent));
  }
}

BOOST_AUTO_TEST_CASE(outside_the_domain_value_and_derivative_are_nan) {
  for_each_unary(ElementwiseOps{}, [](const auto& op) {
    for (const double x : {-infinity, -7.0, -1.5, 1.5, infinity}) {
      if (op.info.domain.empty() || op.info.domain[0].contains(x) || std::abs(x) == op.info.domain[0].high) continue;
      BOOST_TEST(std::isnan(gradus::apply(op, x)), op.info.name << " at " << x);
      BOOST_TEST(std::isnan(derivative(op, x)), op.info.name << "' at " << x);
    }
  });
}

BOOST_AUTO_TEST_CASE(activations_have_their_limits_at_infinity) {
  for_each_unary(Activations{}, [](const auto& op) {
    for (const double x : {infinity, -infinity}) {
      const double far = std::copysign(1e6, x);
      const double value = gradus::apply(op, x), nearby = gradus::apply(op, far);
      BOOST_TEST((std::abs(value - nearby) < 1e-5 || (std::isinf(value) && std::abs(nearby) > 1e3)), op.info.name << " at " << x << ": " << value);
      BOOST_TEST(std::abs(derivative(op, x) - derivative(op, far)) < 1e-11, op.info.name << "' at " << x << ": " << derivative(op, x));
    }
  });
}

BOOST_AUTO_TEST_CASE(kinks_follow_pytorch) {
  BOOST_TEST(derivative(Relu{}, 0) == 0);
  BOOST_TEST(derivative(LeakyRelu{0.3}, 0) == 0.3);
  BOOST_TEST(derivative(Elu{0.5}, 0) == 0.5);
  BOOST_TEST(derivative(Celu{0.5}, 0) == 1);
  BOOST_TEST(derivative(Abs{}, 0) == 0);
  for (const double end : {-1.0, 1.0}) BOOST_TEST(derivative(HardTanh{}, end) == 0);
  for (const double end : {-3.0, 3.0}) BOOST_TEST(derivative(HardSigmoid{}, end) == 0);
  BOOST_TEST(derivative(HardSwish{}, -3) == -0.5);
  BOOST_TEST(derivative(HardSwish{}, 3) == 1.5);
  BOOST_TEST(derivative(Sqrt{}, 0) == infinity);
  BOOST_TEST(derivative(Log{}, 0) == infinity);
  BOOST_TEST(slope([](auto x) { return max(x, 1.0); }, 1) == 0.5);
  BOOST_TEST(slope([](auto x) { return min(1, x); }, 1) == 0.5);
  BOOST_TEST(slope([](auto x) { return prelu(x, 0.25); }, 0) == 0.25);
  BOOST_TEST(slope([](auto x) { return hypot(x, 0.0); }, 0) == 0);
}

BOOST_AUTO_TEST_CASE(powers_at_their_edges) {
  BOOST_TEST(slope([](auto a) { return pow(a, 0.0); }, 0) == 0);
  BOOST_TEST(slope([](auto a) { return pow(a, 1.0); }, 0) == 1);
  BOOST_TEST(slope([](auto a) { return pow(a, 2.0); }, 0) == 0);
  BOOST_TEST(slope([](auto a) { return pow(a, 0.5); }, 0) == infinity);
  BOOST_TEST(slope([](auto a) { return pow(a, 3.0); }, -2) == 12);
  BOOST_TEST(slope([](auto b) { return pow(0.0, b); }, 2) == 0);
  BOOST_TEST(slope([](auto b) { return pow(0.0, b); }, -2) == -infinity);
  BOOST_TEST(std::isnan(slope([](auto b) { return pow(-2.0, b); }, 2)));
  BOOST_TEST(std::isnan(slope([](auto a) { return pow(a, 0.5); }, -2)));
}

// Expected numbers: 40 digits, rounded.
BOOST_AUTO_TEST_CASE(a_saturated_derivative_meets_its_upstream_before_it_is_rounded) {
  const double upstream = 0x1p1000, expected = 3.930159187026143e-47;  // exp(-800)*2^1000
  BOOST_TEST(gradient(Sigmoid{}, 800, upstream) == expected, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Sigmoid{}, -800, upstream) == expected, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Tanh{}, 400, upstream) == 4 * expected, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Elu{2}, -800, upstream) == 2 * expected, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Softplus{}, -800, upstream) == expected, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Gelu{}, -40, upstream) == -6.267709352255354e-46, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Silu{}, -800, upstream) == -799 * expected, boost::test_tools::tolerance(4e-16));
  BOOST_TEST(gradient(Mish{}, -800, upstream) == -799 * expected, boost::test_tools::tolerance(4e-16));
}

BOOST_AUTO_TEST_CASE(parameters_that_make_no_sense_are_refused) {
  BOOST_CHECK_THROW((void)celu(1.0, 0), ArgumentError);
  BOOST_CHECK_THROW((void)celu(1.0, nan), ArgumentError);
  BOOST_CHECK_THROW((void)elu(1.0, nan), ArgumentError);
  BOOST_CHECK_THROW((void)leaky_relu(1.0, nan), ArgumentError);
  BOOST_CHECK_THROW((void)hardtanh(1.0, 2, 1), ArgumentError);
  BOOST_CHECK_THROW((void)hardtanh(1.0, nan, 1), ArgumentError);
  BOOST_CHECK_THROW((void)hardsigmoid_ab(1.0, nan), ArgumentError);
}

BOOST_AUTO_TEST_CASE(plain_and_mixed_operands_are_numbers) {
  BOOST_TEST(sigmoid(0) == 0.5);
  BOOST_TEST(relu(-2) == 0);
  static_assert(std::is_same_v<decltype(gelu(1.0f)), float>);
  static_assert(std::is_same_v<decltype(prelu(-2.0f, 0.5)), double>);
  const Dual<double> x(2.0, 1.0);
  BOOST_TEST(pow(x, 3).tangent == 12);
  BOOST_TEST(hypot(3, Dual<double>(4.0, 1.0)).tangent == 0.8);
  BOOST_TEST(atan2(x, 2).value == std::atan2(2.0, 2.0));
}

// The rules themselves are formulas, so a Dual through them is the second derivative; central differences of the first agree with it.
BOOST_AUTO_TEST_CASE(rules_differentiate_to_second_derivatives) {
  for_each_unary(ElementwiseOps{}, [](const auto& op) {
    for (const double x : {-9.3, -2.2, -0.7, -0.1, 0.15, 0.8, 1.9, 5.5}) {
      if (!op.info.domain.empty() && !op.info.domain[0].contains(x)) continue;
      const Dual<Dual<double>> y = gradus::apply(op, Dual<Dual<double>>(Dual<double>(x, 1.0), Dual<double>(1.0)));
      const double h = 1e-5 * std::min(1.0, std::abs(x)), expected = (derivative(op, x + h) - derivative(op, x - h)) / (2 * h);
      const double size = std::abs(expected) + std::abs(derivative(op, x)) + 1e-3;
      BOOST_TEST(std::abs(y.tangent.tangent - expected) < 1e-7 * size * (1 + 1 / std::abs(x)), op.info.name << "'' at " << x << ": " << y.tangent.tangent << ", not " << expected);
      BOOST_TEST(y.tangent.value == derivative(op, x), boost::test_tools::tolerance(1e-14));
    }
  });
}

}  // namespace
