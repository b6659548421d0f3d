// Squared errors, the normal density and recurrences: every size and way to broadcast, the ends of the range, misuse, float, second order.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <ops/ops.hpp>

#include "tests/ops/array_testing.hpp"

namespace {

using namespace gradus;
using testing::evaluate, testing::inf, testing::Numbers, testing::Outcome, testing::undefined;
using Exact = long double;  // 64 digits suffice as a reference for 53

Numbers random_numbers(std::size_t n, unsigned seed, double low = -2, double high = 2) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  Numbers v(n);
  for (double& x : v) x = uniform(random);
  return v;
}
void require_near(double got, Exact expected, Exact scale, double ulps, const std::string& what) {
  BOOST_TEST(std::abs(static_cast<Exact>(got) - expected) <= static_cast<Exact>(ulps) * 0x1p-52L * std::max(std::abs(expected), scale), what << " got " << got);
}

Outcome density(const std::vector<std::pair<Shape, Numbers>>& operands, Numbers up = {}) {
  return evaluate([](const auto& x) { return normal_log_density(x[0], x[1], x[2]); }, operands, std::move(up));
}
Outcome recurrence(const std::vector<std::pair<Shape, Numbers>>& operands, Numbers up = {}) {
  return evaluate([](const auto& x) { return linear_recurrence(x[0], x[1], x[2]); }, operands, std::move(up));
}

}  // namespace

BOOST_AUTO_TEST_CASE(squared_errors_agree_with_the_definition_at_every_size) {
  for (const std::size_t n : {1, 2, 7, 8, 9, 16, 31, 64, 65, 128, 129, 200, 1001}) {
    const Numbers p = random_numbers(n, 1), t = random_numbers(n, 2);
    const Outcome got = evaluate([](const auto& x) { return mean_squared_error(x[0], x[1]); }, {{Shape{n}, p}, {Shape{n}, t}}, {3});
    Exact sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += (static_cast<Exact>(p[i]) - t[i]) * (static_cast<Exact>(p[i]) - t[i]);
    require_near(got.value[0], sum / n, 0, 4, std::to_string(n));
    for (std::size_t i = 0; i < n; ++i) {
      require_near(got.gradients[0][i], 6 * (static_cast<Exact>(p[i]) - t[i]) / n, 0, 2, "prediction");
      BOOST_TEST(got.gradients[1][i] == -got.gradients[0][i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(squared_errors_have_gradients_where_differences_overflow) {
  const Numbers up(1, 1.0);
  const Outcome got = evaluate([](const auto& x) { return mean_squared_error(x[0], x[1]); }, {{Shape{8}, Numbers(8, 1e308)}, {Shape{8}, Numbers(8, -1e308)}}, up);
  BOOST_TEST(got.value[0] == inf);
  for (std::size_t i = 0; i < 8; ++i) {
    require_near(got.gradients[0][i], 0.5L * 1e308L, 0, 2, "prediction");
    BOOST_TEST(got.gradients[1][i] == -got.gradients[0][i]);
  }
}

BOOST_AUTO_TEST_CASE(a_recurrence_whose_factors_are_its_inputs) {
  // h = phi h_before + phi: (x0 + 1) x0' ...; by hand for x = (2, 3), h0 = 5: h = (12, 39), up = (1, 1): a = (4, 1).
  const Outcome got = evaluate([](const auto& x) { return linear_recurrence(x[0], x[0], x[1]); }, {{Shape{2}, {2, 3}}, {Shape{}, {5}}}, {1, 1});
  BOOST_TEST(got.value == (Numbers{12, 39}), boost::test_tools::per_element());
  BOOST_TEST(got.gradients[0] == (Numbers{4 + 4 * 5, 1 + 12}), boost::test_tools::per_element());
  BOOST_TEST(got.gradients[1] == (Numbers{4 * 2}), boost::test_tools::per_element());
  const Outcome one = evaluate([](const auto& x) { return linear_recurrence(x[0], x[0], x[1]); }, {{Shape{1}, {2}}, {Shape{}, {5}}}, {3});
  BOOST_TEST(one.gradients[0][0] == 3 * (5 + 1));
  BOOST_TEST(one.gradients[1][0] == 3 * 2);
}

BOOST_AUTO_TEST_CASE(a_recurrence_that_cancels_stays_in_range) {
  Numbers u(16, 0.0);
  u[0] = 1e295, u[1] = -1e295 * 0x1p30, u[15] = 1;  // 1e295 phi^2 is out of range
  const Outcome got = recurrence({{Shape{}, {0x1p30}}, {Shape{16}, u}, {Shape{}, {0}}});
  BOOST_TEST(got.value[0] == 1e295);
  BOOST_TEST(got.value[1] == 0);
  BOOST_TEST(got.value[14] == 0);
  BOOST_TEST(got.value[15] == 1);
}

BOOST_AUTO_TEST_CASE(squared_errors_neither_overflow_on_the_way_nor_hide_a_nan) {
  const auto error = [](const Numbers& p, const Numbers& t, Numbers up = {}) {
    return evaluate([](const auto& x) { return mean_squared_error(x[0], x[1]); }, {{Shape{p.size()}, p}, {Shape{t.size()}, t}}, std::move(up));
  };
  BOOST_TEST(error({1.2e154, 1.2e154}, {0, 0}).value[0] == 1.2e154 * 1.2e154);  // their sum is out of range
  BOOST_TEST(error({0, 0}, {1e-200, 0}).value[0] == 0);
  BOOST_TEST(error({1.5, inf}, {0, 0}).value[0] == inf);
  BOOST_TEST(std::isnan(error({1, undefined, 2}, {0, 0, 0}).value[0]));
  const Outcome tiny = error({1e-160, 2}, {0, 2}, {0x1p-1000});
  BOOST_TEST(tiny.gradients[0][0] == 0x1p-1000 * 1e-160);  // 0: below the range
  BOOST_TEST(tiny.gradients[0][1] == 0);
  require_near(error({1e160, 2}, {0, 2}, {0x1p-1070}).gradients[0][0], 0x1p-1070L * 1e160L, 0, 2, "a tiny adjoint");
  BOOST_TEST(std::isnan(mean_squared_error(Tensor(Shape{0}, Numbers{}), Tensor(Shape{0}, Numbers{})).value()));
  BOOST_CHECK_THROW(static_cast<void>(mean_squared_error(Tensor(Shape{2}, {1, 2}), Tensor(Shape{2, 1}, {1, 2}))), ShapeError);
}

BOOST_AUTO_TEST_CASE(the_normal_density_agrees_with_the_definition_at_every_size_and_broadcast) {
  require_near(normal_log_density(Tensor(0.0), Tensor(0.0), Tensor(1.0)).value(), -0.918938533204672741780329736406L, 0, 1, "standard, at 0");
  for (const std::size_t n : {1, 2, 7, 8, 9, 16, 31, 64, 65, 128, 129, 200, 1001})
    for (const bool many_mu : {false, true})
      for (const bool many_sigma : {false, true}) {
        const Numbers x = random_numbers(n, 1), mu = random_numbers(many_mu ? n : 1, 2), sigma = random_numbers(many_sigma ? n : 1, 3, 0.2, 3);
        const Outcome got = density({{Shape{n}, x}, {many_mu ? Shape{n} : Shape{}, mu}, {many_sigma ? Shape{n} : Shape{}, sigma}}, {-2});
        Exact value = 0, size = 0;
        std::vector<Exact> dx(n), dmu(mu.size()), mu_size(mu.size()), ds(sigma.size()), s_size(sigma.size());
        for (std::size_t i = 0; i < n; ++i) {
          const std::size_t j = many_mu ? i : 0, k = many_sigma ? i : 0;
          const Exact s = sigma[k], z = (static_cast<Exact>(x[i]) - mu[j]) / s, c = 0.9189385332046727417803297L;
          value += -z * z / 2 - std::log(s) - c;
          size += z * z / 2 + std::abs(std::log(s)) + c;
          dx[i] = 2 * z / s, dmu[j] -= 2 * z / s, mu_size[j] += std::abs(2 * z / s);
          ds[k] -= 2 * (z * z - 1) / s, s_size[k] += 2 * (z * z + 1) / s;
        }
        const std::string what = std::to_string(n) + (many_mu ? " means" : "") + (many_sigma ? " deviations" : "");
        require_near(got.value[0], value, size, 4, what);
        for (std::size_t i = 0; i < n; ++i) require_near(got.gradients[0][i], dx[i], 0, 4, what + " x");
        for (std::size_t j = 0; j < mu.size(); ++j) require_near(got.gradients[1][j], dmu[j], mu_size[j], 4, what + " mu");
        for (std::size_t k = 0; k < sigma.size(); ++k) require_near(got.gradients[2][k], ds[k], s_size[k], 4, what + " sigma");
      }
}

BOOST_AUTO_TEST_CASE(the_normal_density_keeps_its_digits_where_squares_leave_the_range) {
  for (const double unit : {1e-200, 1e200, 1e-155, 1e155}) {  // z is 1 and -2 for every unit
    const Outcome got = density({{Shape{2}, {unit, -2 * unit}}, {Shape{}, {0}}, {Shape{}, {unit}}});
    const Exact log_unit = std::log(static_cast<Exact>(unit));
    require_near(got.value[0], -2.5L - 2 * (log_unit + 0.9189385332046727417803297L), 0, 4, "value");
    require_near(got.gradients[0][0], -1 / static_cast<Exact>(unit), 0, 4, "x");
    require_near(got.gradients[1][0], -1 / static_cast<Exact>(unit), 3 / static_cast<Exact>(unit), 4, "mu");
    require_near(got.gradients[2][0], 3 / static_cast<Exact>(unit), 7 / static_cast<Exact>(unit), 4, "sigma");
  }
}

BOOST_AUTO_TEST_CASE(a_deviation_that_is_not_positive_gives_nan) {
  for (const double s : {0.0, -1.0, undefined})
    for (const std::size_t n : {1, 3}) {
      const Outcome got = density({{Shape{n}, random_numbers(n, 1)}, {Shape{}, {0.5}}, {Shape{}, {s}}});
      BOOST_TEST(std::isnan(got.value[0]));
      for (const Numbers& g : got.gradients) BOOST_TEST(std::isnan(g[0]));
    }
  const Outcome one_of_two = density({{Shape{2}, {1, 2}}, {Shape{}, {0}}, {Shape{2}, {1, -1}}});
  BOOST_TEST(std::isnan(one_of_two.value[0]));
  BOOST_TEST(one_of_two.gradients[0][0] == -1);
  BOOST_TEST(std::isnan(one_of_two.gradients[0][1]));
  BOOST_TEST(density({{Shape{2}, {1, inf}}, {Shape{}, {0}}, {Shape{}, {2}}}).value[0] == -inf);
  BOOST_TEST(std::isnan(density({{Shape{2}, {1, undefined}}, {Shape{}, {0}}, {Shape{}, {2}}}).value[0]));
  BOOST_TEST(normal_log_density(Tensor(Shape{0}, Numbers{}), Tensor(0.0), Tensor(1.0)).value() == 0);
  BOOST_CHECK_THROW(static_cast<void>(normal_log_density(Tensor(Shape{2}, {1, 2}), Tensor(Shape{3}, {1, 2, 3}), Tensor(1.0))), ShapeError);
}

BOOST_AUTO_TEST_CASE(recurrences_agree_with_one_step_after_the_other_at_every_length) {
  for (const std::size_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 100})
    for (const double phi : {0.9, -0.7, 0.0, 1.0, 1e-30, -1e25}) {
      const Numbers u = random_numbers(n, 1), up = random_numbers(n, 2);
      const Outcome got = recurrence({{Shape{}, {phi}}, {Shape{n}, u}, {Shape{}, {0.5}}}, up);
      std::vector<Exact> h(n), size(n), a(n), a_size(n);
      for (std::size_t t = 0; t < n; ++t) {
        h[t] = static_cast<Exact>(phi) * (t == 0 ? 0.5L : h[t - 1]) + u[t];
        size[t] = std::abs(static_cast<Exact>(phi)) * (t == 0 ? 0.5L : size[t - 1]) + std::abs(u[t]);
      }
      Exact by_phi = 0, phi_size = 0;
      for (std::size_t t = n; t-- > 0;) {
        a[t] = up[t] + (t + 1 == n ? 0 : static_cast<Exact>(phi) * a[t + 1]);
        a_size[t] = std::abs(up[t]) + (t + 1 == n ? 0 : std::abs(static_cast<Exact>(phi)) * a_size[t + 1]);
        by_phi += a[t] * (t == 0 ? 0.5L : h[t - 1]);
        phi_size += a_size[t] * (t == 0 ? 0.5L : size[t - 1]);
      }
      const std::string what = std::to_string(n) + " steps of " + std::to_string(phi);
      for (std::size_t t = 0; t < n && size[t] < 1e300L; ++t) require_near(got.value[t], h[t], size[t], 8 + static_cast<double>(n), what);
      for (std::size_t t = 0; t < n && a_size[0] < 1e300L; ++t) require_near(got.gradients[1][t], a[t], a_size[t], 8 + static_cast<double>(n), what + " u");
      if (phi_size < 1e300L) require_near(got.gradients[0][0], by_phi, phi_size, 8 + static_cast<double>(n), what + " phi");
      if (a_size[0] < 1e270L) require_near(got.gradients[2][0], phi * a[0], std::abs(phi) * a_size[0], 8 + static_cast<double>(n), what + " h0");
    }
}

BOOST_AUTO_TEST_CASE(a_recurrence_may_have_a_factor_for_every_step) {
  const Outcome got = recurrence({{Shape{3}, {2, 3, 5}}, {Shape{3}, {1, -1, 4}}, {Shape{1}, {7}}}, {1, 10, 100});
  BOOST_TEST(got.value == (Numbers{15, 44, 224}), boost::test_tools::per_element());
  BOOST_TEST(got.gradients[1] == (Numbers{1531, 510, 100}), boost::test_tools::per_element());
  BOOST_TEST(got.gradients[0] == (Numbers{7 * 1531, 15 * 510, 44 * 100}), boost::test_tools::per_element());
  BOOST_TEST(got.gradients[2][0] == 2 * 1531);
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_goes_forward_only) {
  for (const std::size_t at : {0, 3, 12}) {
    Numbers u(20, 1);
    u[at] = undefined;
    const Outcome got = recurrence({{Shape{}, {0.5}}, {Shape{20}, u}, {Shape{}, {2}}});
    for (std::size_t t = 0; t < 20; ++t) BOOST_TEST(std::isnan(got.value[t]) == (t >= at));
    u[at] = inf;
    const Outcome infinite = recurrence({{Shape{}, {0.5}}, {Shape{20}, u}, {Shape{}, {2}}});
    for (std::size_t t = 0; t < 20; ++t) BOOST_TEST((infinite.value[t] == inf) == (t >= at));
  }
}

BOOST_AUTO_TEST_CASE(recurrences_of_no_steps_and_of_wrong_shapes) {
  const Outcome nothing = evaluate([](const auto& x) { return sum(linear_recurrence(x[0], Tensor(Shape{0}, Numbers{}), Tensor(1.0))) + sum(x[0]); }, {{Shape{}, {2}}});
  BOOST_TEST(nothing.value[0] == 2);
  BOOST_TEST(nothing.gradients[0][0] == 1);
  const Tensor two(Shape{2}, {1, 2}), one(1.0);
  BOOST_CHECK_THROW(static_cast<void>(linear_recurrence(Tensor(Shape{3}, {1, 2, 3}), two, one)), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(linear_recurrence(one, Tensor(Shape{1, 2}, {1, 2}), one)), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(linear_recurrence(one, two, two)), ShapeError);
}

BOOST_AUTO_TEST_CASE(operands_may_be_used_twice_be_constant_or_come_from_a_forgotten_recording) {
  // The same tensor as observation, mean and deviation; as innovation and adjoint of another use.
  const Numbers x{0.5, 1.5, 2.0};
  const Outcome twice = evaluate([](const auto& v) { return normal_log_density(v[0], v[0] * 0.5, v[0]) + sum(v[0]); }, {{Shape{3}, x}});
  for (std::size_t i = 0; i < 3; ++i) require_near(twice.gradients[0][i], 1 - 1 / static_cast<Exact>(x[i]), 4, 8, "z is 1/2 everywhere: -log x is left");
  const Outcome chain = evaluate([](const auto& v) { return linear_recurrence(v[0], v[1], v[0]) + v[1]; }, {{Shape{}, {2}}, {Shape{2}, {1, 1}}});
  BOOST_TEST(chain.value == (Numbers{6, 12}), boost::test_tools::per_element());  // phi^2 + u, phi^3 + phi u + u
  BOOST_TEST(chain.gradients[0][0] == 2 * 2 + 3 * 4 + 1);
  BOOST_TEST(chain.gradients[1] == (Numbers{4, 2}), boost::test_tools::per_element());

  Tape tape;
  const Recording recording(tape);
  const Tensor mu = Tensor::input({}, {0.0});
  const auto start = tape.mark();
  Adjoints adjoints;
  const Tensor y = normal_log_density(Tensor(Shape{2}, {1, 3}), mu, Tensor(2.0));  // the constants die here, their values do not
  tape.sweep(y, adjoints);
  BOOST_TEST(adjoints[mu][0] == 1);
  tape.sweep(y, adjoints, 2.0);
  BOOST_TEST(adjoints[mu][0] == 2);
  tape.rewind(start);
  BOOST_CHECK_THROW(static_cast<void>(mean_squared_error(y, Tensor(1.0))), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(linear_recurrence(y, Tensor(Shape{1}, {1}), Tensor(1.0))), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(normal_log_density(mu, y, Tensor(1.0))), TapeError);
}

BOOST_AUTO_TEST_CASE(floats_are_rounded_doubles) {
  const std::vector<float> x{0.5F, -1.25F, 3, 2.5F, 0.125F, 7, -4, 1, 1, 2, 9, -3, 0.75F, 6, -8, 0.1F, 0.2F, 2};
  const std::size_t n = x.size();
  BasicTape<float> tape;
  const BasicRecording<float> recording(tape);
  const auto v = BasicTensor<float>::input(Shape{n}, std::span<const float>(x));
  const auto y = normal_log_density(v, BasicTensor<float>(0.5F), BasicTensor<float>(2.0F)) + mean_squared_error(v, v * 3.0F) +
                 sum(linear_recurrence(BasicTensor<float>(0.5F), v, BasicTensor<float>(1.0F)));
  BasicAdjoints<float> adjoints;
  tape.sweep(y, adjoints);
  const Outcome wide = evaluate(
      [&](const auto& t) { return normal_log_density(t[0], Tensor(0.5), Tensor(2.0)) + mean_squared_error(t[0], t[0] * 3.0) + sum(linear_recurrence(Tensor(0.5), t[0], Tensor(1.0))); },
      {{Shape{n}, Numbers(x.begin(), x.end())}});
  BOOST_TEST(std::abs(y.value() - wide.value[0]) <= 4e-7 * 100);  // the terms are of that size
  for (std::size_t i = 0; i < n; ++i) BOOST_TEST(std::abs(adjoints[v][i] - wide.gradients[0][i]) <= 1e-6 * (2 + std::abs(wide.gradients[0][i])));
}

BOOST_AUTO_TEST_CASE(second_derivatives_of_densities_errors_and_recurrences) {
  using D = Dual<double>;
  BasicTape<D> tape;
  const BasicRecording<D> recording(tape);
  // Along sigma: d/ds of (-z/s, z/s, (z²-1)/s) at x = 3, mu = 1, s = 2, z = 1.
  const auto x = BasicTensor<D>::input({}, {D(3, 0)}), mu = BasicTensor<D>::input({}, {D(1, 0)}), s = BasicTensor<D>::input({}, {D(2, 1)});
  BasicAdjoints<D> adjoints;
  tape.sweep(normal_log_density(x, mu, s), adjoints);
  BOOST_TEST(adjoints[x][0].value == -0.5);
  BOOST_TEST(adjoints[x][0].tangent == 0.5);   // 2 z/s^2
  BOOST_TEST(adjoints[mu][0].tangent == -0.5);
  BOOST_TEST(adjoints[s][0].value == 0);
  BOOST_TEST(adjoints[s][0].tangent == -0.5);  // -3 z²/s² + 1/s²
  const auto p = BasicTensor<D>::input({2}, {D(3, 1), D(1, 0)});
  tape.sweep(mean_squared_error(p, BasicTensor<D>(Shape{2}, {D(0), D(0)})), adjoints);
  BOOST_TEST(adjoints[p][0].tangent == 1);
  BOOST_TEST(adjoints[p][1].tangent == 0);
  // h1 = phi² h0 + phi u0 + u1: twice h0 along phi.
  const auto phi = BasicTensor<D>::input({}, {D(3, 1)});
  tape.sweep(linear_recurrence(phi, BasicTensor<D>(Shape{2}, {D(1), D(1)}), BasicTensor<D>(D(5)))[1], adjoints);
  BOOST_TEST(adjoints[phi][0].value == 31);
  BOOST_TEST(adjoints[phi][0].tangent == 10);
}
