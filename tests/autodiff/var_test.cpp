// Scalars: arithmetic, what folds and what must not, ranges and NaN.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/sqrt.hpp>
#include <ops/tanh.hpp>

using namespace gradus;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Fixture {
  Tape tape;
  Recording recording{tape};
  Adjoints adjoints;
  Var x = Var::input(3.0), y = Var::input(-2.0);
  void check(const Var& z, double value, double dx, double dy) {
    BOOST_TEST(z.value() == value);
    tape.sweep(z, adjoints);
    BOOST_TEST(adjoints[x] == dx);
    BOOST_TEST(adjoints[y] == dy);
  }
  double derivative(const Var& z, const Var& by) {
    tape.sweep(z, adjoints);
    return adjoints[by];
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(var_suite, Fixture)

BOOST_AUTO_TEST_CASE(arithmetic_has_the_textbook_derivatives) {
  check(x + y, 1, 1, 1);
  check(x - y, 5, 1, -1);
  check(x * y, -6, -2, 3);
  check(x / y, -1.5, -0.5, -0.75);
  check(-x, -3, -1, 0);
  check(+x, 3, 1, 0);
  check(2.0 + x, 5, 1, 0);
  check(x - 2, 1, 1, 0);
  check(2 - x, -1, -1, 0);
  check(2 * x * y, -12, -4, 6);
  check(x / 2, 1.5, 0.5, 0);
  check(6.0f / y, -3, 0, -1.5);
}

BOOST_AUTO_TEST_CASE(a_variable_combined_with_itself_counts_twice) {
  check(x + x, 6, 2, 0);
  check(x - x, 0, 0, 0);
  check(x * x, 9, 6, 0);
  check(x / x, 1, 0, 0);
  Var a = x * 1.0;
  a += a;
  check(a, 6, 2, 0);
  a *= a;
  check(a, 36, 24, 0);
  a -= std::move(a);
  check(a, 0, 0, 0);
  Var b = x * 1.0;
  b *= std::move(b);
  check(b, 9, 6, 0);
  Var c = x * 1.0;
  check(std::move(c) + std::move(c), 6, 2, 0);
}

BOOST_AUTO_TEST_CASE(a_sigmoid_of_four_primitives_is_one_node) {
  const Var s = 1.0 / (1.0 + exp(-x));
  BOOST_TEST(tape.nodes().count() == 1U);
  const double v = 1 / (1 + std::exp(-3.0));
  BOOST_TEST(derivative(s, x) == v * (1 - v), boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_dot_product_is_one_node_a_term_and_one_slot) {
  Var sum = x * y;
  for (int i = 0; i < 9; ++i) sum += x * y;
  sum -= y * 2.0;
  BOOST_TEST(tape.nodes().count() == 11U);
  BOOST_TEST(tape.slots() == 3U);
  check(sum, -56, -20, 28);
}

BOOST_AUTO_TEST_CASE(a_named_intermediate_keeps_its_meaning) {
  const Var square = x * x;
  const Var scaled = square * 10.0;
  check(square, 9, 6, 0);
  check(scaled, 90, 60, 0);
}

BOOST_AUTO_TEST_CASE(a_copy_and_its_origin_go_separate_ways) {
  Var a = x * y;
  Var b = a;
  a += x;
  b -= y;
  check(a, -3, -1, 3);
  check(b, -4, -2, 2);
  Var c = x * y;
  const Var d = c;
  const Var e = std::move(c) * 2.0;  // moved, but d still holds the slot
  check(d, -6, -2, 3);
  check(e, -12, -4, 6);
}

BOOST_AUTO_TEST_CASE(a_tensor_made_of_a_scalar_shares_its_slot) {
  Var a = x * y;
  const Tensor t = a;
  a += x;
  check(t[0], -6, -2, 3);
  Var b = t[0];
  b += y;
  check(t[0], -6, -2, 3);
}

BOOST_AUTO_TEST_CASE(vectors_of_variables_may_reallocate_and_sort) {
  std::vector<Var> v;
  for (int i = 0; i < 100; ++i) v.push_back(x * (i % 10) + y);
  std::sort(v.begin(), v.end());
  Var sum = 0.0;
  for (const Var& e : v) sum += e;
  check(sum, 450 * 3 - 200, 450, 100);
}

BOOST_AUTO_TEST_CASE(comparisons_are_on_values) {
  BOOST_TEST((x > y && y < 0 && x >= 3.0 && 3 == x && x != y && -2.0 >= y));
  const Var nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST((!(nan == nan) && !(nan < 0) && isnan(nan) && !isfinite(nan)));
}

BOOST_AUTO_TEST_CASE(an_accumulator_may_start_as_a_constant) {
  Var sum = 0.0;
  sum += 1.0;
  BOOST_TEST(sum.is_constant());
  sum += x;
  sum += y;
  sum -= 1.0;
  check(sum, 1, 1, 1);
  check(x, 3, 1, 0);  // x itself was not changed
  Var difference;
  difference -= x * y;
  check(difference, 6, 2, -3);
}

BOOST_AUTO_TEST_CASE(an_input_may_be_incremented_without_losing_its_adjoint) {
  Var z = x;
  z += y;
  z += z;
  check(z, 2, 2, 2);
  x += y;  // the name x now means the sum; the input is gone
  tape.sweep(x, adjoints);
  BOOST_TEST(adjoints[x] == 1.0);
  BOOST_TEST(adjoints[y] == 1.0);
}

BOOST_AUTO_TEST_CASE(constant_variables_fold_like_numbers) {
  const Var s = Var(1.0) / (Var(1.0) + exp(Var(-1.0) * x));
  BOOST_TEST(tape.nodes().count() == 1U);
  BOOST_TEST(derivative(s, x) == derivative(1.0 / (1.0 + exp(-x)), x));
}

BOOST_AUTO_TEST_CASE(a_folded_chain_keeps_products_that_leave_the_range) {
  for (const bool fold : {true, false}) {
    Tape other(Tape::Options{.fold = fold});
    const Recording inner(other);
    const Var a = Var::input(1.0);
    other.sweep(a * 1e-200 * 1e-200 * 1e300, adjoints);
    BOOST_TEST(adjoints[a] == 1e-100, boost::test_tools::tolerance(1e-13));
    other.sweep(a * 1e200 * 1e200 * 1e-300, adjoints);
    BOOST_TEST(adjoints[a] == 1e100, boost::test_tools::tolerance(1e-13));
    const Var b = Var::input(-800.0);
    other.sweep(exp(b), adjoints, 0x1p1000);
    BOOST_TEST(adjoints[b] == static_cast<double>(std::exp(-800.0L) * 0x1p1000L), boost::test_tools::tolerance(1e-13));
    const Var c = Var::input(1e-200);
    other.sweep(1.0 / c, adjoints, 1e-250);
    BOOST_TEST(adjoints[c] == -1e150, boost::test_tools::tolerance(1e-13));
    other.sweep(1e-300 / (c * 1.0), adjoints);
    BOOST_TEST(adjoints[c] == -1e100, boost::test_tools::tolerance(1e-13));
  }
}

BOOST_AUTO_TEST_CASE(an_unused_infinite_partial_makes_no_NaN) {
  const Var zero = Var::input(0.0);
  const Var root = sqrt(zero);
  BOOST_TEST(derivative(root * 0.0 + zero, zero) == 1.0);
  BOOST_TEST(derivative(sqrt(zero) * 0.0 + zero, zero) == 1.0);  // the same when the temporary folds
  BOOST_TEST(derivative(root, zero) == infinity);
  BOOST_TEST(derivative(x * 1.0 + 0.0 * log(zero), zero) == 0.0);  // although the value, 0·(-∞), is NaN
  const Var unused = 1.0 / zero;
  BOOST_TEST(unused.value() == infinity);
  BOOST_TEST(derivative(zero * 2.0, zero) == 2.0);
}

BOOST_AUTO_TEST_CASE(a_used_NaN_reaches_the_gradient) {
  const Var bad = log(Var::input(-1.0));
  BOOST_TEST(std::isnan(derivative(bad * x, x)));
}

BOOST_AUTO_TEST_CASE(numeric_limits_are_those_of_the_real) {
  BOOST_TEST(std::numeric_limits<Var>::epsilon().value() == std::numeric_limits<double>::epsilon());
  BOOST_TEST(std::numeric_limits<Var>::is_specialized);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(float_tapes_record_floats) {
  BasicTape<float> tape;
  const BasicRecording recording(tape);
  const auto x = BasicVar<float>::input(0.5f);
  BasicVar<float> y = 1.0 / (1.0 + exp(-x));
  y += x * x;
  BasicAdjoints<float> adjoints;
  tape.sweep(y, adjoints);
  const double s = 1 / (1 + std::exp(-0.5));
  BOOST_TEST(adjoints[x] == static_cast<float>(s * (1 - s) + 1), boost::test_tools::tolerance(1e-6f));
  tape.sweep(x * 1e-30f * 1e-30f * 1e30f, adjoints);
  BOOST_TEST(adjoints[x] == 1e-30f, boost::test_tools::tolerance(1e-5f));
}

BOOST_AUTO_TEST_CASE(dual_tapes_carry_tangents_of_adjoints) {
  using Real = Dual<double>;
  BasicTape<Real> tape;
  const BasicRecording recording(tape);
  const auto x = BasicVar<Real>::input(Real(2.0, 1.0));
  auto y = x * x * x;
  y += x * x;
  BasicAdjoints<Real> adjoints;
  tape.sweep(y, adjoints);
  BOOST_TEST(adjoints[x].value == 16.0);
  BOOST_TEST(adjoints[x].tangent == 14.0);  // the second derivative
}

BOOST_AUTO_TEST_CASE(dual_tapes_fold_no_infinite_partial_into_a_NaN) {
  using Real = Dual<double>;
  BasicTape<Real> tape;
  const BasicRecording recording(tape);
  const auto zero = BasicVar<Real>::input(Real(0.0, 1.0));
  BasicAdjoints<Real> adjoints;
  tape.sweep(sqrt(zero) * 0.0 + zero, adjoints);
  BOOST_TEST(adjoints[zero].value == 1.0);
}

BOOST_AUTO_TEST_CASE(threads_may_share_a_constant) {
  const Var shared = 2.0;
  const auto work = [&shared](double& result) {
    Tape tape;
    const Recording recording(tape);
    const Var x = Var::input(3.0);
    Var y = 0.0;
    for (int i = 0; i < 1000; ++i) {
      const Var copy = shared;
      y += copy * x;
    }
    Adjoints adjoints;
    tape.sweep(y, adjoints);
    result = adjoints[x];
  };
  double first = 0, second = 0;
  std::thread a(work, std::ref(first)), b(work, std::ref(second));
  a.join();
  b.join();
  BOOST_TEST(first == 2000.0);
  BOOST_TEST(second == 2000.0);
}
