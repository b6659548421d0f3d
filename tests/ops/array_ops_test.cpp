// How array ops behave: ties, masks, axes, constants, empty tensors, errors, attributes, second order.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <autodiff/threads.hpp>
#include <ops/ops.hpp>

#include "tests/ops/array_testing.hpp"

namespace {

using namespace gradus;
using testing::evaluate, testing::inf, testing::Numbers, testing::Outcome, testing::undefined;

}  // namespace

BOOST_AUTO_TEST_CASE(products_on_several_threads_are_those_of_one) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  constexpr std::size_t n = 413, k = 211, m = 97;  // 8e6 multiplications, and rests in every direction
  Numbers a(n * k), b(k * m), bias(m), up(n * m);
  for (Numbers* v : {&a, &b, &bias, &up})
    for (double& x : *v) x = normal(random);
  a[300 * k] = 1e308, a[300 * k + 1] = -1e308, a[7] = inf;  // these rows are formed again in a wider range
  for (std::size_t j = 0; j < m; ++j) b[j] = b[m + j] = 10;
  const auto run = [&](std::size_t threads) {
    set_threads(threads);
    return evaluate([](const auto& x) { return linear(x[0], x[1], x[2]); }, {{Shape{n, k}, a}, {Shape{k, m}, b}, {Shape{m}, bias}}, up);
  };
  const Outcome one = run(1);
  BOOST_TEST(std::isfinite(one.value[300 * m + 5]));
  BOOST_TEST(std::isinf(one.value[5]));
  for (const std::size_t threads : {2U, 3U}) {
    const Outcome several = run(threads);
    BOOST_TEST(several.value == one.value, boost::test_tools::per_element());
    for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(several.gradients[i] == one.gradients[i], boost::test_tools::per_element());
  }
  set_threads(0);
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
  const auto pulled = [&](Reduction r, const Numbers& up) {
    return evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], std::span<const int>(classes), {r, 0}); }, {{Shape{2, 3}, logits}}, up).gradients[0];
  };
  BOOST_TEST(pulled(Reduction::mean, {3}) == pulled(Reduction::none, {1.5, 1.5}), boost::test_tools::per_element());
  BOOST_TEST(pulled(Reduction::sum, {3}) == pulled(Reduction::none, {3, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_row_of_classes_is_as_good_as_several) {
  std::mt19937 random(6);
  std::normal_distribution<double> normal(0, 3);
  for (const std::size_t n : {1U, 2U, 7U, 8U, 9U, 10U, 16U, 17U, 33U}) {
    Numbers logits(n);
    for (double& z : logits) z = normal(random);
    for (const double first : {logits[0], 800.0, -800.0, 1e308, inf, -inf, undefined}) {  // -inf: a masked logit
      logits[0] = first;
      for (const std::size_t target : {std::size_t{0}, n / 2, n - 1}) {
        const int classes[] = {static_cast<int>(target)};
        for (const double up : {1.0, -0.75, 1e-310, 1e300, 0.0}) {
          const auto several = [&](Reduction r) {  // the classes as a tensor
            return evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], Tensor(Shape{1}, {static_cast<double>(target)}), {r, 0}); }, {{Shape{1, n}, logits}}, {up});
          };
          const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
          const auto check = [&](const Outcome& a, const Outcome& b) {
            BOOST_TEST(same(a.value[0], b.value[0]));
            for (std::size_t i = 0; i < n; ++i) BOOST_TEST(same(a.gradients[0][i], b.gradients[0][i]));
          };
          for (const auto r : {Reduction::sum, Reduction::mean, Reduction::none}) {
            check(evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], std::span<const int>(classes), {r, 0}); }, {{Shape{1, n}, logits}}, {up}), several(r));
            check(evaluate([&](const auto& x) { return softmax_cross_entropy(x[0], std::span<const int>(classes), {r, 0}); }, {{Shape{n}, logits}}, {up}), several(r));
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_row_of_classes_on_a_tape_that_goes_on) {
  const Numbers logits{1, -2, 0.5};
  const int first[] = {0}, last[] = {2}, outside[] = {3}, negative[] = {-1};
  const auto loss = [](const auto& z, const int(&target)[1]) { return softmax_cross_entropy(z, std::span<const int>(target), {.reduction = Reduction::sum}); };
  const Numbers a = evaluate([&](const auto& x) { return loss(x[0], first); }, {{Shape{3}, logits}}).gradients[0];
  const Numbers b = evaluate([&](const auto& x) { return loss(x[0], last); }, {{Shape{3}, logits}}).gradients[0];
  const Outcome both = evaluate([&](const auto& x) { return loss(x[0], first) + loss(x[0], last); }, {{Shape{3}, logits}});
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(both.gradients[0][i] == a[i] + b[i]);

  Tape tape;
  const Recording recording(tape);
  const Tensor z = Tensor::input(Shape{1, 3}, logits);
  const Tape::Mark start = tape.mark();
  Adjoints adjoints;
  Tensor stale_logits, stale_loss;
  for (int round = 0; round < 3; ++round) {
    const Tensor y = loss(z, first), doubled = 2.0 * y;
    tape.sweep(doubled, adjoints);
    for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(adjoints[z][i] == 2 * a[i]);
    tape.sweep(y, adjoints);
    tape.sweep(y, adjoints);
    for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(adjoints[z][i] == a[i]);
    const Tensor hidden = z + 0.0, deep = loss(hidden, last);
    tape.sweep(deep, adjoints);
    for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(adjoints[z][i] == b[i]);
    BOOST_CHECK_THROW(static_cast<void>(loss(z, outside)), ArgumentError);
    BOOST_CHECK_THROW(static_cast<void>(loss(z, negative)), ArgumentError);
    if (round > 0) {
      BOOST_CHECK_THROW(static_cast<void>(loss(stale_logits, first)), TapeError);
      BOOST_CHECK_THROW(tape.sweep(stale_loss, adjoints), TapeError);
    }
    stale_logits = hidden;
    stale_loss = deep;
    tape.rewind(start);
  }
  BOOST_TEST(loss(Tensor(Shape{3}, logits), first).is_constant());
  BOOST_CHECK_THROW(static_cast<void>(loss(Tensor::input(Shape{2, 3}, Numbers(6)), first)), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(loss(Tensor::input(Shape{}, Numbers(1)), first)), ShapeError);
}

BOOST_AUTO_TEST_CASE(the_loss_of_one_row_is_the_same_whoever_asks_and_when) {
  const int classes[] = {1};
  const auto loss_of = [&](const Tensor& z) { return softmax_cross_entropy(z, std::span<const int>(classes), {.reduction = Reduction::sum}); };
  for (const Numbers& logits : {Numbers{1, -2, 0.5}, Numbers{0, 0, 0, 0, 0}, Numbers{0.25, 149, -0.5}, Numbers{0.25, -149, -0.5}}) {
    Tape tape;
    const Recording recording(tape);
    Adjoints adjoints;
    Tensor z = Tensor::input(Shape{logits.size()}, logits);
    const auto start = tape.mark();
    const double expected = loss_of(z).value();
    double exact = 0;
    for (const double at : logits) exact += std::exp(at - logits[1]);
    BOOST_TEST(expected == std::log(exact), boost::test_tools::tolerance(1e-15));
    {
      const Tensor loss = loss_of(z), copy = loss, tripled = 3.0 * loss;
      tape.sweep(tripled, adjoints);
      BOOST_TEST(loss.value() == expected);
      BOOST_TEST(copy.value() == expected);
      BOOST_TEST(tripled.value() == 3 * expected);
      BOOST_TEST(loss.detached().value() == expected);
    }
    const Tensor before = loss_of(z);
    std::span<double> open = z.values();
    std::fill(open.begin(), open.end(), 7.0);
    BOOST_TEST(before.value() == expected);  // of the logits that were recorded
    tape.rewind(start);
    BOOST_CHECK_THROW(static_cast<void>(before.value()), TapeError);
    BOOST_TEST(loss_of(z).value() == std::log(static_cast<double>(logits.size())), boost::test_tools::tolerance(1e-15));
  }
}

BOOST_AUTO_TEST_CASE(the_gradient_of_one_row_survives_adjoints_of_any_size) {
  const int classes[] = {0};
  const auto check = [&]<class Real>(Real up, const std::vector<Real>& logits) {
    BasicTape<Real> tape;
    const BasicRecording<Real> recording(tape);
    BasicAdjoints<Real> adjoints;
    const auto z = BasicTensor<Real>::input(Shape{logits.size()}, std::span<const Real>(logits));
    const auto loss = softmax_cross_entropy(z, std::span<const int>(classes), {.reduction = Reduction::sum});
    tape.sweep(loss, adjoints, up);
    long double others = 0;  // relative to the target
    for (std::size_t k = 1; k < logits.size(); ++k) others += std::exp(static_cast<long double>(logits[k]) - logits[0]);
    for (std::size_t k = 0; k < logits.size(); ++k) {
      const long double exact = up * (k == 0 ? -others : std::exp(static_cast<long double>(logits[k]) - logits[0])) / (1 + others);
      const long double spacing = std::max(std::abs(exact) * std::numeric_limits<Real>::epsilon(), static_cast<long double>(std::numeric_limits<Real>::denorm_min()));
      BOOST_TEST(std::abs(adjoints[z][k] - exact) <= 6 * spacing, "adjoint " << up << ", logit " << logits[k] << ": " << adjoints[z][k] << ", not " << exact);
    }
  };
  for (const float up : {1e-44F, 1e-38F, 1e-20F, 1.0F, 1e30F, 3e38F})
    for (const float apart : {-63.0F, -20.0F, 0.0F, 20.0F, 63.0F}) check(up, std::vector<float>{-apart, 0, 1, apart / 2});
  for (const double up : {5e-324, 1e-308, 1e-150, 1.0, 1e150, 1e308})
    for (const double apart : {-149.0, -20.0, 0.0, 20.0, 149.0}) check(up, std::vector<double>{-apart, 0, 1, apart / 2});
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

BOOST_AUTO_TEST_CASE(the_first_of_equal_maxima_has_the_whole_adjoint) {
  const std::vector<std::pair<Shape, Numbers>> x{{Shape{3, 3}, {1, 1, 0, 2, 5, 5, -3, undefined, undefined}}};
  for (const Outcome& y : {evaluate([](const auto& t) { return reduce_max(t[0], -1); }, x, {1, 2, 3}), evaluate([](const auto& t) { return maxout_reduce(t[0]); }, x, {1, 2, 3})}) {
    BOOST_TEST(y.value[1] == 5);
    BOOST_TEST(std::isnan(y.value[2]));
    BOOST_TEST(y.gradients[0] == (Numbers{1, 0, 0, 0, 2, 0, 0, 3, 0}), boost::test_tools::per_element());
  }
  BOOST_TEST(max(Tensor(Shape{2}, {1, 3}), 2).values()[0] == 2);  // the elementwise maximum keeps its name
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
