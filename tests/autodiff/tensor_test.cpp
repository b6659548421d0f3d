// Tensors: shapes, elements, broadcasting ops, and memory that belongs to the tape.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/arithmetic.hpp>
#include <ops/exp.hpp>
#include <ops/sqrt.hpp>

using namespace gradus;

namespace {
struct Fixture {
  Tape tape;
  Recording recording{tape};
  Adjoints adjoints;
  /// The adjoints of x when every element of y has seed 1.
  std::vector<double> sum_gradient(const Tensor& y, const Tensor& x) {
    const std::vector<double> ones(y.size(), 1.0);
    tape.sweep({Seed<double>(y, ones)}, adjoints);
    const auto g = adjoints[x];
    return {g.begin(), g.end()};
  }
};
using Values = std::vector<double>;
const auto elementwise = boost::test_tools::per_element();
}  // namespace

BOOST_FIXTURE_TEST_SUITE(tensor_suite, Fixture)

BOOST_AUTO_TEST_CASE(elements_are_variables_of_the_same_slots) {
  const Tensor t = Tensor::input({2, 2}, {1, 2, 3, 4});
  const std::size_t nodes = tape.nodes().size();
  const Var corner = t(1, 0);
  BOOST_TEST(corner.value() == 3.0);
  BOOST_TEST(tape.nodes().size() == nodes);
  tape.sweep(corner * t[3], adjoints);
  BOOST_TEST(Values(adjoints[t].begin(), adjoints[t].end()) == (Values{0, 0, 4, 3}), elementwise);
}

BOOST_AUTO_TEST_CASE(an_increment_of_an_element_copy_leaves_the_tensor_alone) {
  const Tensor t = Tensor::input({2}, {1, 2});
  Var e = t[0];
  e += t[1];
  tape.sweep(e * t[0], adjoints);
  BOOST_TEST(Values(adjoints[t].begin(), adjoints[t].end()) == (Values{4, 1}), elementwise);
}

BOOST_AUTO_TEST_CASE(stacking_mixes_recorded_and_constant_scalars) {
  const Var x = Var::input(2.0);
  const Tensor t = Tensor::stack(std::vector<Var>{x, Var(5.0), x * x, x});
  BOOST_TEST(Values(t.values().begin(), t.values().end()) == (Values{2, 5, 4, 2}), elementwise);
  tape.sweep(t[0] * t[2] + t[3] + t[1], adjoints);
  BOOST_TEST(adjoints[x] == 13.0);
  BOOST_TEST(Tensor::stack(std::vector<Var>{1.0, 2.0}).is_constant());
}

BOOST_AUTO_TEST_CASE(ops_broadcast_and_gradients_sum_over_what_was_stretched) {
  const Tensor matrix = Tensor::input({2, 3}, {1, 2, 3, 4, 5, 6}), row = Tensor::input({3}, {10, 20, 30});
  const Tensor product = matrix * row;
  BOOST_TEST((product.shape() == Shape{2, 3}));
  BOOST_TEST(sum_gradient(product, row) == (Values{5, 7, 9}), elementwise);
  BOOST_TEST(sum_gradient(product, matrix) == (Values{10, 20, 30, 10, 20, 30}), elementwise);
  const Tensor column = Tensor::input({2, 1}, {1, 2});
  BOOST_TEST(sum_gradient(column - row, column) == (Values{3, 3}), elementwise);
  BOOST_CHECK_THROW(static_cast<void>(matrix + Tensor::input({2}, {1, 2})), ShapeError);
}

BOOST_AUTO_TEST_CASE(a_tensor_op_with_a_scalar_variable_broadcasts_it) {
  const Tensor t = Tensor::input({3}, {1, 2, 3});
  Var s = Var::input(2.0) * 1.0;
  const Var kept = s;
  const Tensor y = t * s;
  s += 1.0;
  tape.sweep({Seed<double>(y, Values{1, 1, 1})}, adjoints);
  BOOST_TEST(adjoints[kept] == 6.0);
}

BOOST_AUTO_TEST_CASE(a_tensor_combined_with_itself_counts_twice) {
  const Tensor t = Tensor::input({2}, {3, 4});
  BOOST_TEST(sum_gradient(t * t, t) == (Values{6, 8}), elementwise);
  BOOST_TEST(sum_gradient(t + t, t) == (Values{2, 2}), elementwise);
}

BOOST_AUTO_TEST_CASE(a_reshaped_tensor_is_the_same_variable) {
  const Tensor t = Tensor::input({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor r = t.reshape({3, 2});
  tape.sweep(r(2, 1) * r(0, 0), adjoints);
  BOOST_TEST(adjoints[t][5] == 1.0);
  BOOST_TEST(adjoints[t][0] == 6.0);
}

BOOST_AUTO_TEST_CASE(an_unused_infinite_partial_of_an_element_makes_no_NaN) {
  const Tensor t = Tensor::input({2}, {0, 4});
  const Tensor root = sqrt(t);
  tape.sweep(root[1] + 0.0 * t[0], adjoints);
  BOOST_TEST(adjoints[t][0] == 0.0);
  BOOST_TEST(adjoints[t][1] == 0.25);
}

BOOST_AUTO_TEST_CASE(writing_an_input_after_it_was_read_needs_a_rewind_before_the_next_sweep) {
  Tensor w = Tensor::input({2}, {1, 2});
  const auto start = tape.mark();
  const Tensor y = w * w;
  BOOST_TEST(sum_gradient(y, w) == (Values{2, 4}), elementwise);
  const std::span<double> values = w.values();
  values[0] = 10;
  BOOST_CHECK_THROW(tape.sweep({Seed<double>(y, Values{1, 1})}, adjoints), TapeError);
  tape.rewind(start);
  BOOST_TEST(sum_gradient(w * w, w) == (Values{20, 4}), elementwise);
}

BOOST_AUTO_TEST_CASE(results_cannot_be_written_and_copies_of_constants_part) {
  const Tensor x = Tensor::input({1}, {1});
  Tensor y = exp(x);
  BOOST_CHECK_THROW(static_cast<void>(std::span<double>(y.values())), TapeError);
  Tensor a({2}, {1, 2});
  const Tensor b = a;
  std::span<double>(a.values())[0] = 9;
  BOOST_TEST(a.values()[0] == 9.0);
  BOOST_TEST(b.values()[0] == 1.0);
}

BOOST_AUTO_TEST_CASE(values_of_a_rewound_tensor_cannot_be_read) {
  const auto start = tape.mark();
  const Tensor x = Tensor::input({1}, {1});
  tape.rewind(start);
  BOOST_CHECK_THROW(static_cast<void>(x.values()), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(x[0]), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(exp(x)), TapeError);
}

BOOST_AUTO_TEST_CASE(empty_tensors_are_constants_and_scalars_have_rank_0) {
  const Tensor empty = Tensor::input({0}, Values{});
  BOOST_TEST(empty.is_constant());
  BOOST_TEST(exp(empty).size() == 0U);
  const Tensor scalar = 3.0;
  BOOST_TEST((scalar.rank() == 0 && scalar.value() == 3.0));
}

BOOST_AUTO_TEST_CASE(a_sweep_stops_at_blocks_that_nothing_reaches) {
  const Tensor x = Tensor::input({2}, {1, 2});
  bool pulled = false;
  const Tensor unused = custom({1}, Values{0.0}, {&x}, [&pulled](std::span<const double>, std::span<const std::span<double>>) { pulled = true; });
  tape.sweep(x[0] * 2.0, adjoints);
  BOOST_TEST(!pulled);
}

BOOST_AUTO_TEST_SUITE_END()
