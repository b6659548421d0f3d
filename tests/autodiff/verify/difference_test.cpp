// The finite-difference estimator: its bound holds, kinks are told from noise, and what it cannot know it does not claim.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <random>
#include <vector>

#include <autodiff/verify/difference.hpp>

namespace {

using namespace gradus;

struct Hard {
  const char* name;
  double (*f)(double);
  double (*derivative)(double);
  double low, high;
  Domain domain = {};
};

// Derivatives by hand; in the tails they are exact where a double can be.
const std::vector<Hard> hard_functions{
    {"sin 200x", [](double x) { return std::sin(200 * x); }, [](double x) { return 200 * std::cos(200 * x); }, -3, 3},
    {"sin 1000x", [](double x) { return std::sin(1000 * x); }, [](double x) { return 1000 * std::cos(1000 * x); }, -3, 3},
    {"exp", [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }, -300, 300},
    {"1e8 + sin", [](double x) { return 1e8 + std::sin(x); }, [](double x) { return std::cos(x); }, -10, 10},
    {"tanh", [](double x) { return std::tanh(x); }, [](double x) { const double t = std::exp(-2 * std::fabs(x)); return 4 * t / ((1 + t) * (1 + t)); }, -20, 20},
    {"1/(x^2 + 1e-6)", [](double x) { return 1 / (x * x + 1e-6); }, [](double x) { return -2 * x / ((x * x + 1e-6) * (x * x + 1e-6)); }, -1, 1},
    {"x^3", [](double x) { return x * x * x; }, [](double x) { return 3 * x * x; }, -1, 1},
    {"exp(-1/x^2)", [](double x) { return x == 0 ? 0 : std::exp(-1 / (x * x)); }, [](double x) { return x == 0 ? 0 : 2 / (x * x * x) * std::exp(-1 / (x * x)); }, -2, 2},
    {"log", [](double x) { return std::log(x); }, [](double x) { return 1 / x; }, 1e-6, 10, {.low = 0}},
    {"sqrt", [](double x) { return std::sqrt(x); }, [](double x) { return 0.5 / std::sqrt(x); }, 1e-9, 1, {.low = 0}},
    {"relu near 0", [](double x) { return x > 0 ? x : 0; }, [](double x) { return x > 0 ? 1. : 0.; }, -1e-3, 1e-3},
    {"prelu 0.9995 near 0", [](double x) { return x > 0 ? x : .9995 * x; }, [](double x) { return x > 0 ? 1. : .9995; }, -1e-2, 1e-2},
    {"elu near 0", [](double x) { return x > 0 ? x : std::expm1(x); }, [](double x) { return x > 0 ? 1. : std::exp(x); }, -0.1, 0.1},
    {"cos at its maximum", [](double x) { return std::cos(x); }, [](double x) { return -std::sin(x); }, -1e-3, 1e-3},
    {"1e300 sin", [](double x) { return 1e300 * std::sin(x); }, [](double x) { return 1e300 * std::cos(x); }, -5, 5},
    {"1e-300 sin", [](double x) { return 1e-300 * std::sin(x); }, [](double x) { return 1e-300 * std::cos(x); }, -5, 5}};

#if defined(__SANITIZE_ADDRESS__)
constexpr int points = 1000;
#else
constexpr int points = 20000;
#endif

BOOST_AUTO_TEST_CASE(the_error_is_never_larger_than_four_bounds_on_320000_points_of_16_hard_functions) {
  std::mt19937_64 random(20241123);
  for (const Hard& h : hard_functions) {
    int wrong = 0, accepted = 0;
    long evaluations = 0;
    for (int i = 0; i < points; ++i) {
      const double x = h.low + (h.high - h.low) * std::generate_canonical<double, 53>(random);
      const Difference d = difference(h.f, x, h.domain);
      evaluations += d.evaluations;
      if (d.status != DifferenceStatus::accepted) continue;
      ++accepted;
      const double truth = h.derivative(x);
      wrong += std::fabs(d.value - truth) > 4 * d.error + 1e-12 * std::fabs(truth);
    }
    BOOST_TEST(wrong == 0, h.name << ": " << wrong << " of " << points << " outside the bound");
    BOOST_TEST(accepted > 0.99 * points, h.name << ": only " << accepted << " of " << points << " were decided");
    BOOST_TEST(evaluations < 60L * points, h.name << ": " << evaluations / points << " evaluations a point");
  }
}

BOOST_AUTO_TEST_CASE(a_corner_is_a_kink_with_its_slopes) {
  const Difference d = difference([](double x) { return x > 0 ? x : 0; }, 0);
  BOOST_TEST((d.status == DifferenceStatus::kink));
  BOOST_TEST(d.left_slope == 0);
  BOOST_TEST(d.right_slope == 1);
}

BOOST_AUTO_TEST_CASE(an_almost_invisible_corner_is_still_a_kink) {
  const Difference d = difference([](double x) { return x > 0 ? x : .9995 * x; }, 0);
  BOOST_TEST((d.status == DifferenceStatus::kink));
}

BOOST_AUTO_TEST_CASE(a_smooth_minimum_is_not_a_kink) {
  for (const double x : {0.0, 1e-12, 1e-300}) {
    const Difference d = difference([](double t) { return t * t; }, x);
    BOOST_TEST((d.status == DifferenceStatus::accepted), "x = " << x);
    BOOST_TEST(std::fabs(d.value - 2 * x) <= 4 * d.error);
  }
}

BOOST_AUTO_TEST_CASE(periods_that_divide_the_steps_do_not_alias) {
  constexpr double pi = 3.14159265358979323846;
  const Difference d = difference([](double x) { return std::sin(2 * pi * x); }, 700.125);
  BOOST_REQUIRE((d.status == DifferenceStatus::accepted));
  BOOST_TEST(std::fabs(d.value - 2 * pi * std::cos(pi / 4)) <= 4 * d.error);
}

BOOST_AUTO_TEST_CASE(a_first_agreement_that_is_rough_is_refined) {
  // Steps of 1/8 and 1/32 agree within 4e-6, as far as extrapolation can tell; smaller ones know six digits more.
  const auto f = [](double v) { return std::erfc(-(0.065 + v * v / 4) / v); };
  const Difference d = difference(f, 0.2);
  const double truth = 2 / std::sqrt(std::acos(-1.0)) * std::exp(-std::pow((0.065 + 0.01) / 0.2, 2)) * (0.25 - 0.065 / 0.04);
  BOOST_REQUIRE((d.status == DifferenceStatus::accepted));
  BOOST_TEST(d.error < 1e-10);
  BOOST_TEST(std::fabs(d.value - truth) <= d.error + 1e-15);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_resolved_is_inconclusive) {
  BOOST_TEST((difference([](double x) { return std::sin(x); }, 1e300).status == DifferenceStatus::inconclusive));
  BOOST_TEST((difference([](double x) { return std::log(x); }, -1).status == DifferenceStatus::inconclusive));
  BOOST_TEST((difference([](double x) { return x; }, std::numeric_limits<double>::quiet_NaN()).status == DifferenceStatus::inconclusive));
}

BOOST_AUTO_TEST_CASE(what_rounds_its_argument_moves_in_steps) {
  for (const auto& f : std::initializer_list<double (*)(double)>{
           [](double x) { return std::floor(x); }, [](double x) { return x - std::floor(x); }, [](double x) { return x * std::round(x); }, [](double x) { return std::floor(100 * x); },
           [](double x) { return std::floor(x * 1e4); }, [](double x) { return std::floor(x / 100); }, [](double x) { return 3 * std::trunc(x) + std::sin(x); }, [](double x) { return std::fmod(x, 2.0); }})
    BOOST_TEST(moves_in_steps(f));
  for (const auto& f : std::initializer_list<double (*)(double)>{
           [](double x) { return x; }, [](double x) { return std::sin(1000 * x); }, [](double x) { return std::fabs(x - 2.31); }, [](double x) { return std::max(x, 2.0); }, [](double x) { return std::tanh(1e6 * (x - 2.3)); },
           [](double x) { return 1 / (x * x + 1e-6); }, [](double x) { return std::exp(x); }, [](double x) { return std::log(x); }, [](double) { return 7.0; }, [](double x) { return 1e8 + std::sin(x); },
           [](double x) { return static_cast<double>(std::sin(static_cast<float>(x)) * static_cast<float>(x)); }, [](double x) { return std::log(1 + std::exp(-x)); }, [](double x) { return std::cbrt(x - 2.3); },
           [](double x) { return std::copysign(1.0, x); }, [](double x) { return x > 2.31 ? x : 0; }, [](double x) { return 1 / x; }, [](double x) { return std::tan(x); },
           [](double v) { return std::erfc(-(0.06 + v * v / 2) / v); }})  // one jump is not many, and a pole is none
    BOOST_TEST(!moves_in_steps(f));
  bool outside = false;
  static_cast<void>(moves_in_steps([&](double x) { outside = outside || x < 2 || x > 9; return std::floor(x); }, {.low = 2, .high = 9}));
  BOOST_TEST(!outside);
}

BOOST_AUTO_TEST_CASE(what_stands_still_has_no_slope_wherever_it_is) {
  for (const double value : {0.0, -0.0, 1.8e-314, 7.0, 1e300})
    for (const double x : {0.0, 1e-320, -8.2, 1e6, -822521499686.1587, 1e300}) {
      const Difference d = difference([=](double) { return value; }, x);
      BOOST_TEST((d.status == DifferenceStatus::accepted), value << " at " << x);
      BOOST_TEST(d.value == 0);
      BOOST_TEST(d.evaluations < 30);
    }
}

BOOST_AUTO_TEST_CASE(a_tiny_argument_may_be_the_scale_of_the_function) {
  for (const double x : {1e-20, 1e-60, -1e-140}) {
    const Difference d = difference([](double t) { return t * t; }, x);
    BOOST_REQUIRE((d.status == DifferenceStatus::accepted));
    BOOST_TEST(std::fabs(d.value - 2 * x) <= 4 * d.error);
    BOOST_TEST(d.error < 1e-9 * std::fabs(x));
  }
}

BOOST_AUTO_TEST_CASE(never_evaluates_outside_the_domain) {
  bool outside = false;
  for (const double x : {1e-300, 1e-9, 0.5, 1 - 1e-9})
    static_cast<void>(difference([&](double t) { outside = outside || t <= 0 || t >= 1; return std::log(t) + std::log1p(-t); }, x, {.low = 0, .high = 1}));
  BOOST_TEST(!outside);
}

}  // namespace
