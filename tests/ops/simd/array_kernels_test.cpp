// Array kernels against the definitions at every length: rows whose entries lie near each other and far apart, thin matrix products, division by one number.
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <ops/ops.hpp>
#include <ops/simd/log_of_total.hpp>

using namespace gradus;

namespace {

using Exact = long double;  // 64 digits suffice as a reference for 53
constexpr double infinity = std::numeric_limits<double>::infinity(), no_number = std::numeric_limits<double>::quiet_NaN();

template <class Real> constexpr Exact ulp = std::numeric_limits<Real>::epsilon();
template <class Real> void require_near(Real got, Exact expected, Exact scale, double ulps, const std::string& what) {
  const Exact size = std::max({std::abs(expected), scale, static_cast<Exact>(std::numeric_limits<Real>::min())});
  BOOST_TEST(std::abs(static_cast<Exact>(got) - expected) <= static_cast<Exact>(ulps) * ulp<Real> * size, what << ": got " << got << ", expected " << expected);
}

template <class Real> std::vector<Real> numbers(std::size_t n, unsigned seed, double low = -2, double high = 2) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<Real> v(n);
  for (Real& x : v) x = static_cast<Real>(uniform(random));
  return v;
}

/// log_sum_exp, softmax_cross_entropy and softmax of a row, and the gradients of the first two.
template <class Real> void check_row(const std::vector<Real>& z, const std::string& what) {
  const std::size_t n = z.size();
  const int target[] = {static_cast<int>(n / 2)};
  std::size_t top = 0;
  for (std::size_t k = 0; k < n; ++k)
    if (z[k] > z[top]) top = k;
  std::vector<Exact> e(n);
  Exact rest = 0;
  for (std::size_t k = 0; k < n; ++k) {
    e[k] = std::exp(static_cast<Exact>(z[k]) - z[top]);
    if (k != top) rest += e[k];
  }
  const Exact total = rest + 1, log_rest = std::log1p(rest);

  BasicTape<Real> tape;
  const BasicRecording<Real> recording(tape);
  const auto x = BasicTensor<Real>::input(Shape{1, n}, std::span<const Real>(z));
  const auto lse = log_sum_exp(x), loss = softmax_cross_entropy(x, std::span<const int>(target)), s = softmax(x);
  require_near(lse.values()[0], z[top] + log_rest, std::abs(static_cast<Exact>(z[top])), 4, what + ", log_sum_exp");
  require_near(loss.values()[0], (static_cast<Exact>(z[top]) - z[n / 2]) + log_rest, 0, 4, what + ", cross-entropy");
  BasicAdjoints<Real> adjoints;
  for (const Real up : {Real(1), Real(-3)}) {
    tape.sweep({Seed<Real>(lse, std::span<const Real>(&up, 1))}, adjoints);
    for (std::size_t k = 0; k < n; ++k) require_near(adjoints[x][k], up * e[k] / total, 0, 4, what + ", d log_sum_exp");
    tape.sweep({Seed<Real>(loss, std::span<const Real>(&up, 1))}, adjoints);
    for (std::size_t k = 0; k < n; ++k) {
      const Exact slope = k != n / 2 ? e[k] / total : k == top ? -rest / total : e[k] / total - 1;
      require_near(adjoints[x][k], up * slope, 0, 4, what + ", d cross-entropy");
    }
  }
  for (std::size_t k = 0; k < n; ++k) require_near(s.values()[k], e[k] / total, 0, 4, what + ", softmax");
}
template <class Real> void check_rows(const std::string& real) {
  for (const std::size_t n : {1, 2, 3, 4, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 100, 128, 257, 1000}) {
    const std::string what = real + ", " + std::to_string(n) + " entries";
    std::vector<Real> z = numbers<Real>(n, 1, -3, 3);
    check_row(z, what);
    for (Real& x : z) x += Real(1e5);
    check_row(z, what + " around 1e5");
    z = numbers<Real>(n, 2, -30, 30);
    z[n - 1] = 35;
    check_row(z, what + ", wide");
    z = numbers<Real>(n, 3, -1, 1);
    z[n / 3] = 90;
    check_row(z, what + ", one that dominates");
    for (std::size_t k = 0; k < n; ++k) z[k] = static_cast<Real>(k % 3);
    check_row(z, what + ", ties");
    z.assign(n, Real(-7.25));
    check_row(z, what + ", all equal");
    z = numbers<Real>(n, 4, -3, 3);
    for (std::size_t k = 0; k < n; k += 2)
      if (k != n / 2) z[k] = static_cast<Real>(-infinity);
    check_row(z, what + ", half of them masked");
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_of_every_kind_and_length_keep_their_digits) {
  check_rows<double>("double");
  check_rows<float>("float");
}

namespace {

/// The gradient of up·loss beside that of another term, for adjoints that kernels take and for some that leave their range; whichever is swept first.
template <class Real> void check_contributions(const std::string& real) {
  for (const std::size_t n : {1, 2, 7, 8, 10, 16, 20, 32, 40}) {
    const std::vector<Real> z = numbers<Real>(n, 5, -3, 3);
    const int target[] = {static_cast<int>(n) - 1};
    Exact rest = 0;
    std::vector<Exact> e(n);
    for (std::size_t k = 0; k + 1 < n; ++k) rest += e[k] = std::exp(static_cast<Exact>(z[k]) - z[n - 1]);
    e[n - 1] = -rest;
    for (const Real up : {Real(1), Real(-0.375), std::numeric_limits<Real>::max() / 4, -std::numeric_limits<Real>::max(), std::numeric_limits<Real>::min() * 2, std::numeric_limits<Real>::denorm_min(), Real(0)})
      for (const Real slope : {Real(0), Real(0.5)})
        for (const bool loss_last : {false, true}) {
          BasicTape<Real> tape;
          const BasicRecording<Real> recording(tape);
          const auto x = BasicTensor<Real>::input(Shape{n}, std::span<const Real>(z));
          const auto record = [&] { return softmax_cross_entropy(x, std::span<const int>(target), {.reduction = Reduction::sum}); };
          BasicTensor<Real> loss, other;
          if (!loss_last) loss = record();
          other = sum(x);
          if (loss_last) loss = record();
          BasicAdjoints<Real> adjoints;
          for (int sweep = 0; sweep < 2; ++sweep) {
            tape.sweep({Seed<Real>(loss, std::span<const Real>(&up, 1)), Seed<Real>(other, std::span<const Real>(&slope, 1))}, adjoints);
            for (std::size_t k = 0; k < n; ++k) {
              const Exact part = up * (e[k] / (1 + rest)), all = part + slope;
              require_near(adjoints[x][k], all, std::abs(part), 4, real + ", " + std::to_string(n) + " entries, up " + std::to_string(up) + ", other " + std::to_string(slope));
            }
          }
          require_near(loss.value(), std::log1p(rest), 0, 4, real + ", the loss after two sweeps");
          BOOST_TEST(loss.value() == record().value());  // which nobody has swept
        }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_of_few_logits_adds_to_what_is_there) {
  check_contributions<double>("double");
  check_contributions<float>("float");
}

BOOST_AUTO_TEST_CASE(the_largest_adjoint_of_a_row_does_not_overflow) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(0, 25);
  constexpr float up = std::numeric_limits<float>::max();
  const int classes[] = {1, 1};
  for (int i = 0; i < 2000; ++i)
    for (const std::size_t rows : {1, 2}) {
      const float gap = uniform(random);
      const std::vector<float> z{gap, 0, gap, 0}, seeds(rows, up);
      BasicTape<float> tape;
      const BasicRecording<float> recording(tape);
      const auto x = BasicTensor<float>::input({rows, 2}, std::span(z).first(2 * rows));
      const auto loss = softmax_cross_entropy(x, std::span(classes).first(rows));
      BasicAdjoints<float> adjoints;
      tape.sweep({Seed<float>(loss, seeds)}, adjoints);
      const Exact share = 1 / (1 + std::exp(-static_cast<Exact>(gap)));
      for (std::size_t k = 0; k < 2 * rows; ++k) require_near(adjoints[x][k], up * (k % 2 == 0 ? share : -share), 0, 4, "gap " + std::to_string(gap));
    }
}

BOOST_AUTO_TEST_CASE(the_logarithm_of_a_total_keeps_the_digits_of_a_float) {
  double worst = 0;
  const auto check = [&](double rest) {
    const Exact expected = std::log1p(static_cast<Exact>(rest));
    worst = std::max(worst, static_cast<double>(std::abs(log_of_moderate_total<float>(rest) - expected) / expected));
  };
  for (double rest = 1e-60; rest < 1e60; rest *= 1.0007) check(rest);
  for (int interval = 0; interval < 256; ++interval)  // about the ends of the intervals of its table, and of octaves
    for (const double step : {-0x1p-40, 0.0, 0x1p-40})
      for (const double octave : {1.0, 2.0, 0x1p20}) check(std::max(0x1p-50, octave * (1 + interval / 128.0 + step) - 1));
  BOOST_TEST(worst < 0x1p-28);
  BOOST_TEST(log_of_moderate_total<float>(0.0) == 0.0);
}

BOOST_AUTO_TEST_CASE(rows_with_what_is_not_finite) {
  for (const std::size_t n : {1, 3, 8, 10, 16, 20, 40, 200})
    for (const double odd : {no_number, infinity}) {
      std::vector<double> z = numbers<double>(n, 1);
      z[n - 1] = odd;
      const Tensor x(Shape{n}, z);
      BOOST_TEST((std::isnan(odd) ? std::isnan(log_sum_exp(x).value()) : log_sum_exp(x).value() == infinity), n << " entries, " << odd);
      const Tensor s = softmax(x);
      for (const double share : s.values()) BOOST_TEST(std::isnan(share));
    }
  BOOST_TEST(log_sum_exp(Tensor(Shape{40}, std::vector<double>(40, -infinity))).value() == -infinity);
}

namespace {

/// matmul of a vector and a matrix in either order, forward and back, against the definition.
template <class Real> void check_thin(std::size_t rows, std::size_t columns) {
  const std::string what = std::to_string(rows) + " x " + std::to_string(columns) + (sizeof(Real) == 4 ? ", float" : "");
  const auto m = numbers<Real>(rows * columns, 1), v = numbers<Real>(columns, 2), u = numbers<Real>(rows, 3);
  BasicTape<Real> tape;
  const BasicRecording<Real> recording(tape);
  const auto matrix = BasicTensor<Real>::input(Shape{rows, columns}, std::span<const Real>(m));
  const auto right = BasicTensor<Real>::input(Shape{columns}, std::span<const Real>(v)), left = BasicTensor<Real>::input(Shape{rows}, std::span<const Real>(u));
  const auto mv = matmul(matrix, right), um = matmul(left, matrix);
  BasicAdjoints<Real> by_right, by_left;
  tape.sweep({Seed<Real>(mv, std::span<const Real>(u))}, by_right);
  tape.sweep({Seed<Real>(um, std::span<const Real>(v))}, by_left);
  for (std::size_t i = 0; i < rows; ++i) {
    Exact sum = 0, size = 0;
    for (std::size_t j = 0; j < columns; ++j) sum += static_cast<Exact>(m[i * columns + j]) * v[j], size += std::abs(static_cast<Exact>(m[i * columns + j]) * v[j]);
    require_near(mv.values()[i], sum, size, 4, what + ", m v");
    require_near(by_left[left][i], sum, size, 4, what + ", d u m / d u");
  }
  for (std::size_t j = 0; j < columns; ++j) {
    Exact sum = 0, size = 0;
    for (std::size_t i = 0; i < rows; ++i) sum += static_cast<Exact>(m[i * columns + j]) * u[i], size += std::abs(static_cast<Exact>(m[i * columns + j]) * u[i]);
    require_near(um.values()[j], sum, size, 4, what + ", u m");
    require_near(by_right[right][j], sum, size, 4, what + ", d m v / d v");
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(thin_matrices_times_vectors_agree_with_the_definition) {
  for (const std::size_t few : {1, 2, 3, 5, 8, 10, 16, 17, 20, 31, 32, 33, 64, 65})
    for (const std::size_t many : {40, 129, 600, 3000}) {
      check_thin<double>(few, many);
      check_thin<double>(many, few);
      check_thin<float>(few, many);
      check_thin<float>(many, few);
    }
}

BOOST_AUTO_TEST_CASE(thin_matrices_keep_what_is_out_of_range_to_itself) {
  const std::size_t rows = 300, columns = 10;
  std::vector<double> m(rows * columns, 1.0), v(columns, 2.0);
  m[5 * columns + 8] = infinity;
  m[7 * columns] = 1e308, m[7 * columns + 9] = -1e308, m[7 * columns + 1] = 1e308;  // 2e308 on the way to a sum of 2e308
  m[9 * columns + 3] = no_number;
  const Tensor y = matmul(Tensor(Shape{rows, columns}, m), Tensor(Shape{columns}, v));
  BOOST_TEST(y.values()[5] == infinity);
  BOOST_TEST(y.values()[7] == infinity);
  BOOST_TEST(std::isnan(y.values()[9]));
  for (const std::size_t ordinary : {0, 4, 6, 8, 10, 299}) BOOST_TEST(y.values()[ordinary] == 20);
}

BOOST_AUTO_TEST_CASE(an_array_divided_by_one_number_is_rounded_like_every_quotient) {
  std::mt19937_64 random(11);
  const auto between_one_and_two = [&] { return std::bit_cast<double>((random() & 0xfffffffffffffU) | 0x3ff0000000000000U); };
  constexpr std::size_t n = 203;
  for (int round = 0; round < 400; ++round) {
    double b = between_one_and_two();
    if (round % 3 == 0) b = std::bit_cast<double>(0x3fffffffffffffffU - random() % 16);  // the largest mantissas
    if (round % 5 == 0) b = std::ldexp(-b, static_cast<int>(random() % 2000) - 1000);
    if (round == 7) b = 0;
    if (round == 8) b = infinity;
    std::vector<double> x(n);
    for (double& at : x) {
      at = random() % 2 == 0 ? between_one_and_two() : -between_one_and_two();
      const auto kind = random() % 40;
      if (kind < 2) at = std::ldexp(at, static_cast<int>(random() % 2000) - 1000);
      if (kind == 2) at = 0.0;
      if (kind == 3) at = -0.0;
      if (kind == 4) at = infinity;
      if (kind > 30) at = b * static_cast<double>(1 + random() % 8) * (1 + (static_cast<double>(random() % 3) - 1) * 0x1p-52);  // near whole quotients
    }
    const Tensor y = Tensor(Shape{n}, x) / b;
    const std::vector<float> narrow(x.begin(), x.end());
    const auto narrow_b = static_cast<float>(b);
    const auto narrow_y = BasicTensor<float>(Shape{n}, narrow) / narrow_b;
    for (std::size_t i = 0; i < n; ++i) {
      const double quotient = x[i] / b;
      const float narrow_quotient = narrow[i] / narrow_b;
      BOOST_TEST(((y.values()[i] == quotient && std::signbit(y.values()[i]) == std::signbit(quotient)) || (std::isnan(y.values()[i]) && std::isnan(quotient))), x[i] << "/" << b);
      BOOST_TEST((narrow_y.values()[i] == narrow_quotient || (std::isnan(narrow_y.values()[i]) && std::isnan(narrow_quotient))), narrow[i] << "/" << narrow_b);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_pullback_of_a_quotient_that_has_underflowed) {
  Tape tape;
  const Recording recording(tape);
  const Tensor a = Tensor::input({3}, {5e-324, 0, 1}), divisor = Tensor::input({}, {8.0});
  const Tensor y = a / divisor;
  BOOST_TEST(y.values()[0] == 0);
  const std::vector<double> up{0x1p900, 1, 0};
  Adjoints adjoints;
  tape.sweep({Seed<double>(y, up)}, adjoints);
  BOOST_TEST(adjoints[divisor][0] == -0x1p-180);  // 2^900 2^-1074 / 64
}

BOOST_AUTO_TEST_CASE(the_pullback_of_a_division_by_one_number) {
  for (const std::size_t n : {1, 7, 8, 9, 64, 77})
    for (const double b : {1.7, -3e-5, 1e200, 1e-290}) {
      std::vector<double> x = numbers<double>(n, 1), up = numbers<double>(n, 2);
      if (n > 3) x[1] = 0, up[2] = 0, x[2] = infinity, x[3] = 1e-200 * b;
      if (b < 1e-280)  // or else the derivatives leave the range
        for (std::size_t i = 0; i < n; ++i) x[i] *= 1e-250, up[i] *= 1e-100;
      Tape tape;
      const Recording recording(tape);
      const Tensor a = Tensor::input(Shape{n}, x), divisor = Tensor::input({}, {b});
      Adjoints adjoints;
      for (const bool twice : {false, true}) {
        const Tensor y = a / divisor;
        tape.sweep({Seed<double>(y, up)}, adjoints);
        Exact total = 0, size = 0;
        for (std::size_t i = 0; i < n; ++i) {
          if (up[i] == 0) {
            BOOST_TEST(adjoints[a][i] == 0);
            continue;
          }
          require_near(adjoints[a][i], up[i] / static_cast<Exact>(b), 0, 2, "a");
          const Exact part = -static_cast<Exact>(up[i]) * x[i] / b / b;
          total += part, size += std::abs(part);
        }
        require_near(adjoints[divisor][0], total, size, 3, std::to_string(n) + " by " + std::to_string(b));
        if (twice) continue;
        const Tensor again = a / divisor;  // what is there already is added to
        tape.sweep({Seed<double>(y, up), Seed<double>(again, up)}, adjoints);
        require_near(adjoints[divisor][0], 2 * total, 2 * size, 4, "two uses");
      }
    }
}
