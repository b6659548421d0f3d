// One call each: gradients, directional derivatives, Jacobians, Hessians.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/exp.hpp>
#include <ops/sin.hpp>

using namespace gradus;

namespace {

constexpr auto rosenbrock = [](const auto& x) {
  const auto u = x[1] - x[0] * x[0], v = 1.0 - x[0];
  return 100.0 * u * u + v * v;
};
const auto tight = boost::test_tools::tolerance(1e-13);

}  // namespace

BOOST_AUTO_TEST_CASE(the_gradient_of_rosenbrock_is_known) {
  const auto [value, gradient] = value_and_gradient(rosenbrock, {-1.2, 1.0});
  BOOST_TEST(value == 24.2, tight);
  BOOST_TEST(gradient[0] == -215.6, tight);
  BOOST_TEST(gradient[1] == -88.0, tight);
  BOOST_TEST(gradus::gradient(rosenbrock, {1.0, 1.0})[0] == 0.0);
}

BOOST_AUTO_TEST_CASE(the_directional_derivative_is_the_dot_product_with_the_gradient) {
  const auto d = directional_derivative(rosenbrock, {-1.2, 1.0}, {2.0, -3.0});
  BOOST_TEST(d.value == 24.2, tight);
  BOOST_TEST(d.tangent == 2 * -215.6 + 3 * 88.0, tight);
  BOOST_CHECK_THROW(static_cast<void>(directional_derivative(rosenbrock, {1.0, 1.0}, {1.0})), ShapeError);
}

BOOST_AUTO_TEST_CASE(the_hessian_of_rosenbrock_is_known_and_symmetric) {
  const Matrix h = hessian(rosenbrock, {-1.2, 1.0});
  BOOST_TEST(h(0, 0) == 1330.0, tight);
  BOOST_TEST(h(0, 1) == 480.0, tight);
  BOOST_TEST(h(1, 0) == h(0, 1));
  BOOST_TEST(h(1, 1) == 200.0, tight);
  const auto product = hessian_vector_product(rosenbrock, {-1.2, 1.0}, {1.0, 2.0});
  BOOST_TEST(product[0] == 2290.0, tight);
  BOOST_TEST(product[1] == 880.0, tight);
  BOOST_CHECK_THROW(static_cast<void>(hessian_vector_product(rosenbrock, {1.0, 1.0}, {1.0})), ShapeError);
}

BOOST_AUTO_TEST_CASE(tall_and_wide_jacobians_agree_with_the_formulas) {
  const auto wide = [](const auto& x) { return std::vector{x[0] * x[1] * x[2]}; };
  const Matrix row = jacobian(wide, {2.0, 3.0, 5.0});
  BOOST_TEST((row.rows == 1 && row.columns == 3));
  BOOST_TEST(row.values == (std::vector<double>{15, 10, 6}), boost::test_tools::per_element());
  const auto tall = [](const auto& x) { return std::vector{x[0] * x[0], x[0] * 3.0, x[0] / 2.0}; };
  const Matrix column = jacobian(tall, {2.0});
  BOOST_TEST((column.rows == 3 && column.columns == 1));
  BOOST_TEST(column.values == (std::vector<double>{4, 3, 0.5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_function_without_active_inputs_has_zero_derivatives) {
  const auto constant = [](const auto& x) { return x[0] * 0.0 + 4.0; };
  BOOST_TEST(gradient(constant, {7.0})[0] == 0.0);
  const auto plain = [](const auto&) { return 4.0; };
  BOOST_TEST(gradient(plain, {7.0})[0] == 0.0);
  BOOST_TEST(gradient([](const auto& x) { return x[1]; }, {7.0, 8.0}) == (std::vector<double>{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(drivers_nest) {
  // g(x) = d/dt (t^3 + x t) at t = x is 3x^2 + x; the inner call sees plain numbers.
  const auto outer = [](const auto& x) {
    const double at = plain(x[0]);
    const double inner = gradient([&](const auto& t) { return t[0] * t[0] * t[0] + at * t[0]; }, std::vector<double>{at})[0];
    return x[0] * inner;
  };
  BOOST_TEST(gradient(outer, {2.0})[0] == 14.0);
}

BOOST_AUTO_TEST_CASE(a_driver_survives_a_function_that_throws) {
  const auto fails = [](const auto& x) -> std::decay_t<decltype(x[0])> { throw std::runtime_error("no"); };
  for (int i = 0; i < 10; ++i) BOOST_CHECK_THROW(static_cast<void>(gradient(fails, {1.0})), std::runtime_error);
  BOOST_TEST(gradient(rosenbrock, {1.0, 2.0})[1] == 200.0);
  BOOST_CHECK_THROW(static_cast<void>(Var::input(1.0)), TapeError);  // no Recording was left behind
}

BOOST_AUTO_TEST_CASE(the_outer_recording_is_undisturbed) {
  Tape tape;
  const Recording recording(tape);
  const Var x = Var::input(3.0);
  Var y = x * x;
  const double g = gradient(rosenbrock, {1.0, 2.0})[1];
  y += g * x;
  Adjoints adjoints;
  tape.sweep(y, adjoints);
  BOOST_TEST(adjoints[x] == 206.0);
}

BOOST_AUTO_TEST_CASE(first_and_second_derivatives_of_transcendental_functions_are_exact) {
  const auto f = [](const auto& x) { return exp(x[0]) * sin(x[1]); };
  const double e = std::exp(0.3), s = std::sin(1.1), c = std::cos(1.1);
  const Matrix h = hessian(f, {0.3, 1.1});
  BOOST_TEST(h(0, 0) == e * s, tight);
  BOOST_TEST(h(0, 1) == e * c, tight);
  BOOST_TEST(h(1, 1) == -e * s, tight);
}
