// Elementwise results that are worked out late: whoever asks first, and in whatever order, the numbers are those of results that were worked out at once.
#include <boost/test/unit_test.hpp>

#include <algorithm>
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

template <class Real> std::vector<Real> numbers(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::uniform_real_distribution<double> uniform(-5, 5);
  std::vector<Real> x(n);
  for (Real& v : x) v = static_cast<Real>(uniform(random));
  return x;
}
/// The same number, sign of 0 included, or both NaN.
template <class Real> bool alike(Real a, Real b) { return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b); }
template <class Real> bool same(const std::vector<Real>& a, const std::vector<Real>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), alike<Real>);
}
template <class Real> std::vector<Real> copy(std::span<const Real> x) { return {x.begin(), x.end()}; }

template <class Real> using Map = std::function<BasicTensor<Real>(const BasicTensor<Real>&)>;
template <class Real> struct Named { const char* name; Map<Real> map; };
/// With slopes that are kept and that are formed again; steps, flats, poles and parameters.
template <class Real> std::vector<Named<Real>> maps() {
  using T = const BasicTensor<Real>&;
  return {{"sigmoid", [](T x) { return sigmoid(x); }}, {"tanh", [](T x) { return tanh(x); }},         {"relu", [](T x) { return relu(x); }},
          {"elu", [](T x) { return elu(x, 0.7); }},    {"exp", [](T x) { return exp(x); }},           {"sqrt", [](T x) { return sqrt(x); }},
          {"sin", [](T x) { return sin(x); }},         {"leaky_relu", [](T x) { return leaky_relu(x); }}, {"hardtanh", [](T x) { return hardtanh(x); }},
          {"log", [](T x) { return log(x); }},         {"softplus", [](T x) { return softplus(x); }}, {"silu", [](T x) { return silu(x); }}};
}

template <class Real> struct Outcome {
  std::vector<Real> values, gradient, again, of_result;
  Real loss;
};
enum class Ask { never, values_first, loss_first, between };
/// loss(map(x)), swept twice with a seed.
template <class Real, class Loss> Outcome<Real> outcome(const std::vector<Real>& at, const Map<Real>& map, const Loss& loss, Real seed, Ask ask) {
  BasicTape<Real> tape;
  const BasicRecording<Real> recording(tape);
  const auto x = BasicTensor<Real>::input({at.size()}, at);
  const BasicTensor<Real> y = map(x);
  if (ask == Ask::values_first) static_cast<void>(y.values());
  const BasicTensor<Real> l = loss(y);
  if (ask == Ask::loss_first) static_cast<void>(l.value());
  BasicAdjoints<Real> first, second;
  tape.sweep(l, first, seed);
  if (ask == Ask::between) static_cast<void>(y.values());
  tape.sweep(l, second, seed);
  return {copy(y.values()), copy(first[x]), copy(second[x]), copy(first[y]), l.value()};
}
template <class Real, class Loss> void check_orders(std::size_t n, const Loss& loss, Real seed) {
  for (const auto& [name, map] : maps<Real>()) {
    const auto at = numbers<Real>(n);
    const auto expected = outcome<Real>(at, map, loss, seed, Ask::values_first);
    BOOST_TEST(same(copy(map(BasicTensor<Real>({n}, at)).values()), expected.values), name);  // of a constant, which is never deferred
    for (const Ask ask : {Ask::never, Ask::loss_first, Ask::between}) {
      const auto got = outcome<Real>(at, map, loss, seed, ask);
      BOOST_TEST_CONTEXT(name << ", " << n << " elements, order " << static_cast<int>(ask) << ", seed " << seed) {
        BOOST_TEST(same(got.values, expected.values));
        BOOST_TEST(same(got.gradient, expected.gradient));
        BOOST_TEST(same(got.again, expected.gradient));
        BOOST_TEST(same(got.of_result, expected.of_result));
        BOOST_TEST(alike(got.loss, expected.loss));
      }
    }
  }
}
template <class Real> void check_all_orders() {
  using T = const BasicTensor<Real>&;
  for (const std::size_t n : {255, 256, 257, 1000, 1024, 1061, 5003})
    for (const Real seed : {Real(1), Real(-2.5), Real(0)}) check_orders<Real>(n, [](T y) { return sum(y); }, seed);
  for (const Real seed : {Real(1), static_cast<Real>(1e30), static_cast<Real>(infinity), static_cast<Real>(no_number)}) {
    check_orders<Real>(777, [](T y) { return mean(y); }, seed);
    check_orders<Real>(777, [](T y) { return sum(y) + mean(y); }, seed);
    check_orders<Real>(777, [](T y) { return sum(y) + dot(y, y); }, seed);
    check_orders<Real>(777, [](T y) { return sum(y.reshape({7, 111})) * sum(tanh(y)); }, seed);
    check_orders<Real>(777, [](T y) { return sum(y) + y[5] * y[6]; }, seed);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_order_of_questions_changes_no_bit) { check_all_orders<double>(); }
BOOST_AUTO_TEST_CASE(the_order_of_questions_changes_no_bit_in_float) { check_all_orders<float>(); }

BOOST_AUTO_TEST_CASE(a_gradient_of_one_adjoint_is_that_of_many_equal_ones) {
  const auto at = numbers<double>(1500);
  for (const auto& [name, map] : maps<double>())
    for (const double seed : {1.0, -0.3, 1e300, 1e-300}) {
      Tape tape;
      const Recording recording(tape);
      const Tensor x = Tensor::input({at.size()}, at), y = map(x), total = sum(y);
      Adjoints one, many;
      tape.sweep(total, one, seed);
      tape.sweep({Seed<double>(y, std::vector<double>(at.size(), seed))}, many);
      BOOST_TEST(same(copy(one[x]), copy(many[x])), name << " with seed " << seed);
    }
}

BOOST_AUTO_TEST_CASE(partials_out_of_range_meet_the_adjoint_first) {
  std::vector<double> at(300, 1.0);
  at[0] = -800, at[7] = -745, at[299] = -709, at[100] = infinity, at[101] = -infinity, at[102] = no_number, at[103] = -0.0;
  for (const double seed : {1.0, 1e300}) {
    Tape tape;
    const Recording recording(tape);
    const Tensor x = Tensor::input({at.size()}, at);
    Adjoints adjoints;
    tape.sweep(sum(elu(x)), adjoints, seed);
    const auto g = adjoints[x];
    for (const std::size_t i : {std::size_t{0}, std::size_t{7}, std::size_t{299}}) {
      const auto expected = static_cast<double>(std::exp(static_cast<long double>(at[i])) * static_cast<long double>(seed));
      BOOST_TEST(std::abs(g[i] - expected) <= 4e-16 * expected + 5e-324, i << " with seed " << seed);
    }
    BOOST_TEST(g[100] == seed);
    BOOST_TEST(g[101] == 0.0);
    BOOST_TEST(std::isnan(g[102]));
    BOOST_TEST(g[103] == seed);
  }
}

BOOST_AUTO_TEST_CASE(a_sum_that_overflows_on_the_way_is_repeated) {
  std::vector<double> at(300, 0.0);
  at[0] = at[8] = at[16] = 1e308, at[24] = at[32] = -1e308;
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({at.size()}, at), y = leaky_relu(x, 1.0), total = sum(y), average = mean(y);
  BOOST_TEST(total.value() == 1e308);
  BOOST_TEST(average.value() == 1e308 / 300, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(writing_an_input_comes_after_what_was_recorded) {
  const auto at = numbers<double>(400);
  Tape tape;
  const Recording recording(tape);
  Tensor w = Tensor::input({400}, at);
  const auto start = tape.mark();
  const auto expected = copy(tanh(Tensor({400}, at)).values());
  const double sum_before = sum(Tensor({400}, expected)).value();
  const Tensor y = tanh(w), z = relu(w), total = sum(y);
  const std::span<double> values = w.values();
  values[3] = 30;
  BOOST_TEST(same(copy(y.values()), expected));
  BOOST_TEST(total.value() == sum_before);
  BOOST_TEST(z.values()[3] == std::max(at[3], 0.0));
  Adjoints adjoints;
  BOOST_CHECK_THROW(tape.sweep(total, adjoints), TapeError);
  tape.rewind(start);
  // The span may be written through at any time: from now on nothing that reads w waits.
  const Tensor later = tanh(w), all = sum(later);
  values[3] = 0;
  BOOST_TEST(later.values()[3] == 1.0);
  static_cast<void>(all);
  tape.rewind(start);
  const Tensor now = sum(tanh(w));
  tape.sweep(now, adjoints);
  BOOST_TEST(adjoints[w][3] == 1.0);
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_deferred_tensor_is_the_same_tensor) {
  const auto at = numbers<double>(300);
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({300}, at);
  const Tensor y = exp(x), copied = y, shaped = y.reshape({3, 100});
  const Tensor total = sum(shaped);
  BOOST_TEST(copied.values().data() == y.values().data());
  BOOST_TEST(shaped(1, 2).value() == y.values()[102]);
  BOOST_TEST(y[7].value() == copied.values()[7]);
  Tensor inner = x;
  for (int i = 0; i < 3; ++i) inner = tanh(inner);  // deferred on deferred
  BOOST_TEST(inner.values()[9] == std::tanh(std::tanh(std::tanh(at[9]))), boost::test_tools::tolerance(1e-14));
  Adjoints adjoints;
  tape.sweep(total, adjoints);
  BOOST_TEST(adjoints[x][7] == y.values()[7]);
}

BOOST_AUTO_TEST_CASE(nothing_deferred_outlives_its_recording) {
  const auto at = numbers<double>(300);
  Tensor y, total;
  {
    Tape tape;
    const Recording recording(tape);
    const Tensor x = Tensor::input({300}, at);
    const auto start = tape.mark();
    y = sigmoid(x), total = sum(y);
    tape.rewind(start);
    BOOST_CHECK_THROW(static_cast<void>(y.values()), TapeError);
    BOOST_CHECK_THROW(static_cast<void>(total.value()), TapeError);
    BOOST_CHECK_THROW(static_cast<void>(sum(y)), TapeError);
    const Tensor other = elu(x);
    BOOST_TEST(other.values()[0] == elu(at[0]), boost::test_tools::tolerance(1e-15));
    y = relu(x), total = mean(y);
    tape.clear();
    BOOST_CHECK_THROW(static_cast<void>(y[0]), TapeError);
    const Tensor again = Tensor::input({300}, at);
    y = relu(again), total = mean(y);
  }
  BOOST_CHECK_THROW(static_cast<void>(y.values()), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(total.value()), TapeError);
}

BOOST_AUTO_TEST_CASE(values_can_be_asked_for_when_the_recording_has_ended) {
  const auto at = numbers<double>(300);
  Tape tape;
  Tensor x, y, total;
  {
    const Recording recording(tape);
    x = Tensor::input({300}, at), y = relu(x), total = sum(y);
  }
  Adjoints adjoints;
  tape.sweep(total, adjoints);
  BOOST_TEST(y.values()[0] == std::max(at[0], 0.0));
  BOOST_TEST(total.value() == sum(Tensor({300}, y.values())).value());
  BOOST_TEST(adjoints[x][0] == (at[0] > 0 ? 1.0 : 0.0));
}

BOOST_AUTO_TEST_CASE(one_adjoint_for_all_reads_like_many) {
  const auto at = numbers<double>(500);
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({500}, at), few = Tensor::input({3}, {1, 2, 3});
  const Tensor loss = mean(x) + sum(few) + sum(x);
  Adjoints adjoints;
  tape.sweep(loss, adjoints, 3.0);
  const double each = 3.0 / 500 + 3.0;
  const Adjoints copied = adjoints;
  BOOST_TEST(adjoints[x[499]] == each);  // an element before the whole
  BOOST_TEST(copied[x][250] == each);
  std::vector<double> sums(4);
  {
    Adjoints shared;
    tape.sweep(loss, shared, 3.0);
    const Adjoints& read = shared;
    const auto* const slots = &read;
    std::vector<std::thread> readers;
    for (double& s : sums)
      readers.emplace_back([&s, slots] {
        for (const double a : slots->by_slot()) s += a;
      });
    for (auto& r : readers) r.join();
  }
  for (const double s : sums) BOOST_TEST(s == sums[0]);
  Adjoints moved = std::move(adjoints);
  for (const double a : moved[x]) BOOST_TEST_REQUIRE(a == each);
  for (const double a : moved[few]) BOOST_TEST(a == 3.0);
  // An array on top of one adjoint for all, before and after.
  tape.sweep(sum(x) + dot(x, x), moved);
  for (std::size_t i = 0; i < 500; ++i) BOOST_TEST_REQUIRE(moved[x][i] == 1 + 2 * at[i]);
  tape.sweep(dot(x, x) + sum(x), moved);
  for (std::size_t i = 0; i < 500; ++i) BOOST_TEST_REQUIRE(moved[x][i] == 1 + 2 * at[i]);
}

BOOST_AUTO_TEST_CASE(a_warm_loop_of_deferred_operations_stays_right) {
  Tape tape;
  const Recording recording(tape);
  std::vector<double> at = numbers<double>(600), expected = at;
  Tensor w = Tensor::input({600}, at);
  const auto start = tape.mark();
  Adjoints adjoints;
  for (int step = 0; step < 5; ++step) {
    const Tensor loss = sum(elu(w));
    tape.sweep(loss, adjoints);
    const std::span<double> values = w.values();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] -= 0.1 * adjoints[w][i];
    tape.rewind(start);
    for (double& v : expected) v -= 0.1 * (v > 0 ? 1.0 : std::exp(v));
  }
  for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST_REQUIRE(w.values()[i] == expected[i], boost::test_tools::tolerance(1e-14));
}
