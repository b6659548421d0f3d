// Array ops: values and gradients against textbook formulas in 100 digits, shapes, ties, constants, second order.
#define BOOST_TEST_MODULE array_ops
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/multiprecision/cpp_bin_float.hpp>

#include <ops/array_ops.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;
using Many = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<800>, boost::multiprecision::et_off>;
using Numbers = std::vector<double>;
constexpr double inf = std::numeric_limits<double>::infinity(), undefined = std::numeric_limits<double>::quiet_NaN();

struct Outcome {
  Numbers value;
  std::vector<Numbers> gradients;
};

/// The value of f and the gradients of all operands, for given adjoints of the value (1 if none are given).
template <class F> Outcome evaluate(F&& f, const std::vector<std::pair<Shape, Numbers>>& operands, Numbers up = {}) {
  Tape tape;
  const Recording recording(tape);
  std::vector<Tensor> x;
  for (const auto& [shape, values] : operands) x.push_back(Tensor::input(shape, values));
  const Tensor y = f(x);
  if (up.empty()) up.assign(y.size(), 1.0);
  Adjoints adjoints;
  tape.sweep({Seed<double>(y, std::span<const double>(up))}, adjoints);
  Outcome outcome{{y.values().begin(), y.values().end()}, {}};
  for (const Tensor& t : x) outcome.gradients.emplace_back(adjoints[t].begin(), adjoints[t].end());
  return outcome;
}

/// |got - expected| in last places of the larger of the expected value and `scale`.
double ulps(double got, const Many& expected, const Many& scale) {
  const auto nearest = static_cast<double>(expected);
  if (got == nearest || (std::isnan(got) && std::isnan(nearest))) return 0;
  const double size = std::abs(static_cast<double>(std::max<Many>(abs(expected), scale)));
  return static_cast<double>(abs(Many(got) - expected)) / std::max(std::nextafter(size, inf) - size, std::numeric_limits<double>::denorm_min());
}
void require_close(const Numbers& got, const std::vector<Many>& expected, const std::vector<Many>& scale, const std::string& what) {
  BOOST_REQUIRE_EQUAL(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) BOOST_TEST(ulps(got[i], expected[i], scale[i]) <= 4, what << " [" << i << "] got " << got[i] << " expected " << expected[i]);
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
      labels.push_back(random() % 4 == 0 ? 0 : 3 * unit(random));
      ups.push_back((random() % 2 == 0 ? 1 : -1) * unit(random) * scales[count % 4]);
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
    Many sum = 0, size = 0, mean = 0, mean_size = 0;
    for (std::size_t k = 0; k < n; ++k) {
      const Many g = rows.ups[r * n + k];
      sum += g, size += abs(g), mean += row.s[k] * g, mean_size += row.s[k] * abs(g);
    }
    for (std::size_t k = 0; k < n; ++k) {
      const Many g = rows.ups[r * n + k];
      s.push_back(row.s[k]);
      ds.push_back(row.s[k] * (g - mean));
      ds_scale.push_back(row.s[k] * (abs(g) + mean_size));
      l.push_back(rows.logits[r * n + k] - row.log_sum);
      dl.push_back(g - row.s[k] * sum);
      dl_scale.push_back(abs(g) + row.s[k] * size);
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
    for (std::size_t r = 0; r < rows.count; ++r) ups.push_back(rows.ups[r * n]);
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

BOOST_AUTO_TEST_CASE(log_sum_exp_pulls_back_to_softmax) {
  const Outcome y = evaluate([](const auto& x) { return log_sum_exp(x[0], 0); }, {{Shape{3, 2}, {1, 800, 2, 0, 3, -800}}}, {1, 0x1p1020});
  const TextbookRow row(Numbers{1, 2, 3}.data(), 3);
  require_close(y.value, {row.log_sum, 800}, {0, 0}, "value");
  require_close({y.gradients[0][0], y.gradients[0][2], y.gradients[0][4]}, row.s, {0, 0, 0}, "first column");
  require_close({y.gradients[0][3]}, {exp(Many(-800)) * pow(Many(2), 1020)}, {0}, "underflowed share under a huge adjoint");
  BOOST_TEST(evaluate([](const auto& x) { return log_sum_exp(x[0]); }, {{Shape{2, 2}, {-inf, -inf, inf, 0}}}).value == (Numbers{-inf, inf}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(classes_are_one_hot_labels_and_mean_divides_by_rows) {
  const Numbers logits{1, -2, 0.5, 30, 0, 1}, one_hot{0, 0, 1, 1, 0, 0};
  const int classes[] = {2, 0};
  for (const auto reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
    const SoftmaxCrossEntropyOptions options{reduction, 0.1};
    const Outcome a = evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], std::span<const int>(classes), options); }, {{Shape{2, 3}, logits}});
    const Outcome b = evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], x[1], options); }, {{Shape{2, 3}, logits}, {Shape{2}, {2, 0}}});
    const Outcome c = evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], Tensor(Shape{2, 3}, one_hot), options); }, {{Shape{2, 3}, logits}});
    BOOST_TEST(a.value == b.value, boost::test_tools::per_element());
    BOOST_TEST(a.gradients[0] == b.gradients[0], boost::test_tools::per_element());
    BOOST_TEST(a.value == c.value, boost::test_tools::per_element());
    BOOST_TEST(a.gradients[0] == c.gradients[0], boost::test_tools::per_element());
  }
  const auto total = [&](Reduction r) { return softmax_cross_entropy(Tensor(Shape{2, 3}, logits), std::span<const int>(classes), {r, 0}).value(); };
  BOOST_TEST(total(Reduction::mean) == total(Reduction::sum) / 2);
}

BOOST_AUTO_TEST_CASE(masked_logits_take_no_part) {
  const Numbers masked{-inf, 1, 2, -inf};
  const Outcome s = evaluate([](const auto& x) { return softmax(x[0]); }, {{Shape{4}, masked}}, {5, 1, 2, 3}), t = evaluate([](const auto& x) { return softmax(x[0]); }, {{Shape{2}, {1, 2}}}, {1, 2});
  BOOST_TEST(s.value == (Numbers{0, t.value[0], t.value[1], 0}), boost::test_tools::per_element());
  BOOST_TEST(s.gradients[0] == (Numbers{0, t.gradients[0][0], t.gradients[0][1], 0}), boost::test_tools::per_element());
  const Outcome loss = evaluate([](const auto& x) { return softmax_cross_entropy(x[0], x[1]); }, {{Shape{4}, masked}, {Shape{4}, {0, 0, 1, 0}}});
  BOOST_TEST(std::isfinite(loss.value[0]));
  BOOST_TEST(loss.gradients[0][0] == 0.0);
  for (const Numbers& row : {Numbers{-inf, -inf}, Numbers{inf, 0}, Numbers{0, undefined}})
    for (double v : evaluate([](const auto& x) { return softmax(x[0]); }, {{Shape{2}, row}}).value) BOOST_TEST(std::isnan(v));
}

BOOST_AUTO_TEST_CASE(softmax_is_the_same_along_any_axis) {
  const Numbers x{1, 2, 3, 4, 5, 7}, transposed{1, 4, 2, 5, 3, 7}, up{1, -1, 2, 0, 1, 5}, up_transposed{1, 0, -1, 1, 2, 5};
  const Outcome a = evaluate([](const auto& t) { return softmax(t[0], 1); }, {{Shape{2, 3}, x}}, up), b = evaluate([](const auto& t) { return softmax(t[0], 0); }, {{Shape{3, 2}, transposed}}, up_transposed);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      BOOST_TEST(a.value[i * 3 + j] == b.value[j * 2 + i]);
      BOOST_TEST(a.gradients[0][i * 3 + j] == b.gradients[0][j * 2 + i]);
    }
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

BOOST_AUTO_TEST_CASE(the_first_of_equal_maxima_has_the_whole_adjoint) {
  const std::vector<std::pair<Shape, Numbers>> x{{Shape{3, 3}, {1, 1, 0, 2, 5, 5, -3, undefined, undefined}}};
  for (const Outcome& y : {evaluate([](const auto& t) { return reduce_max(t[0], -1); }, x, {1, 2, 3}), evaluate([](const auto& t) { return maxout_reduce(t[0]); }, x, {1, 2, 3})}) {
    BOOST_TEST(y.value[1] == 5);
    BOOST_TEST(std::isnan(y.value[2]));
    BOOST_TEST(y.gradients[0] == (Numbers{1, 0, 0, 0, 2, 0, 0, 3, 0}), boost::test_tools::per_element());
  }
  BOOST_TEST(max(Tensor(Shape{2}, {1, 3}), 2).values()[0] == 2);  // the elementwise maximum keeps its name
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

BOOST_AUTO_TEST_CASE(a_vector_is_one_row_or_one_column) {
  const Tensor a(Shape{2, 3}, {1, 2, 3, 4, 5, 6}), row(Shape{2}, {1, 10}), column(Shape{3}, {1, 10, 100});
  BOOST_TEST(matmul(row, a).shape().text() == "3");
  BOOST_TEST(matmul(row, a).values()[2] == 63);
  BOOST_TEST(matmul(a, column).shape().text() == "2");
  BOOST_TEST(matmul(a, column).values()[1] == 654);
  BOOST_TEST(matmul(column, column).value() == dot(column, column).value());
}

BOOST_AUTO_TEST_CASE(the_same_tensor_may_be_both_operands) {
  const std::vector<std::pair<Shape, Numbers>> x{{Shape{2, 2}, {1, 2, 3, 4}}};
  BOOST_TEST(evaluate([](const auto& t) { return matmul(t[0], t[0]); }, x).gradients[0] == (Numbers{3 + 4, 7 + 4, 3 + 6, 7 + 6}), boost::test_tools::per_element());
  BOOST_TEST(evaluate([](const auto& t) { return dot(t[0], t[0]); }, x).gradients[0] == (Numbers{2, 4, 6, 8}), boost::test_tools::per_element());
}

namespace {

Numbers filled(Fill fill, std::size_t n, std::size_t classes, std::mt19937& random) {
  Numbers v(n);
  for (double& x : v) {
    const double unit = std::uniform_real_distribution<double>(0.1, 1)(random);
    const bool sign = fill == Fill::normal || fill == Fill::wide || fill == Fill::saturated || fill == Fill::scattered;
    x = fill == Fill::class_index ? static_cast<double>(random() % classes) : sign && random() % 2 == 0 ? -3 * unit : unit;
  }
  return v;
}
Shape shape_of(std::string_view text) {
  std::vector<std::size_t> extents;
  for (std::size_t i = 0; text != "scalar" && i < text.size(); ++i)
    if (i == 0 || text[i - 1] == 'x') extents.push_back(std::stoul(std::string(text.substr(i))));
  return Shape(std::span<const std::size_t>(extents));
}
template <class... Ops, class F> void for_each_op(OpList<Ops...>, F&& f) { (f(Ops{}), ...); }

}  // namespace

BOOST_AUTO_TEST_CASE(any_operand_of_any_op_may_be_a_constant) {
  std::mt19937 random(3);
  for_each_op(ArrayOps{}, [&]<ArrayOp Op>(Op) {
    for (const ArrayCase& c : Op::info.cases) {
      BOOST_TEST_CONTEXT(Op::info.name << ": " << c.regime) {
        BOOST_REQUIRE_EQUAL(c.shapes.size(), Op::info.operands.size());
        BOOST_REQUIRE_EQUAL(c.fills.size(), Op::info.operands.size());
        std::vector<std::pair<Shape, Numbers>> operands;
        for (std::size_t i = 0; i < c.shapes.size(); ++i) {
          const Shape shape = shape_of(c.shapes[i]), first = shape_of(c.shapes[0]);
          operands.emplace_back(shape, filled(c.fills[i], shape.size(), first.rank() == 0 ? 1 : first[first.rank() - 1], random));
        }
        const Attributes attributes(c.attributes);
        const Outcome all = evaluate([&](const auto& x) { return Op::call(x, attributes); }, operands);
        for (std::size_t alone = 0; alone < operands.size(); ++alone) {
          if (c.fills[alone] == Fill::class_index) continue;
          const auto with_constants = [&](const std::vector<Tensor>& x) {
            std::vector<Tensor> mixed;
            for (std::size_t i = 0; i < operands.size(); ++i) mixed.push_back(i == alone ? x[0] : Tensor(operands[i].first, operands[i].second));
            return Op::call(mixed, attributes);  // the constants die here: the tape must keep what the pullback reads
          };
          const Outcome one = evaluate(with_constants, {operands[alone]});
          BOOST_TEST(one.value == all.value, boost::test_tools::per_element());
          BOOST_TEST(one.gradients[0] == all.gradients[alone], boost::test_tools::per_element());
        }
        std::vector<Tensor> constants;
        for (const auto& [shape, values] : operands) constants.emplace_back(shape, values);
        const Tensor y = Op::call(constants, attributes);
        BOOST_TEST(y.is_constant());
        BOOST_TEST(Numbers(y.values().begin(), y.values().end()) == all.value, boost::test_tools::per_element());
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(empty_tensors_and_axes_of_size_one_are_fine) {
  Tape tape;
  const Recording recording(tape);
  const Tensor none(Shape{0}, Numbers{}), x = Tensor::input(Shape{3, 1}, {1, 2, 3});
  BOOST_TEST(sum(none).value() == 0);
  BOOST_TEST(std::isnan(mean(none).value()));
  BOOST_TEST(log_sum_exp(none, 0).value() == -inf);
  BOOST_TEST(softmax(Tensor(Shape{2, 0}, Numbers{})).size() == 0);
  BOOST_TEST(sum(Tensor(Shape{2, 0}, Numbers{}), 1).values()[1] == 0);
  BOOST_TEST(matmul(Tensor(Shape{2, 0}, Numbers{}), Tensor(Shape{0, 2}, Numbers{})).values()[3] == 0);
  BOOST_TEST(matmul(Tensor(Shape{0, 3}, Numbers{}), x).size() == 0);
  BOOST_TEST(softmax(x).values()[1] == 1);
  BOOST_TEST(log_softmax(x).values()[1] == 0);
  BOOST_TEST(reduce_max(x, 1).values()[2] == 3);
}

BOOST_AUTO_TEST_CASE(errors_say_who_which_rule_and_which_values) {
  const auto says = [](const std::string& text) { return [text](const Error& e) { return std::string(e.what()) == text; }; };
  const Tensor a(Shape{2, 3}, Numbers(6)), b(Shape{4, 5}, Numbers(20)), none(Shape{2, 0}, Numbers{});
  const int classes[] = {0, 3};
  BOOST_CHECK_EXCEPTION(static_cast<void>(matmul(a, b)), ShapeError, says("matmul: inner sizes differ: a is 2x3, b is 4x5"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(softmax(a, 2)), ShapeError, says("softmax: axis 2 does not exist in shape 2x3"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(reduce_max(none, 1)), ShapeError, says("reduce_max: the maximum of no elements: axis 1 of 2x0"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(cross_entropy(a, b)), ShapeError, says("cross_entropy: shapes differ: s is 2x3, y is 4x5"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(dot(a, b)), ShapeError, says("dot: shapes differ: a is 2x3, b is 4x5"));
  BOOST_CHECK_THROW(static_cast<void>(linear(a, Tensor(Shape{3, 2}, Numbers(6)), Tensor(Shape{3}, Numbers(3)))), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(maxout(a, b, a)), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(softmax_cross_entropy(a, b)), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(softmax(Tensor(1.0))), ShapeError);
  BOOST_CHECK_EXCEPTION(static_cast<void>(softmax_cross_entropy(a, std::span<const int>(classes))), ArgumentError,
                        says("softmax_cross_entropy: target 3 of row 1 is not a class: there are 3"));
  BOOST_CHECK_THROW(static_cast<void>(softmax_cross_entropy(a, Tensor(Shape{2}, {0.5, 1}))), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(softmax_cross_entropy(a, a, {.label_smoothing = 1.5})), ArgumentError);
}

BOOST_AUTO_TEST_CASE(attributes_that_make_no_sense_are_refused) {
  const std::vector<Tensor> x{Tensor(Shape{2, 3}, Numbers(6))}, two{x[0], x[0]};
  BOOST_CHECK_THROW(static_cast<void>(Softmax::call(x, Attributes("axes=1"))), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(Softmax::call(x, Attributes("axis=last"))), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(Softmax::call(two, Attributes())), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(MaxoutReduce::call(x, Attributes("k=4"))), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(SoftmaxCrossEntropy::call(two, Attributes("reduction=average"))), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(SoftmaxCrossEntropy::call(two, Attributes("target=onehot"))), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(SoftmaxCrossEntropy::call(two, Attributes("target=class"))), ShapeError);
  BOOST_TEST(Sum::call(x, Attributes("axis=all")).rank() == 0U);
  BOOST_TEST(Sum::call(x, Attributes("axis=0")).shape().text() == "3");
}

namespace {

/// The gradient of weights·f at x, and its derivative along v, from one sweep over Duals.
template <class F> std::pair<Numbers, Numbers> hessian_times(F&& f, const Shape& shape, const Numbers& x, const Numbers& v) {
  BasicTape<Dual<double>> tape;
  const BasicRecording<Dual<double>> recording(tape);
  std::vector<Dual<double>> at;
  for (std::size_t i = 0; i < x.size(); ++i) at.emplace_back(x[i], v[i]);
  const auto input = BasicTensor<Dual<double>>::input(shape, std::span<const Dual<double>>(at));
  const auto y = f(input);
  std::vector<Dual<double>> up;
  for (std::size_t i = 0; i < y.size(); ++i) up.emplace_back(0.5 + 0.3 * static_cast<double>(i));
  BasicAdjoints<Dual<double>> adjoints;
  tape.sweep({Seed<Dual<double>>(y, std::span<const Dual<double>>(up))}, adjoints);
  std::pair<Numbers, Numbers> result;
  for (const auto& d : adjoints[input]) result.first.push_back(d.value), result.second.push_back(d.tangent);
  return result;
}

template <class F> void check_second_order(const char* name, const F& f, const Numbers& x) {
  const Shape shape{2, 3};
  const Numbers v{0.3, -0.7, 1.1, 0.2, 0.9, -0.4};
  const double h = 0x1p-13;
  const auto shifted = [&](double step) {
    Numbers p = x;
    for (std::size_t i = 0; i < p.size(); ++i) p[i] += step * v[i];
    return hessian_times(f, shape, p, Numbers(v.size(), 0.0)).first;
  };
  const Numbers product = hessian_times(f, shape, x, v).second, a = shifted(h), b = shifted(-h), c = shifted(2 * h), d = shifted(-2 * h);
  for (std::size_t i = 0; i < x.size(); ++i) BOOST_TEST(std::abs(product[i] - (8 * (a[i] - b[i]) - (c[i] - d[i])) / (12 * h)) < 1e-9, name << " [" << i << "]");
}

}  // namespace

BOOST_AUTO_TEST_CASE(tangents_of_gradients_agree_with_differences) {
  using D = BasicTensor<Dual<double>>;
  const Numbers x{0.4, 1.2, 0.7, 0.9, 2.1, 0.3};
  const D w(Shape{3, 2}, {0.5, 1.5, -1.0, 0.25, 2.0, 1.0}), pieces(Shape{3, 1, 2}, {1, -1, 2, 0.5, 1, 1}), offsets(Shape{1, 2}, {0.1, 0.3});
  check_second_order("softmax", [](const D& t) { return softmax(t); }, x);
  check_second_order("softmax, axis 0", [](const D& t) { return softmax(t, 0); }, x);
  check_second_order("log_softmax", [](const D& t) { return log_softmax(t); }, x);
  check_second_order("log_sum_exp", [](const D& t) { return log_sum_exp(t); }, x);
  check_second_order("softmax_cross_entropy", [](const D& t) { return softmax_cross_entropy(t, D(Shape{2}, {1, 2}), {Reduction::mean, 0.1}); }, x);
  check_second_order("softmax_cross_entropy of its own labels", [](const D& t) { return softmax_cross_entropy(t, t); }, x);
  check_second_order("cross_entropy", [](const D& t) { return cross_entropy(t, t); }, x);
  check_second_order("matmul", [&](const D& t) { return softmax(matmul(t, w)); }, x);
  check_second_order("matmul by itself", [&](const D& t) { return matmul(t, t.reshape(Shape{3, 2})); }, x);
  check_second_order("linear", [&](const D& t) { return softmax(linear(t, w, D(Shape{2}, {1, 2}))); }, x);
  check_second_order("maxout", [&](const D& t) { const auto y = maxout(t, pieces, offsets); return dot(y, y); }, x);
  check_second_order("sum and mean", [](const D& t) { return dot(sum(t, 0), mean(t, 0)); }, x);
  check_second_order("reduce_max", [](const D& t) { const auto y = reduce_max(t, 1); return dot(y, y); }, x);
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
