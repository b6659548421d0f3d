// Linear models under a squared error, whose products wait for somebody to ask: value and gradient against sums in long double, whoever asks and when.
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/array_ops.hpp>
#include <ops/ops.hpp>

using namespace gradus;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(), no_number = std::numeric_limits<double>::quiet_NaN();

/// Data of a regression, and what it comes to in long double.
template <class Real> struct Regression {
  std::size_t n, features;
  bool by_samples;
  std::vector<Real> x, y, w;  // x by samples or by features
  Real b = static_cast<Real>(0.3);

  Regression(std::size_t samples, std::size_t k, bool rows) : n(samples), features(k), by_samples(rows), x(n * k), y(n), w(k) {
    std::mt19937 random(static_cast<unsigned>(n * 31 + k));
    std::normal_distribution<double> normal;
    for (auto* values : {&x, &y, &w})
      for (Real& v : *values) v = static_cast<Real>(normal(random));
  }
  [[nodiscard]] Real& at(std::size_t i, std::size_t k) { return x[by_samples ? i * features + k : k * n + i]; }
  [[nodiscard]] BasicTensor<Real> samples() const { return BasicTensor<Real>(by_samples ? Shape{n, features} : Shape{features, n}, x); }
  [[nodiscard]] BasicTensor<Real> weights() const { return BasicTensor<Real>::input({features}, w); }
  [[nodiscard]] BasicTensor<Real> product(const BasicTensor<Real>& by) const { return by_samples ? matmul(samples(), by) : matmul(by, samples()); }

  struct Sum { long double value = 0, size = 0; void add(long double term) { value += term, size += std::abs(term); } };
  /// Σ_i of given(i, prediction without bias).
  template <class Given> Sum over_samples(Given given) {
    Sum sum;
    for (std::size_t i = 0; i < n; ++i) {
      long double p = 0;
      for (std::size_t k = 0; k < features; ++k) p += static_cast<long double>(at(i, k)) * static_cast<long double>(w[k]);
      sum.add(given(i, p));
    }
    return sum;
  }
};

/// Off by no more than that many ulps of the sum of the magnitudes of the terms.
template <class Real> void check_near(Real got, long double expected, long double size, double ulps) {
  const long double off = std::abs(static_cast<long double>(got) - expected);
  BOOST_TEST(off <= ulps * std::numeric_limits<Real>::epsilon() * size, got << " is not " << static_cast<double>(expected));
}
template <class Real> bool same(std::span<const Real> a, std::span<const Real> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Real u, Real v) { return u == v || (std::isnan(u) && std::isnan(v)); });
}
template <class T> std::vector<T> copy(std::span<const T> x) { return {x.begin(), x.end()}; }

/// A prediction is formed with an error of its own, of some ulps of the sum of |x·w|.
constexpr double ulps = 16;

template <class Real> void check_regression(Regression<Real> r, const std::string& kind) {
  BOOST_TEST_CONTEXT(r.n << " samples of " << r.features << " features by " << (r.by_samples ? "samples" : "features") << ", " << kind) {
    BasicTape<Real> tape;
    const BasicRecording<Real> recording(tape);
    const auto w = r.weights(), b = BasicTensor<Real>::input(kind == "one element" ? Shape{1} : Shape{}, {r.b});
    const BasicTensor<Real> y({r.n}, r.y), m = r.product(w);
    BasicTensor<Real> p = m;
    if (kind == "scalar" || kind == "one element") p = m + b;
    if (kind == "bias first") p = b + m;
    if (kind == "variable") p = m + b[0];
    if (kind == "number") p = m + static_cast<double>(r.b);
    const long double bias = kind == "none" ? 0 : static_cast<long double>(r.b), n = static_cast<long double>(r.n);
    const BasicTensor<Real> loss = mean_squared_error(p, y);
    BasicAdjoints<Real> adjoints;
    tape.sweep(loss, adjoints, Real(3));
    const auto residual = [&](std::size_t i, long double product) { return product + bias - static_cast<long double>(r.y[i]); };
    const auto square = r.over_samples([&](std::size_t i, long double s) { return residual(i, s) * residual(i, s); });
    check_near(loss.value(), square.value / n, square.value / n * 8, ulps);
    for (std::size_t k = 0; k < r.features; ++k) {
      const auto sum = r.over_samples([&](std::size_t i, long double s) { return 6 / n * residual(i, s) * static_cast<long double>(r.at(i, k)); });
      check_near(adjoints[w][k], sum.value, sum.size, ulps);
    }
    if (kind != "none" && kind != "number") {
      const auto sum = r.over_samples([&](std::size_t i, long double s) { return 6 / n * residual(i, s); });
      check_near(adjoints[b][0], sum.value, sum.size, ulps);
    }
    std::size_t i = 0;
    static_cast<void>(r.over_samples([&](std::size_t sample, long double s) {
      const long double size = std::abs(s) + 8;
      check_near(p.values()[i], s + bias, size, ulps);
      check_near(m.values()[i], s, size, ulps);
      check_near(adjoints[p][i], 6 / n * residual(sample, s), 6 / n * size, ulps);
      check_near(adjoints[m][i], 6 / n * residual(sample, s), 6 / n * size, ulps);
      ++i;
      return s;
    }));
    BOOST_TEST(p.values()[0] == static_cast<Real>(m.values()[0] + static_cast<Real>(bias)));  // a sum of the product that can be read
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_squared_error_needs_no_predictions_in_memory) {
  for (const bool rows : {false, true}) {
    const Regression<double> r(300, 8, rows);
    Tape tape;
    const Recording recording(tape);
    const Tensor w = r.weights(), m = r.product(w), p = m + 0.5;
    Adjoints adjoints;
    tape.sweep(mean_squared_error(p, Tensor({300}, r.y)), adjoints);
    BOOST_TEST_REQUIRE((m.pending<Product<double>>() != nullptr && p.pending<ProductPlus<double>>() != nullptr));
    BOOST_TEST((!m.pending<Product<double>>()->done && !p.pending<ProductPlus<double>>()->done));
    static_cast<void>(p.values());
    BOOST_TEST((m.pending<Product<double>>()->done && p.pending<ProductPlus<double>>()->done));
  }
}

namespace {
using Of = const Tensor&;
struct Outcome { std::vector<double> w, b, p, m, y; double loss; };
enum class Ask { never, product, prediction, loss, between };
/// A loss of product, prediction and targets, which are recorded too; swept twice.
Outcome outcome(const Regression<double>& r, const std::function<Tensor(Of, Of, Of)>& loss_of, Ask ask, double seed = 1) {
  Tape tape;
  const Recording recording(tape);
  const Tensor w = r.weights(), b = Tensor::input({}, {r.b}), y = Tensor::input({r.n}, r.y), m = r.product(w);
  if (ask == Ask::product) static_cast<void>(m.values());
  const Tensor p = m + b;
  if (ask == Ask::prediction) static_cast<void>(p.values());
  const Tensor loss = loss_of(m, p, y);
  if (ask == Ask::loss) static_cast<void>(loss.value());
  Adjoints first, second;
  tape.sweep(loss, first, seed);
  if (ask == Ask::between) static_cast<void>(p.values());
  tape.sweep(loss, second, seed);
  BOOST_TEST(same(first.by_slot(), second.by_slot()));
  return {copy(second[w]), copy(second[b]), copy(second[p]), copy(second[m]), copy(second[y]), loss.value()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(value_and_gradient_are_those_of_the_formula) {
  for (const std::size_t n : {255, 256, 257, 300, 512, 1000, 1061})
    for (const bool rows : {false, true})
      for (const std::size_t k : {1, 3, 8, 10, 13, 16, 17, 33}) {
        check_regression(Regression<double>(n, k, rows), "scalar");
        check_regression(Regression<float>(n, k, rows), "scalar");
      }
  for (const std::string kind : {"none", "one element", "bias first", "variable", "number"})
    for (const bool rows : {false, true}) {
      check_regression(Regression<double>(300, 10, rows), kind);
      check_regression(Regression<float>(300, 10, rows), kind);
    }
}

BOOST_AUTO_TEST_CASE(the_order_of_questions_changes_no_bit_of_a_prediction) {
  const std::vector<std::function<Tensor(Of, Of, Of)>> losses = {
      [](Of, Of p, Of y) { return mean_squared_error(p, y); },
      [](Of m, Of, Of y) { return mean_squared_error(m, y); },
      [](Of, Of p, Of y) { return 300.0 * mean_squared_error(p, y) + sum(p); },
      [](Of, Of p, Of y) { return sum(p) + mean_squared_error(p, y); },
      [](Of m, Of p, Of y) { return mean_squared_error(p, y) + dot(m, y); },
      [](Of m, Of p, Of y) { return mean_squared_error(m, y) + mean_squared_error(p, y); },
      [](Of, Of p, Of y) { return mean_squared_error(p, y) + mean_squared_error(p, 0.5 * y); },
      [](Of, Of p, Of y) { return mean_squared_error(p, y) + p[5] * p[6]; },
      [](Of m, Of p, Of y) { return mean_squared_error(p.reshape({10, 30}), y.reshape({10, 30})) + mean(tanh(m)); },
      [](Of, Of p, Of) { return mean_squared_error(p, p); },
      [](Of m, Of p, Of) { return mean_squared_error(p, m); }};
  for (const bool rows : {false, true}) {
    const Regression<double> r(300, 10, rows);
    for (std::size_t i = 0; i < losses.size(); ++i)
      for (const double seed : {1.0, -2.5, 1e300, 1e-300, 1e-310, infinity, no_number}) {
        const Outcome expected = outcome(r, losses[i], Ask::never, seed);
        for (const Ask ask : {Ask::product, Ask::prediction, Ask::loss, Ask::between}) {
          const Outcome got = outcome(r, losses[i], ask, seed);
          BOOST_TEST_CONTEXT("loss " << i << ", order " << static_cast<int>(ask) << ", seed " << seed) {
            BOOST_TEST((same<double>(got.w, expected.w) && same<double>(got.b, expected.b) && same<double>(got.p, expected.p)));
            BOOST_TEST((same<double>(got.m, expected.m) && same<double>(got.y, expected.y) && got.loss == expected.loss));
          }
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(what_else_reads_a_prediction_adds_to_its_adjoint) {
  for (const bool rows : {false, true}) {
    Regression<double> r(300, 10, rows);
    const auto loss = [](Of m, Of p, Of y) { return mean_squared_error(p, y) + 0.25 * mean_squared_error(p, 2.0 * y) + sum(p) + dot(m, y); };
    const Outcome got = outcome(r, loss, Ask::never);
    const auto of_p = [&](std::size_t i, long double s) {
      const long double y = r.y[i], e = s + r.b - y, f = s + r.b - 2 * y;
      return 2 * e / 300 + 0.5L * f / 300 + 1;
    };
    for (std::size_t k = 0; k < 10; ++k) {
      const auto sum = r.over_samples([&](std::size_t i, long double s) { return (of_p(i, s) + r.y[i]) * r.at(i, k); });
      check_near(got.w[k], sum.value, sum.size, ulps);
    }
    const auto sum = r.over_samples(of_p);
    check_near(got.b[0], sum.value, sum.size, ulps);
    std::size_t i = 0;
    static_cast<void>(r.over_samples([&](std::size_t sample, long double s) {
      check_near(got.p[i], of_p(sample, s), 4, ulps);
      check_near(got.m[i], of_p(sample, s) + r.y[sample], 8, ulps);
      const long double y = r.y[sample], e = s + r.b - y, f = s + r.b - 2 * y;
      check_near(got.y[i], s - 2 * e / 300 - f / 300, 8 + std::abs(s), ulps);
      ++i;
      return s;
    }));
  }
}

BOOST_AUTO_TEST_CASE(sums_that_leave_the_range_on_the_way_are_formed_again) {
  const auto check = [](double of_x, double of_w, double of_y, double seed, double loss, double dw, double dy) {
    Tape tape;
    const Recording recording(tape);
    const Tensor x({2, 300}, std::vector<double>(600, of_x)), w = Tensor::input({2}, {of_w, of_w}), y = Tensor::input({300}, std::vector<double>(300, of_y));
    const Tensor result = mean_squared_error(matmul(w, x), y);
    Adjoints adjoints;
    tape.sweep(result, adjoints, seed);
    BOOST_TEST_CONTEXT("x = " << of_x << ", w = " << of_w << ", y = " << of_y << ", seed " << seed) {
      BOOST_TEST(result.value() == loss, boost::test_tools::tolerance(1e-14));
      BOOST_TEST(adjoints[w][1] == dw, boost::test_tools::tolerance(1e-13));
      BOOST_TEST(adjoints[y][7] == dy, boost::test_tools::tolerance(1e-14));
    }
  };
  check(1, 1, 1, 1, 1, 2, -2.0 / 300);
  check(1e-170, 1e170, 1, 1, 1, 2e-170, -2.0 / 300);
  check(1e170, 1e-170, 1, 1, 1, 2e170, -2.0 / 300);
  check(1e-170, 1, 0, 1e300, 0, 4e-40, -4e130 / 300);      // products of 1e-340
  check(1e160, 1e-10, 0, 1e-300, 4e300, 4e10, -4e-150 / 300);  // products of 1e310
  check(1e170, 1, 0, 1e-300, infinity, 4e40, -4e-130 / 300);   // squares of 1e340
  check(1e300, 1e-300, 2, 1, 0, 0, 0);                     // nothing left
  check(0, 1, 1, 1, 1, 0, 2.0 / 300);                      // a feature that no sample has
  check(1e-200, 1e-120, 0, 1e300, 0, 0, -1e300 / 150 * 2e-320);  // predictions that have lost digits
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_spreads) {
  for (const double bad : {infinity, -infinity, no_number}) {
    Regression<double> r(300, 10, false);
    r.at(17, 3) = bad;
    const Outcome got = outcome(r, [](Of, Of p, Of y) { return mean_squared_error(p, y); }, Ask::never);
    BOOST_TEST(!std::isfinite(got.loss));
    BOOST_TEST(!std::isfinite(got.w[3]));
    BOOST_TEST(!std::isfinite(got.w[4]));  // the residual is not finite, whatever it is multiplied by
    BOOST_TEST(!std::isfinite(got.p[17]));
    BOOST_TEST(std::isfinite(got.p[18]));
  }
}

BOOST_AUTO_TEST_CASE(a_prediction_keeps_the_weights_that_it_was_made_with) {
  Regression<double> r(300, 10, false);
  Tape tape;
  const Recording recording(tape);
  Tensor w = r.weights(), b = Tensor::input({}, {r.b});
  const auto start = tape.mark();
  const Tensor m = r.product(w), p = m + b, expected = r.product(Tensor({10}, r.w)) + Tensor(r.b), loss = mean_squared_error(p, Tensor({300}, r.y));
  const std::span<double> values = w.values(), bias = b.values();
  values[0] = 7, bias[0] = 5;
  BOOST_TEST(same(p.values(), expected.values()));
  Adjoints adjoints;
  BOOST_CHECK_THROW(tape.sweep(loss, adjoints), TapeError);
  tape.rewind(start);
  BOOST_CHECK_THROW(static_cast<void>(m + 1.0), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(p.values()), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(mean_squared_error(p, Tensor({300}, r.y))), TapeError);
  r.w[0] = 7, r.b = 5;
  const Tensor now = r.product(w) + b;
  tape.sweep(mean_squared_error(now, Tensor({300}, r.y)), adjoints);
  BOOST_TEST(same(now.values(), (r.product(Tensor({10}, r.w)) + Tensor(r.b)).values()));
}

BOOST_AUTO_TEST_CASE(descent_finds_the_coefficients) {
  for (const bool rows : {false, true}) {
    Regression<double> r(400, 8, rows);
    const std::vector<double> truth = r.w;
    std::size_t at = 0;
    static_cast<void>(r.over_samples([&](std::size_t, long double s) { return r.y[at++] = static_cast<double>(s + 1.5L), s; }));
    r.w.assign(8, 0.0);
    Tape tape;
    const Recording recording(tape);
    Tensor w = r.weights(), b = Tensor::input({}, {0});
    const Tensor y({400}, r.y), x = r.samples();
    const auto start = tape.mark();
    Adjoints adjoints;
    for (int step = 0; step < 200; ++step) {
      const Tensor loss = mean_squared_error((rows ? matmul(x, w) : matmul(w, x)) + b, y);
      tape.sweep(loss, adjoints);
      for (Tensor* parameter : {&w, &b}) {
        const std::span<double> values = parameter->values();
        for (std::size_t i = 0; i < values.size(); ++i) values[i] -= 0.4 * adjoints[*parameter][i];
      }
      tape.rewind(start);
    }
    for (std::size_t k = 0; k < 8; ++k) BOOST_TEST(std::abs(w.values()[k] - truth[k]) < 1e-12);
    BOOST_TEST(std::abs(b.value() - 1.5) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(adjoints_outlive_the_predictions) {
  const Regression<double> r(500, 10, false);
  Tape tape;
  const Recording recording(tape);
  const Tensor w = r.weights();
  const auto start = tape.mark();
  const Tensor m = r.product(w), p = m + 0.3;
  Adjoints adjoints;
  tape.sweep(mean_squared_error(p, Tensor({500}, r.y)), adjoints);
  std::vector<double> expected;
  for (std::size_t i = 0; i < 500; ++i) expected.push_back(2 * (p.values()[i] - r.y[i]) / 500);
  tape.rewind(start);
  static_cast<void>(sum(exp(Tensor::input({2000}, std::vector<double>(2000, 1.0)))).value());  // other numbers where theirs were
  const Adjoints copied = adjoints;
  const double* const slots = &adjoints.by_slot()[0];
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      for (std::size_t i = 0; i < 500; ++i)
        if (!(std::abs(adjoints[p][i] - expected[i]) <= 1e-15) || adjoints[m][i] != adjoints[p][i] || copied[m][i] != adjoints[p][i]) ++wrong;
    });
  for (auto& reader : readers) reader.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(slots == &adjoints.by_slot()[0]);
  BOOST_TEST(std::abs(adjoints[m][499] - expected[499]) <= 1e-15);
}

BOOST_AUTO_TEST_CASE(recorded_data_are_differentiated_as_well) {
  // Neither factor is constant, or neither is the one that has few entries: nothing waits.
  Regression<double> r(300, 4, true);
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({300, 4}, r.x), w = r.weights(), b = Tensor::input({}, {r.b}), y({300}, r.y);
  Adjoints adjoints;
  tape.sweep(mean_squared_error(matmul(x, w) + b, y), adjoints);
  static_cast<void>(r.over_samples([&, i = std::size_t{0}](std::size_t, long double s) mutable {
    for (std::size_t k = 0; k < 4; ++k) check_near(adjoints[x][4 * i + k], 2 * (s + r.b - r.y[i]) / 300 * r.w[k], 0.1, ulps);
    ++i;
    return s;
  }));
  tape.sweep(mean_squared_error(matmul(x, Tensor({4}, r.w)) + b, y), adjoints);
  BOOST_TEST(std::isfinite(adjoints[x][0]));
  tape.sweep(mean_squared_error(matmul(Tensor({300, 4}, r.x), Tensor({4}, r.w)) + b, y), adjoints);  // the bias alone
  const auto sum = r.over_samples([&](std::size_t i, long double s) { return 2 * (s + r.b - r.y[i]) / 300; });
  check_near(adjoints[b][0], sum.value, sum.size, ulps);
}

BOOST_AUTO_TEST_CASE(forward_mode_over_a_linear_model) {
  using D = Dual<double>;
  Regression<double> r(300, 3, false);
  std::vector<D> x, y;
  for (const double v : r.x) x.emplace_back(v);
  for (const double v : r.y) y.emplace_back(v);
  BasicTape<D> tape;
  const BasicRecording<D> recording(tape);
  const auto w = BasicTensor<D>::input({3}, {D(r.w[0], 1), D(r.w[1]), D(r.w[2])});
  const auto loss = mean_squared_error(matmul(w, BasicTensor<D>({3, 300}, x)) + r.b, BasicTensor<D>({300}, y));
  BasicAdjoints<D> adjoints;
  tape.sweep(loss, adjoints);
  for (std::size_t k = 0; k < 3; ++k) {  // the first row of the Hessian
    const auto entry = r.over_samples([&](std::size_t i, long double) { return static_cast<long double>(2 * r.at(i, 0) * r.at(i, k)) / 300; });
    check_near(adjoints[w][k].tangent, entry.value, entry.size, ulps);
  }
}
