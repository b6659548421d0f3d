// The ladder: every structural mistake is caught, right pullbacks pass, and how small an error it sees. Run with GRADUS_SHOW=1 to see the figures.
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <autodiff/verify/check.hpp>
#include <autodiff/verify/random.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;
using Values = Subject::Values;
using View = Subject::View;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Subject softmax_subject() {
  Subject s;
  s.name = "softmax";
  const auto softmax = [](View x) {
    double largest = x[0], total = 0;
    for (const double v : x) largest = std::max(largest, v);
    Values y;
    for (const double v : x) total += y.emplace_back(std::exp(v - largest));
    for (double& v : y) v /= total;
    return y;
  };
  s.value = softmax;
  s.pullback = [softmax](View x, View w) {
    const Values y = softmax(x);
    Values g(x.size(), 0.0);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t k = 0; k < x.size(); ++k) g[i] += y[i] * y[k] * (w[i] - w[k]);
    return g;
  };
  return s;
}
const Values logits = {0.4, -1.1, 2.0, 0.7};

BOOST_AUTO_TEST_CASE(a_right_pullback_passes_at_every_regime) {
  const CheckResult r = check_everywhere(softmax_subject(), 4);
  BOOST_TEST(r);
  BOOST_TEST(r.regimes.size() == 12U);
  BOOST_TEST(r.points == 48U);
}

BOOST_AUTO_TEST_CASE(what_is_not_linear_in_the_cotangent_is_no_pullback) {
  const Subject right = softmax_subject();
  const auto verdict = [&](auto change) {
    Subject s = right;
    s.pullback = [&right, change](View x, View w) { return change(right, x, w); };
    return check(s, logits).verdict;
  };
  BOOST_TEST((verdict([](const Subject& s, View x, View w) { Values u(w.begin(), w.end()); for (double& v : u) v *= v; return s.pullback(x, u); }) == Verdict::fail));
  BOOST_TEST((verdict([](const Subject& s, View x, View w) { return s.pullback(x, Values(w.size(), 1.0)); }) == Verdict::fail));
  BOOST_TEST((verdict([](const Subject& s, View x, View w) { Values g = s.pullback(x, w); g[0] += 1e-9; return g; }) == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(results_that_nobody_uses_change_nothing) {
  Subject s;
  s.value = [](View x) { Values y; for (const double v : x) y.push_back(v * v); return y; };
  const auto with = [&](auto goes_on) {
    Subject t = s;
    t.pullback = [goes_on](View x, View w) {
      Values g(x.size(), 0.0);
      for (std::size_t i = 0; i < w.size() && goes_on(w, i); ++i) g[i] = 2 * x[i] * w[i];
      return g;
    };
    Values x;
    for (int i = 0; i < 12; ++i) x.push_back(0.3 * i - 1.7);
    return check(t, x);
  };
  BOOST_TEST(with([](View, std::size_t) { return true; }));
  const CheckResult early = with([](View w, std::size_t i) { return w[i] != 0; });
  BOOST_TEST((early.verdict == Verdict::fail));
  BOOST_TEST(contains(describe(early), "when a result is not used (its cotangent is 0), what the others contribute changes"));
  BOOST_TEST((with([](View w, std::size_t) { return w.back() != 0; }).verdict == Verdict::fail));
  // 0 times infinity.
  Subject roots;
  roots.value = [](View x) { return Values{x[0] * x[1], std::sqrt(x[0])}; };
  roots.pullback = [](View x, View w) { return Values{w[0] * x[1] + w[1] * (0.5 / std::sqrt(x[0])), w[0] * x[0]}; };
  BOOST_TEST((check(roots, Values{0, 2}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(a_pullback_that_remembers_is_caught) {
  const Subject right = softmax_subject();
  int calls = 0;
  Subject s = right;
  s.pullback = [&](View x, View w) { Values g = right.pullback(x, w); g[0] *= 1 + 1e-12 * ++calls; return g; };
  BOOST_TEST((check(s, logits).verdict == Verdict::nondeterministic));

  s = right;
  s.value = [&](View x) { Values y = right.value(x); y[0] += 1e-3 * ++calls; return y; };
  BOOST_TEST((check(s, logits).verdict == Verdict::nondeterministic));

  s = right;
  s.accumulate = [&](View x, View w, std::span<double> gradient) { const Values g = right.pullback(x, w); std::copy(g.begin(), g.end(), gradient.begin()); };
  BOOST_TEST(contains(describe(check(s, logits)), "a pullback adds"));

  s = right;
  Values saved;
  s.record = [&](View x) { saved.assign(x.begin(), x.end()); return [&](View w) { return right.pullback(saved, w); }; };
  BOOST_TEST(contains(describe(check(s, logits)), "another point is recorded"));

  s = right;
  s.pullback = [&](View x, View w) { Values g = right.pullback(x, w); const_cast<double&>(w[0]) = 0; return g; };
  BOOST_TEST((check(s, logits).verdict >= Verdict::nondeterministic));
}

BOOST_AUTO_TEST_CASE(exceptions_and_numbers_that_are_none) {
  Subject s = softmax_subject();
  s.pullback = [](View, View) -> Values { throw std::runtime_error("no rule for this"); };
  BOOST_TEST(contains(describe(check(s, logits)), "its pullback throws: no rule for this"));
  s.value = [](View) -> Values { throw std::domain_error("outside"); };
  BOOST_TEST((check(s, logits).verdict == Verdict::inconclusive));
  s.value = [](View) { return Values{}; };
  BOOST_TEST((check(s, logits).verdict == Verdict::inconclusive));
  s = softmax_subject();
  s.domain = {{0, 1}};
  BOOST_CHECK_THROW(static_cast<void>(check(s, logits)), ShapeError);
  s.domain.assign(4, {1, -1});
  BOOST_CHECK_THROW(static_cast<void>(check(s, logits)), ArgumentError);
  s.domain.assign(4, {0, 1});
  BOOST_CHECK_THROW(static_cast<void>(check(s, logits)), ArgumentError);  // outside of it
  s = softmax_subject();
  BOOST_CHECK_THROW(static_cast<void>(check_everywhere(s, 4, {.points = 0})), ArgumentError);
  s.pullback = [](View, View) { return Values{1, 2}; };
  BOOST_CHECK_THROW(static_cast<void>(check(s, logits)), ShapeError);
  s.value = nullptr;
  BOOST_CHECK_THROW(static_cast<void>(check(s, logits)), ArgumentError);

  BOOST_TEST((check([](const auto& x) { return log(x[0]); }, {-1.0}).verdict != Verdict::fail));  // NaN on both sides
  BOOST_TEST(check([](const std::vector<double>&) { return 0.0; }, [](const std::vector<double>&) { return std::vector<double>{}; }, {}));  // no inputs
}

BOOST_AUTO_TEST_CASE(a_hessian_product_must_be_symmetric_and_follow_the_gradient) {
  Subject s;
  s.value = [](View x) { return Values{x[0] * x[0] * x[1] + std::sin(x[1])}; };
  s.pullback = [](View x, View w) { return Values{w[0] * 2 * x[0] * x[1], w[0] * (x[0] * x[0] + std::cos(x[1]))}; };
  const auto with = [&](double off, double corner) {
    Subject t = s;
    t.hessian_vector = [=](View x, View w, View v) {
      return Values{w[0] * (2 * x[1] * v[0] + 2 * x[0] * v[1]), w[0] * (2 * off * x[0] * v[0] - corner * std::sin(x[1]) * v[1])};
    };
    return check(t, Values{0.7, -1.3});
  };
  BOOST_TEST(with(1, 1));
  BOOST_TEST((with(1.001, 1).verdict == Verdict::fail));  // not symmetric
  BOOST_TEST((with(1, 0).verdict == Verdict::fail));      // symmetric, but not the derivative of the gradient
  const CheckResult right = with(1, 1), wrong = with(1, 0);
  const auto taylor = [](const CheckResult& r) { return *std::find_if(r.oracles.begin(), r.oracles.end(), [](const OracleCount& o) { return o.oracle == "Taylor"; }); };
  BOOST_TEST(taylor(right).agreed == 1U);
  BOOST_TEST(taylor(wrong).disagreed == 1U);  // what it leaves falls like t^2, not t^3
}

BOOST_AUTO_TEST_CASE(ties_and_kinks_follow_the_slopes_along_directions) {
  Subject s;
  s.value = [](View x) { return Values{std::max({x[0], x[1], x[2]})}; };
  const auto with = [&](auto share) {
    Subject t = s;
    t.pullback = [share](View x, View w) {
      const double largest = std::max({x[0], x[1], x[2]});
      double ties = 0;
      for (const double v : x) ties += v == largest;
      Values g;
      bool first = true;
      for (const double v : x) {
        g.push_back(v == largest ? w[0] * share(ties, first) : 0);
        first = first && v != largest;
      }
      return g;
    };
    return check_everywhere(t, 3).verdict;
  };
  BOOST_TEST((with([](double, bool first) { return first ? 1.0 : 0.0; }) == Verdict::pass));
  BOOST_TEST((with([](double ties, bool) { return 1 / ties; }) == Verdict::pass));
  BOOST_TEST((with([](double, bool) { return 1.0; }) == Verdict::fail));
}

// Right pullbacks that an earlier checker blamed, and wrong ones that it let pass: found by people who did not know how it works.
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

BOOST_AUTO_TEST_CASE(a_function_of_4096_inputs_is_checked_along_directions_in_a_tenth_of_a_second) {
  Random random(2);
  std::vector<double> x(4096);
  for (double& v : x) v = random.normal();
  const auto f = [](const auto& v) {
    std::remove_cvref_t<decltype(v[0])> sum = 0.0;
    for (std::size_t i = 0; i + 1 < v.size(); ++i) sum += tanh(v[i] * v[i + 1]);
    return sum;
  };
  const CheckResult r = check(f, x);
  BOOST_TEST(r);
  if (std::getenv("GRADUS_SHOW") != nullptr) std::printf("  4096 inputs: %.0f ms\n", 1e3 * r.seconds);
  if (std::getenv("GRADUS_TIMING") != nullptr) BOOST_TEST(r.seconds < 0.1);  // not where sanitizers or a busy machine decide
}

}  // namespace
