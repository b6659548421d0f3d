// Gradients of small functions in forward mode: the answers of the tape, in every vector width, and the tape's own where numbers leave the range.
#include <boost/test/unit_test.hpp>

#include <array>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/ops.hpp>

#include "tests/autodiff/random_program.hpp"

using namespace gradus;
using gradus::testing::random_program, gradus::testing::Scaled, gradus::testing::Extras;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity(), undefined = std::numeric_limits<double>::quiet_NaN();

constexpr auto rosenbrock = [](const auto& x) {
  auto y = 0.0 * x[0];
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const auto u = x[i + 1] - x[i] * x[i], v = 1.0 - x[i];
    y += 100.0 * u * u + v * v;
  }
  return y;
};
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// What the tape says, called as value_and_gradient calls f.
template <class F, std::size_t N> ValueAndGradient<double> on_the_tape(const F& f, const std::array<double, N>& x) {
  return value_and_gradient([&](const std::vector<Var>& v) { return f(v); }, std::span<const double>(x));
}
template <class F, std::size_t N> void is_that_of_the_tape(const F& f, const std::array<double, N>& x) {
  const auto tape = on_the_tape(f, x);
  const auto wide = value_and_gradient(f, x);
  BOOST_TEST(same(wide.value, tape.value));
  for (std::size_t i = 0; i < N; ++i)
    BOOST_TEST((same(wide.gradient[i], tape.gradient[i]) || std::abs(wide.gradient[i] - tape.gradient[i]) <= 1e-14 * std::abs(tape.gradient[i])),
               "partial " << i << " at " << x[0] << ": " << wide.gradient[i] << ", tape " << tape.gradient[i]);
}

/// Calls check(push) with push_all of every instruction set that this machine has.
template <std::size_t N, class F, class Check> void in_every_width(const F& f, const Check& check) {
  check([&](const auto& x, double& value, auto& g) { return wide_baseline::push_all<N>(f, x, value, g); });
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) check([&](const auto& x, double& value, auto& g) { return wide_avx2::push_all<N>(f, x, value, g); });
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    check([&](const auto& x, double& value, auto& g) { return wide_avx512::push_all<N>(f, x, value, g); });
#endif
}

template <std::size_t N> void rosenbrock_of_many_inputs() {
  std::array<double, N> x;
  for (std::size_t i = 0; i < N; ++i) x[i] = std::sin(static_cast<double>(3 * i + 1));
  const auto tape = on_the_tape(rosenbrock, x);
  in_every_width<N>(rosenbrock, [&](const auto& push) {
    std::array<double, N> gradient;
    double value = 0;
    BOOST_TEST(push(x, value, gradient));
    BOOST_TEST(value == tape.value);
    for (std::size_t i = 0; i < N; ++i) BOOST_TEST(std::abs(gradient[i] - tape.gradient[i]) <= 1e-13 * (std::abs(tape.gradient[i]) + 100));
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(functions_are_found_by_their_argument) {
  const auto f = [](const auto& x) {
    using std::exp, std::max, std::pow, std::sqrt;  // hide what the using-directive brings
    return exp(x[0]) * sqrt(x[1]) + max(x[0] * 1.0, x[1] * 3.0) + pow(x[0], 2.0);
  };
  static_assert(std::is_invocable_v<decltype(f)&, const std::array<wide_baseline::WideDual<2>, 2>&>);
  is_that_of_the_tape(f, std::array{0.5, 2.0});
  is_that_of_the_tape(f, std::array{3.0, 1.0});  // a tie
}

BOOST_AUTO_TEST_CASE(any_number_of_inputs_fits_into_vectors_of_any_width) {
  rosenbrock_of_many_inputs<1>(), rosenbrock_of_many_inputs<2>(), rosenbrock_of_many_inputs<3>(), rosenbrock_of_many_inputs<5>();
  rosenbrock_of_many_inputs<8>(), rosenbrock_of_many_inputs<10>(), rosenbrock_of_many_inputs<16>();
}

BOOST_AUTO_TEST_CASE(random_programs_have_the_gradient_of_forward_mode_one_by_one) {
  const std::array<double, 4> at = {0.75, -1.25, 0.5, 1.5};
  std::size_t wrong = 0;
  for (std::uint64_t seed = 0; seed < 3000 && wrong < 10; ++seed) {
    const auto f = [seed]<class T>(const std::array<T, 4>& x) { return random_program<T>(seed, std::vector<T>(x.begin(), x.end()), Extras<T>{}); };
    in_every_width<4>(f, [&](const auto& push) {
      std::array<double, 4> gradient;
      double value = 0;
      const bool finite = push(at, value, gradient);
      const auto is_finite = [](double number) { return std::isfinite(number); };
      BOOST_TEST(finite == (is_finite(value) && std::all_of(gradient.begin(), gradient.end(), is_finite)));
      for (std::size_t i = 0; i < at.size(); ++i) {
        std::vector<Scaled> x(at.begin(), at.end());
        x[i] = Scaled(Dual<double>(at[i], 1.0), 1.0);
        const Scaled y = random_program<Scaled>(seed, x, {});
        if (same(value, y.value()) && (same(gradient[i], y.dual.tangent) || std::abs(gradient[i] - y.dual.tangent) <= 1e-12 * y.scale)) continue;
        ++wrong;
        BOOST_ERROR("program " << seed << ", input " << i << ": value " << value << " (one by one " << y.value() << "), gradient " << gradient[i] << " ("
                               << y.dual.tangent << ")");
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(every_op_and_operator_is_pushed) {
  const auto f = [](const auto& x) {
    auto y = exp(x[0]) * tanh(x[1]) + pow(x[0], x[1]) - pow(x[0], 1.5) + pow(2.0, x[1]) + max(x[0], x[1]) / x[1] + (-x[0]) / 3.0 + 2.0 / x[1] +
             (1.0 - x[0]) * (+x[1]) + (x[0] + 1) * 2;
    y -= sigmoid(x[0]);
    y *= x[1] - 0.25;
    y /= x[0];
    if (x[0] < x[1] && x[0] > 0.1 && isfinite(y) && !isnan(y) && plain(x[0]) > 0) y += x[0] == x[1] ? 1.0 : x[0] * x[0];
    return y;
  };
  is_that_of_the_tape(f, std::array{0.5, 1.25});
}

BOOST_AUTO_TEST_CASE(where_numbers_leave_the_range_the_tape_answers) {
  const auto tails = [](const auto& x) { return 1e300 * exp(x[0]) * x[1]; };  // exp'(-720) is subnormal until it meets 1e300
  is_that_of_the_tape(tails, std::array{-720.0, 3.0});
  BOOST_TEST(value_and_gradient(tails, std::array{-720.0, 3.0}).gradient[0] == static_cast<double>(3 * 1e300L * std::exp(-720.0L)),
             boost::test_tools::tolerance(1e-15));
  const auto root = [](const auto& x) { return sqrt(x[0]) * 0.0 + x[1]; };  // an adjoint of 0 stops the infinite partial
  is_that_of_the_tape(root, std::array{0.0, 2.0});
  BOOST_TEST(value_and_gradient(root, std::array{0.0, 2.0}).gradient[0] == 0.0);
  const auto product = [](const auto& x) { return x[0] * x[0] + x[1]; };
  for (const double special : {undefined, inf, -inf, 1e200, 1e-200, 0.0, -0.0}) {
    is_that_of_the_tape(product, std::array{special, 2.0});
    is_that_of_the_tape(product, std::array{2.0, special});
    is_that_of_the_tape([](const auto& x) { return log(x[0]) + 1.0 / x[1]; }, std::array{special, 2.0});
    is_that_of_the_tape([](const auto& x) { return log(x[0]) + 1.0 / x[1]; }, std::array{2.0, special});
    is_that_of_the_tape([special](const auto& x) { return x[0] * special * x[1]; }, std::array{2.0, 1.0});
  }
  is_that_of_the_tape([](const auto& x) { return x[0] * 1e-200 * x[1] * 1e-150 * 1e300; }, std::array{2.0, 3.0});
}

BOOST_AUTO_TEST_CASE(exception_flags_of_before_do_not_matter) {
  const auto tape = on_the_tape(rosenbrock, std::array{0.5, 0.25});
  for (const int flag : {FE_DIVBYZERO, FE_OVERFLOW, FE_UNDERFLOW, FE_INVALID}) {
    std::feraiseexcept(flag);
    std::array<double, 2> gradient;
    double value = 0;
    BOOST_TEST(detail::gradient_in_forward_mode(rosenbrock, std::array{0.5, 0.25}, value, gradient));
    BOOST_TEST(value == tape.value);
  }
}

BOOST_AUTO_TEST_CASE(functions_that_know_only_the_tape_or_have_many_inputs_take_it) {
  const std::array x = {2.0, 3.0};
  BOOST_TEST(gradient([](const std::vector<Var>& v) { return v[0] * v[1]; }, x) == (std::array{3.0, 2.0}), boost::test_tools::per_element());
  BOOST_TEST(gradient([](const std::array<Var, 2>& v) { return v[0] * v[1]; }, x) == (std::array{3.0, 2.0}), boost::test_tools::per_element());
  std::array<double, 40> many;
  many.fill(1.5);
  BOOST_TEST(gradient(rosenbrock, many)[20] == on_the_tape(rosenbrock, many).gradient[20]);
  BOOST_TEST(gradient([](const auto&) { return 2.0; }, x) == (std::array{0.0, 0.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(exceptions_pass_and_spans_are_filled) {
  BOOST_CHECK_THROW(static_cast<void>(value_and_gradient([](const auto& x) { return x[0] > 0.0 ? throw std::runtime_error("no") : x[0]; }, std::array{1.0})),
                    std::runtime_error);
  const std::vector<double> x = {0.5, 0.25, -1};
  std::vector<double> gradient(3), small(2);
  const auto whole = value_and_gradient(rosenbrock, x);
  BOOST_TEST(value_and_gradient(rosenbrock, std::span<const double>(x), std::span<double>(gradient)) == whole.value);
  BOOST_TEST(gradient == whole.gradient, boost::test_tools::per_element());
  BOOST_CHECK_THROW(value_and_gradient(rosenbrock, std::span<const double>(x), std::span<double>(small)), ShapeError);
}
