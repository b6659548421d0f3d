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
