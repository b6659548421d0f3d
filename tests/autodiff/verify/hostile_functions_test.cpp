// What people found who had not read the checker: wrong gradients that passed, right ones that were blamed.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <autodiff/verify/check.hpp>

namespace {

using namespace gradus;
using Values = Subject::Values;
using View = Subject::View;

BOOST_AUTO_TEST_CASE(what_fresh_eyes_found) {
  const auto of = [](auto value, auto pullback) {
    Subject s;
    s.value = [=](View x) { return value(x); };
    s.pullback = [=](View x, View w) { return pullback(x, w); };
    return s;
  };
  const auto median = [](View x) { return std::max(std::min(x[0], x[1]), std::min(std::max(x[0], x[1]), x[2])); };
  const Subject medians = of([=](View x) { return Values{median(x)}; }, [=](View x, View w) {
    Values g(3, 0.0);
    for (std::size_t i = 0; i < 3; ++i)
      if (x[i] == median(x)) { g[i] = w[0]; break; }
    return g;
  });
  BOOST_TEST((check(medians, Values{1, 1, 1}).verdict <= Verdict::inconclusive));
  const Subject saw = of([](View x) { return Values{x[0] * (x[0] - std::floor(x[0]))}; }, [](View x, View w) { return Values{w[0] * (2 * x[0] - std::floor(x[0]))}; });
  BOOST_TEST(check_everywhere(saw, 1));
  const Subject log_normal = of([](View x) { return Values{std::log(std::erfc(-x[0] / std::sqrt(2.0)) / 2)}; }, [](View x, View w) {
    return Values{w[0] * 2 * 0.3989422804014327 * std::exp(-x[0] * x[0] / 2) / std::erfc(-x[0] / std::sqrt(2.0))};
  });
  for (const double x : {7.047, 9.6}) BOOST_TEST((check(log_normal, Values{x}).verdict <= Verdict::inconclusive), describe(check(log_normal, Values{x})));
  const Subject identity = of([](View x) { return Values{x[0]}; }, [](View, View w) { return Values{w[0]}; });
  for (const double x : {0.4999724107165698, 0.99999, 2 - 1e-9}) BOOST_TEST(check(identity, Values{x}), x);
  const Subject unit_vector = of([](View x) { const double r = std::hypot(x[0], x[1], x[2]); return Values{x[0] / r, x[1] / r, x[2] / r}; }, [](View x, View w) {
    const double r = std::hypot(x[0], x[1], x[2]), p = (x[0] * w[0] + x[1] * w[1] + x[2] * w[2]) / (r * r);
    return Values{(w[0] - p * x[0]) / r, (w[1] - p * x[1]) / r, (w[2] - p * x[2]) / r};
  });
  BOOST_TEST(check_everywhere(unit_vector, 3, {.hard = false, .points = 50}));

  const Subject power = of([](View x) { return Values{std::pow(x[0], x[1])}; }, [](View x, View w) { return Values{w[0] * x[1] * std::pow(x[0], x[1] - 1), w[0] * std::pow(x[0], x[1]) * std::log(x[0])}; });
  BOOST_TEST((check(power, Values{0, 2}).verdict == Verdict::fail));  // 0 times -infinity where the function is flat
  const Subject clipped = of([](View x) { return Values{3 * x[0]}; }, [](View, View w) { return Values{3 * std::clamp(w[0], -10.0, 10.0)}; });
  BOOST_TEST((check(clipped, Values{0.7}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(what_hostile_eyes_found) {
  // Nothing judged is not a pass: with many inputs and a kink, every direction abstains.
  std::vector<double> x(201, 1.0);
  x[0] = 0, x[1] = -1e-3;
  const auto relus = [](const std::vector<double>& v) { double sum = 0; for (const double t : v) sum += std::max(t, 0.0); return sum; };
  const auto scaled = [](double factor) {
    return [factor](const std::vector<double>& v) { Values g; for (const double t : v) g.push_back(t > 0 ? factor : 0); return g; };
  };
  BOOST_TEST((check(relus, scaled(2), x).verdict == Verdict::fail));
  BOOST_TEST((check(relus, scaled(1), x).verdict != Verdict::fail));

  // One wrong entry of many is named.
  const CheckResult narrowed = check([](const std::vector<double>& v) { double s = 0; for (const double t : v) s += t * t * t; return s; },
                                     [](const std::vector<double>& v) { Values g; for (const double t : v) g.push_back(3 * t * t); g[137] *= 1.01; return g; }, std::vector<double>(300, 0.7));
  BOOST_TEST(describe(narrowed).find("d f / d x[137]") != std::string::npos);

  // Values that have a grain: a slope of 0 is not taken for the truth.
  const auto coarse = [](auto f, double at, auto g) { return check([f](const std::vector<double>& v) { return f(v[0]); }, [g](const std::vector<double>& v) { return Values{g(v[0])}; }, {at}).verdict; };
  const auto in_float = [](double t) { const float a = static_cast<float>(t); return static_cast<double>(std::sin(a) * a); };
  BOOST_TEST((coarse(in_float, 0.7, [](double t) { return std::sin(t) + t * std::cos(t); }) != Verdict::fail));
  BOOST_TEST((coarse(in_float, 0.7, [](double) { return 0.0; }) != Verdict::pass));
  BOOST_TEST((coarse(in_float, 0.7, [](double t) { return 2 * (std::sin(t) + t * std::cos(t)); }) == Verdict::fail));
  const auto tail = [](double t) { return std::log(1 + std::exp(-t)); };
  for (const double t : {25.0, 28.0, 31.0, 36.0, 40.0}) BOOST_TEST((coarse(tail, t, [](double v) { return -1 / (1 + std::exp(v)); }) != Verdict::fail), t);
  const auto root = [](double b) { return (-b + std::sqrt(b * b - 4)) / 2; };
  BOOST_TEST((coarse(root, 1e6, [](double b) { const double r = std::sqrt(b * b - 4); return 2 / ((b + r) * r); }) != Verdict::fail));

  // The scale of f may be that of x.
  const auto spring = [](double scale, double factor) {
    return check([=](const std::vector<double>& v) { return std::pow(std::hypot(v[0], v[1]) - scale, 2); },
                 [=](const std::vector<double>& v) { const double r = std::hypot(v[0], v[1]); return Values{factor * 2 * (r - scale) * v[0] / r, factor * 2 * (r - scale) * v[1] / r}; },
                 {1.1 * scale, 0.4 * scale}).verdict;
  };
  for (const double scale : {1.0, 1e-4, 1e-8, 1e-10}) {
    BOOST_TEST((spring(scale, 1) != Verdict::fail), scale);
    BOOST_TEST((spring(scale, -1) == Verdict::fail), scale);
  }
  BOOST_TEST((coarse([](double r) { return 2.3e-28 / r; }, 1e-10, [](double r) { return -2.3e-28 / (r * r); }) == Verdict::pass));
  BOOST_TEST((coarse([](double r) { return 2.3e-28 / r; }, 1e-10, [](double r) { return 2.3e-28 / (r * r); }) == Verdict::fail));

  // At a stationary point nothing can be seen, and the advice says so.
  const CheckResult still = check([](const std::vector<double>& v) { return (v[0] - 3) * (v[0] - 3); }, [](const std::vector<double>& v) { return Values{-7 * (v[0] - 3)}; }, {3.0});
  BOOST_TEST(describe(still).find("choose another point") != std::string::npos);

  // Regions that only many points visit.
  const auto wrong_in = [](double low, double high) {
    Subject s;
    s.value = [](View at) { return Values{std::atan(at[0])}; };
    s.pullback = [=](View at, View w) { return Values{at[0] > low && at[0] < high ? 0 : w[0] / (1 + at[0] * at[0])}; };
    return check_everywhere(s, 1).verdict;
  };
  for (const auto& [low, high] : {std::pair(1.0, 1.2), {1e-3, 1e-2}, {100.0, 1e3}, {1e3, 1e5}}) BOOST_TEST((wrong_in(low, high) == Verdict::fail), low);
  // A cotangent that is cut off.
  Subject cut;
  cut.value = [](View at) { return Values{at[0] * at[0], at[0]}; };
  cut.pullback = [](View at, View w) { const auto keep = [](double v) { return std::fabs(v) < 1e-4 ? 0 : v; }; return Values{2 * at[0] * keep(w[0]) + keep(w[1])}; };
  BOOST_TEST((check(cut, Values{0.7}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(what_rounds_is_not_blamed_far_out_and_blamed_nearby) {
  const auto verdict = [](double (*f)(double), double (*derivative)(double), double x) {
    Subject s;
    s.value = [f](View at) { return Values{f(at[0])}; };
    s.pullback = [derivative](View at, View w) { return Values{w[0] == 0 ? 0 : w[0] * derivative(at[0])}; };
    return check(s, Values{x}, {.shrink = false}).verdict;
  };
  const auto floor = [](double x) { return std::floor(x); };
  const auto product = [](double x) { return x * std::round(x); };
  for (const double x : {1e6 + 0.3, -815056.2014455597, 1e8, 74241386.375, -24506097.80550203, 354677618928.875, 1e14 / 3, 802455824267935.9, 1e16, 3e20}) {
    BOOST_TEST((verdict(floor, [](double) { return 0.0; }, x) <= Verdict::inconclusive), x);
    BOOST_TEST((verdict(product, [](double t) { return std::round(t); }, x) <= Verdict::inconclusive), x);
    BOOST_TEST((verdict([](double t) { return t - std::floor(t); }, [](double) { return 1.0; }, x) <= Verdict::inconclusive), x);
  }
  for (const double x : {0.7, -12.3, 45.2}) {
    BOOST_TEST((verdict(floor, [](double) { return 0.0; }, x) != Verdict::fail), x);
    BOOST_TEST((verdict(product, [](double t) { return 2 * t; }, x) == Verdict::fail), x);
    BOOST_TEST((verdict(product, [](double t) { return std::round(t); }, x) == Verdict::pass), x);
  }
  // What does not round has no such excuse.
  for (const double x : {1e6 + 0.3, 1e8, 1e12, 1e16, 3e20}) {
    BOOST_TEST((verdict([](double t) { return t * t; }, [](double t) { return t; }, x) == Verdict::fail), x);
    BOOST_TEST((verdict([](double t) { return std::max(3 * t, t); }, [](double) { return 0.0; }, x) == Verdict::fail), x);
  }
}

BOOST_AUTO_TEST_CASE(a_corner_that_curvature_hides_is_no_mistake) {
  // A penalty on |x| beside a loss that is curved much more.
  for (const double penalty : {1e-2, 1e-4, 1e-6, 1e-8})
    for (const double distance : {1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0.0}) {
      const auto loss = [=](double at, double wrong) {
        return check([=](const Values& v) { return std::sin(v[0]) + penalty * std::fabs(v[0] - 1); },
                     [=](const Values& v) { return Values{wrong + std::cos(v[0]) + (v[0] > 1 ? penalty : v[0] < 1 ? -penalty : 0)}; }, {at}).verdict;
      };
      BOOST_TEST((loss(1 + distance, 0) != Verdict::fail), penalty << " " << distance);
      BOOST_TEST((loss(1 - distance, 0) != Verdict::fail), penalty << " " << distance);
      BOOST_TEST((loss(1 + distance, 3 * penalty) != Verdict::pass || penalty < 1e-6), penalty << " " << distance);
      BOOST_TEST((loss(1 + distance, 0.1) == Verdict::fail), penalty << " " << distance);
    }
  // It is found where the steps that see it are far smaller than the first ones.
  for (const double distance : {1e-2, 1e-4, 1e-6, 1e-8}) {
    const CheckResult r = check([](const Values& v) { return std::sin(v[0]) + std::fabs(v[0] - 1); }, [](const Values& v) { return Values{std::cos(v[0]) + (v[0] > 1 ? 1 : -1)}; }, {1 + distance});
    BOOST_REQUIRE(r.nearest_kink.has_value());
    BOOST_TEST(r.nearest_kink->at == 1, boost::test_tools::tolerance(1e-13));
  }
}

BOOST_AUTO_TEST_CASE(averages_of_what_oscillates_are_not_taken_for_slopes) {
  const auto snake = [](double wrong) {
    Subject s;
    s.value = [](View at) { return Values{at[0] + std::sin(at[0])}; };
    s.pullback = [=](View at, View w) { return Values{w[0] * (1 + wrong * std::cos(at[0]))}; };
    return check_everywhere(s, 1).verdict;
  };
  BOOST_TEST((snake(1) != Verdict::fail));
  BOOST_TEST((snake(-1) == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(products_that_underflow_on_the_way_are_linear) {
  Subject spring;
  spring.value = [](View x) { const double r = std::hypot(x[0], x[1]) - 1; return Values{r * r / 2}; };
  spring.pullback = [](View x, View w) {
    const double r = std::hypot(x[0], x[1]);
    return r == 0 ? Values{0, 0} : Values{w[0] * (r - 1) * x[0] / r, w[0] * (r - 1) * x[1] / r};
  };
  BOOST_TEST((check(spring, Values{0, 7e-320}).verdict != Verdict::fail));
  BOOST_TEST((check(spring, Values{-8e-301, -1.9e-102}).verdict != Verdict::fail));
}

BOOST_AUTO_TEST_CASE(a_layer_norm_of_equal_floats_is_code_in_float) {
  const auto check_norm = [](const Values& x, float factor) {
    const auto moments = [](View v) {
      float mean = 0, square = 0;
      for (const double t : v) mean += static_cast<float>(t) / static_cast<float>(v.size());
      for (const double t : v) square += (static_cast<float>(t) - mean) * (static_cast<float>(t) - mean) / static_cast<float>(v.size());
      return std::pair(mean, 1 / std::sqrt(square + 1e-5F));
    };
    Subject s;
    s.value = [=](View v) {
      const auto [mean, scale] = moments(v);
      Values y;
      for (const double t : v) y.push_back(static_cast<double>((static_cast<float>(t) - mean) * scale));
      return y;
    };
    s.pullback = [=](View v, View w) {
      const auto [mean, scale] = moments(v);
      float sum = 0, dot = 0;
      for (std::size_t i = 0; i < v.size(); ++i) sum += static_cast<float>(w[i]), dot += static_cast<float>(w[i]) * (static_cast<float>(v[i]) - mean) * scale;
      Values g;
      for (std::size_t i = 0; i < v.size(); ++i) g.push_back(static_cast<double>(scale * (static_cast<float>(w[i]) - factor * (sum + (static_cast<float>(v[i]) - mean) * scale * dot) / static_cast<float>(v.size()))));
      return g;
    };
    return check(s, x, {.shrink = false}).verdict;
  };
  for (const float value : {0.1F, 0.7F, -3.3F, 1e3F, 12345.678F, 0.0F, 1e6F}) BOOST_TEST((check_norm(Values(4, static_cast<double>(value)), 1) <= Verdict::inconclusive), value);
  BOOST_TEST((check_norm({0.25, -1.5, 0.75, 2}, 1) <= Verdict::inconclusive));
  BOOST_TEST((check_norm({0.25, -1.5, 0.75, 2}, 0) == Verdict::fail));
}

/// The price of a call by Black and Scholes, by the price of the share and its volatility; half a year, 3 % of interest, strike 100.
double black_scholes(const Values& p) {
  const auto normal = [](double t) { return std::erfc(-t / std::sqrt(2.0)) / 2; };
  const double root = std::sqrt(0.5), d = (std::log(p[0] / 100) + (0.03 + p[1] * p[1] / 2) * 0.5) / (p[1] * root);
  return p[0] * normal(d) - 100 * std::exp(-0.015) * normal(d - p[1] * root);
}
Values black_scholes_gradient(const Values& p, double pi) {
  const double root = std::sqrt(0.5), d = (std::log(p[0] / 100) + (0.03 + p[1] * p[1] / 2) * 0.5) / (p[1] * root);
  return {std::erfc(-d / std::sqrt(2.0)) / 2, p[0] * root * std::exp(-d * d / 2) / std::sqrt(2 * pi)};
}

BOOST_AUTO_TEST_CASE(pi_typed_with_eight_digits_is_seen) {
  const auto priced = [](double pi, const Values& at) { return check(black_scholes, [pi](const Values& p) { return black_scholes_gradient(p, pi); }, at); };
  for (const Values& at : {Values{105, 0.2}, {100, 0.3}, {92, 0.25}, {120, 0.4}}) {
    BOOST_TEST((priced(3.1415926, at).verdict == Verdict::fail), at[0]);  // 8.5e-9 of vega
    const CheckResult right = priced(3.14159265358979324, at);
    BOOST_TEST(right);
    BOOST_TEST(right.worst_detection_limit < 4e-9);
  }
}

BOOST_AUTO_TEST_CASE(one_part_in_1e8_is_seen_in_smooth_functions) {
  struct Smooth {
    const char* name;
    double (*f)(const Values&);
    Values (*gradient)(const Values&);
    Values at;
  };
  const std::vector<Smooth> all{
      {"bond", [](const Values& y) { double s = 100 / std::pow(1 + y[0], 10); for (int t = 1; t <= 10; ++t) s += 5 / std::pow(1 + y[0], t); return s; },
       [](const Values& y) { double s = -1000 / std::pow(1 + y[0], 11); for (int t = 1; t <= 10; ++t) s -= t * 5 / std::pow(1 + y[0], t + 1); return Values{s}; }, {0.04}},
      {"angle", [](const Values& x) { return std::atan2(x[1], x[0]); }, [](const Values& x) { const double r = x[0] * x[0] + x[1] * x[1]; return Values{-x[1] / r, x[0] / r}; }, {1, -2}},
      {"Gauss", [](const Values& x) { return std::exp(-x[0] * x[0] / (2 * x[1] * x[1])) / x[1]; },
       [](const Values& x) { const double e = std::exp(-x[0] * x[0] / (2 * x[1] * x[1])), q = x[0] / x[1]; return Values{-q / (x[1] * x[1]) * e, e * (q * q - 1) / (x[1] * x[1])}; }, {0.013, 0.01}},
      {"wave", [](const Values& x) { return std::sin(40 * x[0]) * std::cosh(x[1]); }, [](const Values& x) { return Values{40 * std::cos(40 * x[0]) * std::cosh(x[1]), std::sin(40 * x[0]) * std::sinh(x[1])}; }, {0.7, 1.9}},
      {"Rosenbrock", [](const Values& x) { return std::pow(1 - x[0], 2) + 100 * std::pow(x[1] - x[0] * x[0], 2); },
       [](const Values& x) { const double d = x[1] - x[0] * x[0]; return Values{-2 * (1 - x[0]) - 400 * x[0] * d, 200 * d}; }, {-1.2, 1}},
      {"logit", [](const Values& x) { return std::log(x[0] / (1 - x[0])); }, [](const Values& x) { return Values{1 / (x[0] * (1 - x[0]))}; }, {1e-3}},
      {"gravity", [](const Values& x) { return -6.674e-11 * 5.97e24 * x[1] / x[0]; }, [](const Values& x) { const double c = 6.674e-11 * 5.97e24; return Values{c * x[1] / (x[0] * x[0]), -c / x[0]}; }, {6.4e6, 80}}};
  for (const Smooth& s : all) {
    BOOST_TEST(check(s.f, s.gradient, s.at), s.name);
    for (std::size_t i = 0; i < s.at.size(); ++i)
      for (const double error : {1e-8, -1e-8}) {
        const auto wrong = [&](const Values& x) { Values g = s.gradient(x); g[i] *= 1 + error; return g; };
        BOOST_TEST((check(s.f, wrong, s.at).verdict == Verdict::fail), s.name << " " << i);
      }
  }
}

BOOST_AUTO_TEST_CASE(what_is_left_by_cancellation_is_not_blamed) {
  // Between two roundings of e^x these are smooth, as constant / x; their derivatives by the series.
  const auto slope = [](double x, auto coefficient) {
    double sum = 0;
    for (int m = 18; m > 0; --m) sum = sum * x + m * coefficient(m);
    return sum;
  };
  const auto inverse_factorial = [](int m) { return 1 / std::tgamma(m + 2.0); };
  const auto alternating = [](int m) { return (m % 2 == 1 ? -1 : 1) / (m + 1.0); };
  for (int k = 0; k < 160; ++k) {
    const double x = std::pow(10, -9 + k / 20.0);
    BOOST_TEST((check([](const Values& v) { return (std::exp(v[0]) - 1) / v[0]; }, [&](const Values& v) { return Values{slope(v[0], inverse_factorial)}; }, {x}).verdict != Verdict::fail), x);
    BOOST_TEST((check([](const Values& v) { return std::log(1 + v[0]) / v[0]; }, [&](const Values& v) { return Values{slope(v[0], alternating)}; }, {x}).verdict != Verdict::fail), x);
  }
}

BOOST_AUTO_TEST_CASE(a_power_of_a_negative_number_is_not_asked_between_integers) {
  const auto power = [](const Values& v) { return std::pow(v[0], v[1]); };
  const auto gradient = [](const Values& v) { return Values{v[1] * std::pow(v[0], v[1] - 1), std::pow(v[0], v[1]) * std::log(v[0])}; };
  BOOST_TEST((check(power, gradient, {-2904188925895012, -3059481359602046}).verdict != Verdict::fail));
  BOOST_TEST((check(power, gradient, {0, 2}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(beside_the_end_of_the_range_a_cotangent_may_overflow_and_still_must_not_be_cut_off) {
  Subject sum;  // log(e^a + e^b), naively
  sum.value = [](View x) { return Values{std::log(std::exp(x[0]) + std::exp(x[1]))}; };
  sum.pullback = [](View x, View w) {
    const double a = std::exp(x[0]), b = std::exp(x[1]);
    return Values{w[0] * a / (a + b), w[0] / (a + b) * b};
  };
  for (const double x : {600.0, 690.0, 700.0}) BOOST_TEST(check(sum, Values{x, x - 1}), x);
  const auto cut = [](double low, double high) {
    Subject s;
    s.value = [](View at) { return Values{at[0] * at[0], at[0]}; };
    s.pullback = [=](View at, View w) {
      const auto keep = [=](double v) { return std::fabs(v) < low ? 0 : std::clamp(v, -high, high); };
      return Values{2 * at[0] * keep(w[0]) + keep(w[1])};
    };
    return check(s, Values{0.7}).verdict;
  };
  BOOST_TEST((cut(0, 1e300) == Verdict::pass));
  for (const double low : {1e-14, 1e-12, 1e-8, 1e-4}) BOOST_TEST((cut(low, 1e300) == Verdict::fail), low);
  for (const double high : {1e14, 1e8, 1e3}) BOOST_TEST((cut(0, high) == Verdict::fail), high);
}

BOOST_AUTO_TEST_CASE(a_small_number_in_place_of_0_is_wrong) {
  // Where the derivative is 0, no digit of it shows; the bound of the difference holds all the same.
  for (const double error : {1e-11, 1e-9, 1e-7, 1e-4}) {
    const CheckResult top = check([](const Values& x) { return std::cos(x[0]) * x[1]; }, [=](const Values& x) { return Values{error - std::sin(x[0]) * x[1], std::cos(x[0])}; }, {0.0, 1.3});
    BOOST_TEST((top.verdict == Verdict::fail), error);
    BOOST_TEST(describe(top).find("d f / d x[0]") != std::string::npos, error);
    BOOST_TEST((check([](const Values& x) { return x[1] * x[1]; }, [=](const Values& x) { return Values{error, 2 * x[1]}; }, {3.0, 1.3}).verdict == Verdict::fail), error);
  }
}

BOOST_AUTO_TEST_CASE(what_cancels_beside_a_kink_is_not_blamed) {
  // A Hermite table that is clamped at 0: beside it, terms of size 1 leave 1e-8.
  const auto value = [](double x) {
    const double u = std::clamp(x, 0.0, 1.0), weight = 2 * u * u * u - 3 * u * u + 1;
    return (u * u * u - 2 * u * u + u) + (1 - weight) + 2 * (u * u * u - u * u);
  };
  const auto derivative = [](double x) { return x < 0 || x > 1 ? 0 : 3 * x * x - 4 * x + 1 - (6 * x * x - 6 * x) + 2 * (3 * x * x - 2 * x); };
  const auto verdict = [&](double x, double factor) { return check([&](const Values& v) { return value(v[0]); }, [&](const Values& v) { return Values{factor * derivative(v[0])}; }, {x}).verdict; };
  for (int k = 0; k < 120; ++k) BOOST_TEST((verdict(std::pow(10, -13 + k / 10.0), 1) != Verdict::fail), k);
  for (const double x : {1e-6, 1e-3, 0.3}) BOOST_TEST((verdict(x, 1.001) == Verdict::fail), x);
}

BOOST_AUTO_TEST_CASE(equal_inputs_are_no_kink_where_the_function_is_smooth) {
  const auto logs = [](const Values& x) { return std::log(x[0]) + std::log(x[1]); };
  for (const double at : {1e-4, 0.02, 0.1, 3.0})
    for (const double error : {1e-6, 1e-3, 0.5}) {
      BOOST_TEST((check(logs, [=](const Values& x) { return Values{(1 + error) / x[0], 1 / x[1]}; }, {at, at}).verdict == Verdict::fail), at << ", " << error);
      BOOST_TEST((check(logs, [=](const Values& x) { return Values{(1 + error) / x[0], (1 + error) / x[1]}; }, {at, at}).verdict == Verdict::fail), at << ", " << error);
    }
  BOOST_TEST(check(logs, [](const Values& x) { return Values{1 / x[0], 1 / x[1]}; }, {0.02, 0.02}));
  const auto front = [](const Values& x) { return std::tanh(50 * (x[0] - 0.99)) * x[1]; };
  const auto of_front = [](double error) {
    return [=](const Values& x) { const double t = std::tanh(50 * (x[0] - 0.99)); return Values{(1 + error) * 50 * (1 - t * t) * x[1], t}; };
  };
  BOOST_TEST(check(front, of_front(0), {1, 1}));
  BOOST_TEST((check(front, of_front(1e-3), {1, 1}).verdict == Verdict::fail));
  // Where it is not: the median of equal numbers may have the slope of any of them, and no more.
  const auto median = [](Values x) { std::sort(x.begin(), x.end()); return x[x.size() / 2]; };
  const auto of_median = [&](double slope) {
    return [=](const Values& x) {
      Values g(x.size(), 0.0);
      for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i] == median(x)) { g[i] = slope; break; }
      return g;
    };
  };
  const Values equal(5, 0.5);
  BOOST_TEST(check(median, of_median(1), equal));
  BOOST_TEST((check(median, of_median(1.5), equal).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(beside_a_pole_or_on_a_front_slopes_are_judged) {
  const auto verdict = [](auto f, auto slope, double x, double factor) {
    return check([=](const Values& v) { return f(v[0]); }, [=](const Values& v) { return Values{factor * slope(v[0])}; }, {x}).verdict;
  };
  const auto inverse = [](double x) { return 1 / x; };
  const auto of_inverse = [](double x) { return -1 / (x * x); };
  const auto fermi = [](double x) { return 1 / (std::exp((x - 5) / 0.001) + 1); };
  const auto of_fermi = [=](double x) { return -fermi(x) * (1 - fermi(x)) / 0.001; };
  for (const double factor : {-1.0, 2.0, 1.001, 1.0001}) {
    for (const double x : {0.05, 0.01, 1e-3, 1e-4, 1e-6, 1e-9}) BOOST_TEST((verdict(inverse, of_inverse, x, factor) == Verdict::fail), x << ", " << factor);
    BOOST_TEST((verdict(fermi, of_fermi, 5.0004, factor) == Verdict::fail), factor);
  }
  for (const double x : {0.05, 0.01, 1e-3, 1e-4, 1e-6, 1e-9}) BOOST_TEST((verdict(inverse, of_inverse, x, 1) == Verdict::pass), x);
  BOOST_TEST((verdict(fermi, of_fermi, 5.0004, 1) == Verdict::pass));
}

BOOST_AUTO_TEST_CASE(what_is_kept_between_calls_is_seen) {
  const auto f = [](const Values& x) { double sines = 0, sum = 0; for (const double v : x) sines += std::sin(v), sum += v; return sines + sum * sum; };
  const auto gradient = [](const Values& x) { double sum = 0; for (const double v : x) sum += v; Values g; for (const double v : x) g.push_back(std::cos(v) + 2 * sum); return g; };
  const Values x = {0.25, 0.75, 1.125};
  BOOST_TEST(check(f, gradient, x));
  BOOST_TEST(check([](const Values& v) { return 3 * v[0] + 2 * v[1]; }, [](const Values&) { return Values{3, 2}; }, {0.3, 0.7}));  // rightly the same anywhere
  Values previous = x;
  BOOST_TEST(!check(f, [&](const Values& v) { return gradient(std::exchange(previous, v)); }, x));
  int calls = 0;
  Values kept;
  BOOST_TEST(!check(f, [&](const Values& v) { if (calls++ % 3 == 0) kept = gradient(v); return kept; }, x));
  const auto keyed = [&](auto key) {
    double of = 1e300;
    Values value;
    return check(f, [=](const Values& v) mutable { if (key(v) != of) of = key(v), value = gradient(v); return value; }, x);
  };
  BOOST_TEST((keyed([](const Values& v) { return v[0]; }).verdict == Verdict::fail));
  BOOST_TEST((keyed([](const Values& v) { return v[0] + v[1] + v[2]; }).verdict == Verdict::fail));
  BOOST_TEST(keyed([](const Values& v) { return v[0] + 3.7 * v[1] + 11.3 * v[2]; }));
}

BOOST_AUTO_TEST_CASE(among_many_inputs_at_kinks_every_entry_is_judged) {
  Values x(300);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.5 * static_cast<double>(i / 10);
  const auto variation = [](const Values& v) { double sum = 0; for (std::size_t i = 1; i < v.size(); ++i) sum += std::fabs(v[i] - v[i - 1]); return sum; };
  const auto of_variation = [](std::size_t entry, double wrong) {
    return [=](const Values& v) {
      Values g(v.size(), 0.0);
      for (std::size_t i = 1; i < v.size(); ++i) {
        const double sign = v[i] > v[i - 1] ? 1 : v[i] < v[i - 1] ? -1 : 0;
        g[i] += sign, g[i - 1] -= sign;
      }
      g[entry] += wrong;
      return g;
    };
  };
  BOOST_TEST((check(variation, of_variation(0, 0), x).verdict <= Verdict::inconclusive));
  for (const std::size_t entry : {0U, 155U, 156U, 299U}) BOOST_TEST((check(variation, of_variation(entry, 7), x).verdict == Verdict::fail), entry);
}

}  // namespace
