// Forward mode: a dual number carries the derivative along one direction.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include <autodiff/dual.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/max.hpp>
#include <ops/sqrt.hpp>
#include <ops/tanh.hpp>

using namespace gradus;

namespace {
using D = Dual<double>;
void check(const D& d, double value, double tangent) {
  BOOST_TEST(d.value == value);
  BOOST_TEST(d.tangent == tangent);
}
}  // namespace

BOOST_AUTO_TEST_CASE(arithmetic_follows_the_sum_product_and_quotient_rules) {
  const D a(3.0, 1.0), b(-2.0, 10.0);
  check(a + b, 1, 11);
  check(a - b, 5, -9);
  check(a * b, -6, 28);
  check(a / b, -1.5, -8);
  check(-a, -3, -1);
  check(2 * a + 1.0f, 7, 2);
  check(6.0 / a, 2, -2.0 / 3);
}

BOOST_AUTO_TEST_CASE(compound_assignment_may_alias) {
  D a(3.0, 1.0);
  const D& same = a;
  a *= same;
  check(a, 9, 6);
  a += same;
  check(a, 18, 12);
  a /= same;
  check(a, 1, 0);
  a -= same;
  check(a, 0, 0);
}

BOOST_AUTO_TEST_CASE(comparisons_look_at_values_and_is_zero_at_everything) {
  BOOST_TEST((D(1.0, 5.0) == D(1.0, -5.0)));
  BOOST_TEST((D(1.0, 5.0) < 2.0 && D(3.0) > D(2.0, 9.0)));
  BOOST_TEST(is_zero(D(0.0, 0.0)));
  BOOST_TEST(!is_zero(D(0.0, 1.0)));
  BOOST_TEST(plain(D(2.5, 1.0)) == 2.5);
}

BOOST_AUTO_TEST_CASE(ops_push_tangents) {
  check(exp(D(0.0, 2.0)), 1, 2);
  check(log(D(4.0, 2.0)), std::log(4.0), 0.5);
  check(max(D(1.0, 3.0), D(2.0, 7.0)), 2, 7);
}

BOOST_AUTO_TEST_CASE(a_zero_tangent_is_not_multiplied_by_an_infinite_partial) {
  check(sqrt(D(0.0, 0.0)), 0, 0);
  check(log(D(0.0)), -std::numeric_limits<double>::infinity(), 0);
  BOOST_TEST(std::isinf(sqrt(D(0.0, 1.0)).tangent));
}

BOOST_AUTO_TEST_CASE(a_partial_outside_the_range_meets_its_tangent_before_it_is_rounded) {
  BOOST_TEST(exp(D(-800.0, 0x1p1000)).tangent == static_cast<double>(std::exp(-800.0L) * 0x1p1000L), boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(duals_nest_for_second_derivatives) {
  using DD = Dual<Dual<double>>;
  const DD x(D(0.5, 1.0), D(1.0, 0.0));
  const DD y = x * x * x;
  BOOST_TEST(y.tangent.tangent == 3.0);  // 6x
}

BOOST_AUTO_TEST_CASE(numeric_limits_are_those_of_the_value) {
  BOOST_TEST(std::numeric_limits<D>::max().value == std::numeric_limits<double>::max());
  BOOST_TEST(std::isnan(std::numeric_limits<D>::quiet_NaN().value));
}
