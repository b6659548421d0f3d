// The accuracy of array ops: values and gradients against textbook formulas in 800 digits, over every kind of row, adjoint and size.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/multiprecision/cpp_bin_float.hpp>

#include "tests/ops/array_testing.hpp"

namespace {

using namespace gradus;
using testing::evaluate, testing::inf, testing::Numbers, testing::Outcome, testing::undefined;
using Many = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<800>, boost::multiprecision::et_off>;

/// |got - expected| in last places of the larger of the expected value and `scale`.
double ulps(double got, const Many& expected, const Many& scale) {
  const auto nearest = static_cast<double>(expected);
  if (got == nearest || (std::isnan(got) && std::isnan(nearest))) return 0;
  const double size = std::abs(static_cast<double>(std::max<Many>(abs(expected), scale)));
  return static_cast<double>(abs(Many(got) - expected)) / std::max(std::nextafter(size, inf) - size, std::numeric_limits<double>::denorm_min());
}
void require_close(const Numbers& got, const std::vector<Many>& expected, const std::vector<Many>& scale, const std::string& what) {
  BOOST_REQUIRE_EQUAL(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    BOOST_TEST(ulps(got[i], expected[i], scale[i]) <= 4, what << " [" << i << "] got " << got[i] << " expected " << expected[i]);
}

/// Rows of four logits of every kind, with adjoints from 2^-1060 to 2^1000.
struct Rows {
  Numbers logits, labels, ups;
  static constexpr std::size_t n = 4;
  std::size_t count = 0;
  void add(const Numbers& row, std::mt19937& random) {
    std::uniform_real_distribution<double> unit(0.1, 1);
    const double scales[] = {1, 0x1p1000, 0x1p300, 0x1p-1060};
    logits.insert(logits.end(), row.begin(), row.end());
    for (std::size_t k = 0; k < n; ++k) {
      labels.push_back(count % 3 == 0 ? (k == 1 ? 1.0 : 0.0) : random() % 4 == 0 ? 0 : 3 * unit(random));
      ups.push_back(count % 5 == 0 && k != 1 ? 0 : (random() % 2 == 0 ? 1 : -1) * unit(random) * scales[count % 4]);
    }
    ++count;
  }
};
Rows all_kinds_of_rows() {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, 2);
  Rows rows;
  for (int i = 0; i < 40; ++i) rows.add({normal(random), normal(random), normal(random), normal(random)}, random);
  for (double top : {10., 20., 37., 40., 100., 200., 700., 745., 760., 1000., 1400., 2000.})
    for (int i = 0; i < 4; ++i) rows.add({0.5, top, normal(random), top * 0.25}, random);
  for (double offset : {1e3, -1e5, 1e8, 1e300})
    for (int i = 0; i < 4; ++i) rows.add({offset + normal(random), offset + normal(random), offset, offset + 1}, random);
  for (int i = 0; i < 4; ++i) rows.add({1e308, -1e308, 0, 1e308}, random);
  return rows;
}

/// The softmax of a row and log sum exp in many digits.
struct TextbookRow {
  std::vector<Many> s;
  Many log_sum;
  explicit TextbookRow(const double* z, std::size_t n) {
    const Many largest = *std::max_element(z, z + n);
    Many total = 0;
    for (std::size_t k = 0; k < n; ++k) s.push_back(exp(Many(z[k]) - largest)), total += s.back();
    for (Many& share : s) share /= total;
    log_sum = largest + log(total);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(softmax_and_its_relatives_keep_their_digits_in_every_row) {
  const Rows rows = all_kinds_of_rows();
  const std::size_t n = Rows::n;
  const std::vector<std::pair<Shape, Numbers>> z{{Shape{rows.count, n}, rows.logits}};
  const Outcome soft = evaluate([](const auto& x) { return softmax(x[0]); }, z, rows.ups);
  const Outcome log_soft = evaluate([](const auto& x) { return log_softmax(x[0]); }, z, rows.ups);
  std::vector<Many> s, ds, ds_scale, l, dl, dl_scale, none(rows.count * n, 0);
  for (std::size_t r = 0; r < rows.count; ++r) {
    const TextbookRow row(&rows.logits[r * n], n);
    for (std::size_t k = 0; k < n; ++k) {
      // Written over pairs of entries nothing cancels but the adjoints themselves, so that the sums of |terms| are as small as they can be.
      const Many g = rows.ups[r * n + k];
      Many pairs = 0, pairs_size = 0, others = 0, others_size = 0, rest = 0;
      for (std::size_t j = 0; j < n; ++j) {
        if (j == k) continue;
        const Many h = rows.ups[r * n + j];
        pairs += row.s[j] * (g - h), pairs_size += row.s[j] * abs(g - h);
        others += h, others_size += abs(h), rest += row.s[j];
      }
      s.push_back(row.s[k]);
      ds.push_back(row.s[k] * pairs);
      ds_scale.push_back(row.s[k] * pairs_size);
      l.push_back(rows.logits[r * n + k] - row.log_sum);
      dl.push_back(g * rest - row.s[k] * others);
      dl_scale.push_back(abs(g) * rest + row.s[k] * others_size);
    }
  }
  require_close(soft.value, s, none, "softmax");
  require_close(soft.gradients[0], ds, ds_scale, "softmax gradient");
  require_close(log_soft.value, l, none, "log_softmax");
  require_close(log_soft.gradients[0], dl, dl_scale, "log_softmax gradient");
}

BOOST_AUTO_TEST_CASE(softmax_cross_entropy_keeps_its_digits_for_any_labels) {
  const Rows rows = all_kinds_of_rows();
  const std::size_t n = Rows::n;
  for (const double smoothing : {0.0, 0.1}) {
    Numbers ups;
    for (std::size_t r = 0; r < rows.count; ++r) ups.push_back(rows.ups[r * n + 1]);
    const auto loss = [&](const auto& x) { return softmax_cross_entropy(x[0], x[1], {.label_smoothing = smoothing}); };
    const Outcome got = evaluate(loss, {{Shape{rows.count, n}, rows.logits}, {Shape{rows.count, n}, rows.labels}}, ups);
    std::vector<Many> value, dz, dz_scale, dy, none(rows.count * n, 0);
    for (std::size_t r = 0; r < rows.count; ++r) {
      const TextbookRow row(&rows.logits[r * n], n);
      std::vector<Many> y;
      Many total = 0, sum = 0;
      for (std::size_t k = 0; k < n; ++k) y.push_back((1 - Many(smoothing)) * rows.labels[r * n + k] + Many(smoothing) / n), total += y.back();
      for (std::size_t k = 0; k < n; ++k) {
        const Many nl = row.log_sum - rows.logits[r * n + k];
        sum += y[k] * nl;
        dz.push_back(ups[r] * (row.s[k] * total - y[k]));
        dz_scale.push_back(abs(Many(ups[r])) * (row.s[k] * (total - y[k]) + y[k] * (1 - row.s[k])));  // tighter than s·Σy + y
        dy.push_back(ups[r] * (1 - Many(smoothing)) * nl);
      }
      value.push_back(sum);
    }
    require_close(got.value, value, none, "loss");
    require_close(got.gradients[0], dz, dz_scale, "gradient of the logits");
    require_close(got.gradients[1], dy, none, "gradient of the labels");
  }
}

BOOST_AUTO_TEST_CASE(one_adjoint_among_many_equal_shares_is_not_lost_in_the_differences) {
  Numbers up(200, 0.0);
  up[0] = 1;
  const Outcome y = evaluate([](const auto& x) { return softmax(x[0]); }, {{Shape{200}, Numbers(200, 3.5)}}, up);
  require_close({y.gradients[0][0], y.gradients[0][1], y.gradients[0][199]}, {Many(199) / 40000, Many(-1) / 40000, Many(-1) / 40000}, {0, 0, 0}, "softmax");
}

BOOST_AUTO_TEST_CASE(tiny_labels_meet_a_huge_adjoint_before_they_are_rounded) {
  const auto loss = [](const auto& x) { return softmax_cross_entropy(x[0], x[1]); };
  const Outcome y = evaluate(loss, {{Shape{2}, {0, 100}}, {Shape{2}, {0, 1e-310}}}, {0x1p500});
  const Many share = 1 / (1 + exp(Many(100)));
  require_close(y.gradients[0], {pow(Many(2), 500) * share * 1e-310, -pow(Many(2), 500) * share * 1e-310}, {0, 0}, "gradient of the logits");
}

BOOST_AUTO_TEST_CASE(log_sum_exp_pulls_back_to_softmax) {
  const Outcome y = evaluate([](const auto& x) { return log_sum_exp(x[0], 0); }, {{Shape{3, 2}, {1, 800, 2, 0, 3, -800}}}, {1, 0x1p1020});
  const TextbookRow row(Numbers{1, 2, 3}.data(), 3);
  require_close(y.value, {row.log_sum, 800}, {0, 0}, "value");
  require_close({y.gradients[0][0], y.gradients[0][2], y.gradients[0][4]}, row.s, {0, 0, 0}, "first column");
  require_close({y.gradients[0][3]}, {exp(Many(-800)) * pow(Many(2), 1020)}, {0}, "underflowed share under a huge adjoint");
  BOOST_TEST(evaluate([](const auto& x) { return log_sum_exp(x[0]); }, {{Shape{2, 2}, {-inf, -inf, inf, 0}}}).value == (Numbers{-inf, inf}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cross_entropy_takes_zero_log_zero_as_zero) {
  const Outcome y = evaluate([](const auto& x) { return cross_entropy(x[0], x[1]); }, {{Shape{3}, {0, 0.25, 1e-200}}, {Shape{3}, {0, 1, 1e-200}}}, {0x1p1000});
  require_close(y.value, {(log(Many(4)) - Many(1e-200) * log(Many(1e-200))) * 1}, {0}, "value");
  require_close(y.gradients[0], {0, -4 * pow(Many(2), 1000), -pow(Many(2), 1000)}, {0, 0, 0}, "gradient of s");
  BOOST_TEST(y.gradients[1][0] == inf);
  const Outcome nothing = evaluate([](const auto& x) { return cross_entropy(x[0], x[1]); }, {{Shape{2}, {0, 1}}, {Shape{2}, {1, 0}}}, {0.0});
  BOOST_TEST(nothing.gradients[0] == (Numbers{0, 0}), boost::test_tools::per_element());
  BOOST_TEST(nothing.gradients[1] == (Numbers{0, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sums_neither_drift_nor_overflow_on_the_way) {
  const Tensor tenths(Shape{100000}, Numbers(100000, 0.1));
  BOOST_TEST(sum(tenths).value() == static_cast<double>(Many(0.1) * 100000));
  BOOST_TEST(mean(tenths).value() == 0.1);
  BOOST_TEST(sum(Tensor(Shape{4}, {1e308, 1e308, -1e308, 5})).value() == 1e308);
  BOOST_TEST(mean(Tensor(Shape{2}, {1.5e308, 1.7e308})).value() == 1.6e308);
  BOOST_TEST(sum(Tensor(Shape{3}, {1, inf, -2})).value() == inf);
  BOOST_TEST(std::isnan(sum(Tensor(Shape{3}, {1, inf, -inf})).value()));
  BOOST_TEST(sum(Tensor(Shape{2, 2}, {1e16, 1, -1e16, 2}), 0).values()[0] == 0.0);
  const Outcome m = evaluate([](const auto& x) { return mean(x[0], 0); }, {{Shape{3, 2}, {1, 2, 3, 4, 5, 9}}}, {1, 3});
  BOOST_TEST(m.value == (Numbers{3, 5}), boost::test_tools::per_element());
  BOOST_TEST(m.gradients[0] == (Numbers{1. / 3, 1, 1. / 3, 1, 1. / 3, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(matrix_products_agree_with_the_textbook_at_every_tile_edge) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  const auto numbers = [&](std::size_t n) {
    Numbers v(n);
    for (double& x : v) x = normal(random);
    return v;
  };
  const std::size_t sizes[][3] = {{1, 1, 1}, {1, 70, 9}, {9, 70, 1}, {3, 5, 2}, {4, 4, 4}, {5, 65, 9}, {17, 130, 35}, {13, 3, 300}, {2, 700, 2}};
  for (const auto& [n, k, m] : sizes) {
    const Numbers a = numbers(n * k), b = numbers(k * m), bias = numbers(m), up = numbers(n * m);
    const Outcome got = evaluate([](const auto& x) { return linear(x[0], x[1], x[2]); }, {{Shape{n, k}, a}, {Shape{k, m}, b}, {Shape{m}, bias}}, up);
    std::vector<Many> c(n * m), c_size(n * m), da(n * k), da_size(n * k), db(k * m), db_size(k * m);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) {
        c[i * m + j] = bias[j], c_size[i * m + j] = std::abs(bias[j]);
        for (std::size_t t = 0; t < k; ++t) {
          const auto add = [](std::vector<Many>& to, std::vector<Many>& size, std::size_t at, double x, double y) {
            using Exact = long double;  // 64 digits suffice for sums that the engine forms in 53
            to[at] += static_cast<Exact>(x) * static_cast<Exact>(y), size[at] += std::abs(static_cast<Exact>(x) * static_cast<Exact>(y));
          };
          add(c, c_size, i * m + j, a[i * k + t], b[t * m + j]);
          add(da, da_size, i * k + t, up[i * m + j], b[t * m + j]);
          add(db, db_size, t * m + j, up[i * m + j], a[i * k + t]);
        }
      }
    const std::string what = std::to_string(n) + "x" + std::to_string(k) + "x" + std::to_string(m);
    require_close(got.value, c, c_size, what);
    require_close(got.gradients[0], da, da_size, what + " da");
    require_close(got.gradients[1], db, db_size, what + " db");
  }
}

BOOST_AUTO_TEST_CASE(products_neither_overflow_on_the_way_nor_let_a_zero_adjoint_meet_an_infinity) {
  BOOST_TEST(matmul(Tensor(Shape{1, 3}, {1e308, 1e308, -1e308}), Tensor(Shape{3, 1}, {1, 1, 1})).value() == 1e308);
  BOOST_TEST(dot(Tensor(Shape{3}, {1e200, 1e200, -1e200}), Tensor(Shape{3}, {1e200, 1, 1e200})).value() == 1e200);
  const Outcome y = evaluate([](const auto& x) { return matmul(x[0], x[1]); }, {{Shape{2, 2}, {inf, 1, 2, 3}}, {Shape{2, 2}, {1, 2, 3, undefined}}}, {0, 0, 1, 0});
  BOOST_TEST(y.gradients[0] == (Numbers{0, 0, 1, 3}), boost::test_tools::per_element());
  BOOST_TEST(y.gradients[1] == (Numbers{2, 0, 3, 0}), boost::test_tools::per_element());
  const Outcome pieces = evaluate([](const auto& x) { return maxout(x[0], x[1], x[2]); }, {{Shape{1, 1}, {1}}, {Shape{1, 1, 2}, {2, -inf}}, {Shape{1, 2}, {0, 0}}});
  BOOST_TEST(pieces.gradients[0][0] == 2);
}

BOOST_AUTO_TEST_CASE(float_results_are_rounded_double_results) {
  const std::vector<float> x{1, 2.5F, -3, 40, 0.125F, 7}, up{1, -2, 3, 0x1p100F, 1, 0.5F};
  BasicTape<float> tape;
  const BasicRecording<float> recording(tape);
  const auto input = BasicTensor<float>::input(Shape{2, 3}, std::span<const float>(x));
  const auto y = softmax(input);
  BasicAdjoints<float> adjoints;
  tape.sweep({Seed<float>(y, std::span<const float>(up))}, adjoints);
  const Outcome wide = evaluate([](const auto& t) { return softmax(t[0]); }, {{Shape{2, 3}, Numbers(x.begin(), x.end())}}, Numbers(up.begin(), up.end()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    BOOST_TEST(std::abs(y.values()[i] - wide.value[i]) <= 1.2e-7 * wide.value[i]);
    BOOST_TEST(std::abs(adjoints[input][i] - wide.gradients[0][i]) <= 3e-7 * std::abs(wide.gradients[0][i]));
  }
}
