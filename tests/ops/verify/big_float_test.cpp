// exp and log of 400 digits against those of Boost.Multiprecision, which are slow but not ours.
#include <ops/verify/big_float.hpp>

#include <cmath>
#include <limits>
#include <random>

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/test/unit_test.hpp>

namespace {

using gradus::BigFloat;
using Number = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<400>, boost::multiprecision::et_off>;
using Wider = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<450>, boost::multiprecision::et_off>;

/// The same number in 450 digits.
Wider wider(const BigFloat& x) { return Wider(*static_cast<const Number*>(x.storage())); }
/// The relative error, in units of the last of 400 digits.
double units(const BigFloat& got, const Wider& truth) {
  return static_cast<double>(Wider(abs(wider(got) - truth) / abs(truth) / std::numeric_limits<Number>::epsilon()));
}
/// Of that size, with digits to the last.
BigFloat random_near(double size, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  BigFloat x = size, part = size;
  for (int i = 0; i < 8; ++i) x += (part *= 0x1p-53) * uniform(random) * 4096;
  return x;
}

BOOST_AUTO_TEST_CASE(exp_is_that_of_boost) {
  std::mt19937_64 random(1);
  for (const double size : {1e-300, 1e-30, 0.1, -0.34657359027997264, 0.3466, -0.7, 1.0, -2.5, 37.0, -745.0, 1e4, -1e6}) {
    const BigFloat x = random_near(size, random);
    BOOST_TEST(units(exp(x), exp(wider(x))) < 100 + 4 * std::fabs(size), "exp near " << size);  // the last place of x is |x| of those of e^x
    BOOST_TEST((exp(x) == exp(x)));                                                           // calculated or looked up
  }
}
BOOST_AUTO_TEST_CASE(log_is_that_of_boost) {
  std::mt19937_64 random(2);
  for (const double size : {5e-324, 1e-300, 1e-16, 0.5, 0.70710678, 0.7071068, 0.999, 1.001, 1.41421356, 1.4142136, 2.0, 1e3, 1e300}) {
    const BigFloat x = random_near(size, random);
    BOOST_TEST(units(log(x), log(wider(x))) < 100, "log near " << size);
  }
}
BOOST_AUTO_TEST_CASE(log_keeps_its_digits_near_1) {
  const BigFloat h("1e-200");  // log(1 + h) = h - h^2/2 + h^3/3 - ...; 1 + h has 200 digits of h
  const BigFloat x = 1 + h, kept = x - 1;
  BOOST_TEST(units(log(x), wider(kept - kept * kept / 2 + kept * kept * kept / 3)) < 100);
}
BOOST_AUTO_TEST_CASE(ends_of_the_range) {
  BOOST_TEST((exp(BigFloat(0)) == 1));
  BOOST_TEST((log(BigFloat(1)) == 0));
  BOOST_TEST((exp(-BigFloat::infinity()) == 0));
  BOOST_TEST(isinf(exp(BigFloat::infinity())));
  BOOST_TEST(isinf(exp(BigFloat(1e300))));
  BOOST_TEST((exp(BigFloat(-1e300)) == 0));
  BOOST_TEST((log(BigFloat(0)) == -BigFloat::infinity()));
  BOOST_TEST(isinf(log(BigFloat::infinity())));
  BOOST_TEST(isnan(log(BigFloat(-1))));
  BOOST_TEST(isnan(exp(BigFloat::quiet_NaN())));
}

}  // namespace
