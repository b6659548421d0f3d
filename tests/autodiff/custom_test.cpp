// Operations with hand-written partials and pullbacks.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include <autodiff/autodiff.hpp>

using namespace gradus;

namespace {
struct Fixture {
  Tape tape;
  Recording recording{tape};
  Adjoints adjoints;
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(custom_suite, Fixture)

BOOST_AUTO_TEST_CASE(a_scalar_takes_any_number_of_operands) {
  const Var x = Var::input(3.0), y = Var::input(4.0), z = Var::input(5.0);
  const Var norm = custom(std::sqrt(50.0), {x, y, z, Var(1.0)}, {3 / std::sqrt(50.0), 4 / std::sqrt(50.0), 5 / std::sqrt(50.0), 99.0});
  const Var twice = norm * 2.0;
  tape.sweep(twice, adjoints);
  BOOST_TEST(adjoints[x] == 6 / std::sqrt(50.0), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(adjoints[z] == 10 / std::sqrt(50.0), boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(a_scalar_of_constants_is_a_constant) {
  BOOST_TEST(custom(1.0, {Var(2.0)}, {3.0}).is_constant());
  BOOST_TEST(custom(1.0, {}, {}).is_constant());
}

BOOST_AUTO_TEST_CASE(the_same_operand_twice_adds_up) {
  const Var x = Var::input(3.0);
  Var y = custom(1.0, {x, x, x}, {1.0, 10.0, 100.0});
  y += x;
  const Var z = std::move(y) * 2.0;
  tape.sweep(z, adjoints);
  BOOST_TEST(adjoints[x] == 224.0);
}

BOOST_AUTO_TEST_CASE(a_custom_scalar_of_a_fresh_temporary_leaves_it_intact) {
  const Var x = Var::input(3.0);
  const Var square = x * x;
  const Var y = custom(1.0, {square, x}, {1.0, 1.0});
  tape.sweep({Seed<double>(y), Seed<double>(square, 100.0)}, adjoints);
  BOOST_TEST(adjoints[x] == 607.0);
}

BOOST_AUTO_TEST_CASE(partials_must_match_operands) {
  const Var x = Var::input(3.0);
  BOOST_CHECK_THROW(static_cast<void>(custom(1.0, {x}, {})), ShapeError);
}

BOOST_AUTO_TEST_CASE(a_tensor_pullback_reads_upstream_and_adds_to_gradients) {
  const Tensor a = Tensor::input({2}, {2.0, 3.0}), constant({2}, {10.0, 20.0});
  const std::vector<double> product = {20.0, 60.0};
  const Tensor y = custom({2}, product, {&a, &constant}, [](std::span<const double> up, std::span<const std::span<double>> gradients) {
    BOOST_TEST(gradients[1].empty());  // a constant
    for (std::size_t i = 0; i < 2; ++i) gradients[0][i] += up[i] * (i == 0 ? 10.0 : 20.0);
  });
  const Var sum = y[0] + y[1] * 2.0 + a[0];
  tape.sweep(sum, adjoints);
  BOOST_TEST(adjoints[a][0] == 11.0);
  BOOST_TEST(adjoints[a][1] == 40.0);
}

BOOST_AUTO_TEST_CASE(results_that_nobody_uses_have_an_adjoint_of_0) {
  const Tensor a = Tensor::input({3}, {2.0, 3.0, 5.0});
  const std::vector<double> squares = {4.0, 9.0, 25.0};
  std::vector<double> seen;
  int runs = 0;
  const Tensor y = custom({3}, squares, {&a}, [&](std::span<const double> up, std::span<const std::span<double>> gradients) {
    seen.assign(up.begin(), up.end());
    ++runs;
    for (std::size_t i = 0; i < 3; ++i) gradients[0][i] += up[i] * 2.0 * (2.0 + static_cast<double>(i) + (i == 2 ? 1.0 : 0.0));
  });
  const Var first = y[0] * 3.0, last = y[2] * 7.0, none = a[1] * 2.0;
  // Into the same adjoints, whatever an earlier sweep has left there.
  for (int round = 0; round < 2; ++round) {
    tape.sweep(first, adjoints);
    BOOST_TEST(seen == std::vector<double>({3.0, 0.0, 0.0}), boost::test_tools::per_element());
    BOOST_TEST(std::vector<double>(adjoints[a].begin(), adjoints[a].end()) == std::vector<double>({12.0, 0.0, 0.0}), boost::test_tools::per_element());
    tape.sweep(last, adjoints);
    BOOST_TEST(seen == std::vector<double>({0.0, 0.0, 7.0}), boost::test_tools::per_element());
    BOOST_TEST(std::vector<double>(adjoints[a].begin(), adjoints[a].end()) == std::vector<double>({0.0, 0.0, 70.0}), boost::test_tools::per_element());
    seen.clear();
    tape.sweep(none, adjoints);
    for (const double v : seen) BOOST_TEST(v == 0);  // not asked, or asked for nothing
    BOOST_TEST(std::vector<double>(adjoints[a].begin(), adjoints[a].end()) == std::vector<double>({0.0, 2.0, 0.0}), boost::test_tools::per_element());
  }
  BOOST_TEST(runs >= 4);
}

BOOST_AUTO_TEST_CASE(what_a_pullback_captures_lives_until_the_rewind) {
  auto witness = std::make_shared<int>(1);
  const Tensor a = Tensor::input({1}, {2.0});
  const auto start = tape.mark();
  {
    const std::vector<double> value = {1.0};
    const Tensor y = custom({1}, value, {&a}, [witness](std::span<const double>, std::span<const std::span<double>>) {});
    BOOST_TEST(witness.use_count() == 2);
  }
  BOOST_TEST(witness.use_count() == 2);
  tape.rewind(start);
  BOOST_TEST(witness.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(values_must_fit_the_shape) {
  const Tensor a = Tensor::input({1}, {2.0});
  const std::vector<double> value = {1.0};
  BOOST_CHECK_THROW(static_cast<void>(custom({2}, value, {&a}, [](std::span<const double>, std::span<const std::span<double>>) {})), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
