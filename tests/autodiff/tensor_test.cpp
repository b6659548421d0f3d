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
#include <ops/matmul.hpp>
#include <ops/sqrt.hpp>
#include <ops/sum.hpp>

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
  const std::size_t nodes = tape.nodes().count();
  const Var corner = t(1, 0);
  BOOST_TEST(corner.value() == 3.0);
  BOOST_TEST(tape.nodes().count() == nodes);
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
  BOOST_TEST(Values(adjoints[w].begin(), adjoints[w].end()) == (Values{2, 4}), elementwise);  // of the sweep before
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

BOOST_AUTO_TEST_CASE(an_operand_that_occurs_twice_is_written_once_and_added_to_once) {
  const Tensor a = Tensor::input({2, 2}, {1, 2, 3, 4});
  BOOST_TEST(sum_gradient(matmul(a, a), a) == (Values{7, 11, 9, 13}), elementwise);  // row sums of a, plus its column sums
  BOOST_TEST(sum_gradient(a * a.reshape({2, 2}), a) == (Values{2, 4, 6, 8}), elementwise);
}

BOOST_AUTO_TEST_CASE(adjoints_that_nothing_contributed_to_read_0_in_reused_memory) {
  const Tensor a = Tensor::input({20}, Values(20, 1.0)), b = Tensor::input({20}, Values(20, 2.0));
  BOOST_TEST(sum_gradient(a * b, b) == Values(20, 1.0), elementwise);
  const Tensor y = exp(a);
  static_cast<void>(exp(b));
  BOOST_TEST(sum_gradient(y * 0.0 + a, b) == Values(20, 0.0), elementwise);
  BOOST_TEST(Values(adjoints[a].begin(), adjoints[a].end()) == Values(20, 1.0), elementwise);
  BOOST_TEST(adjoints.by_slot().size() == tape.slots() + std::size_t{1});
  for (const double adjoint : adjoints.by_slot()) BOOST_TEST(std::abs(adjoint) <= 1.0);
}

BOOST_AUTO_TEST_CASE(seeds_of_a_tensor_and_of_its_elements_add_up) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  const Tensor y = x * x;
  const Values seeds = {1, 10, 100};
  tape.sweep({Seed<double>(y, seeds), Seed<double>(y[1], 5.0), Seed<double>(x, seeds), Seed<double>(y, seeds)}, adjoints);
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{5, 110, 1300}), elementwise);
}

BOOST_AUTO_TEST_CASE(an_element_taken_outside_the_recording_counts) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  const auto start = tape.mark();
  Var element;
  {
    Tape other;
    const Recording elsewhere(other);
    element = x[1];
  }
  tape.sweep({Seed<double>(element * 3.0), Seed<double>(x, Values{1, 1, 1})}, adjoints);
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{1, 4, 1}), elementwise);
  tape.rewind(start);  // the element is older than the mark
  tape.sweep(exp(x)[0] * element, adjoints);
  BOOST_TEST(adjoints[x][1] == std::exp(1.0));
}

BOOST_AUTO_TEST_CASE(elements_taken_as_variables_are_forgotten_with_their_tensor) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  const auto start = tape.mark();
  const Tensor y = x + 5.0;
  static_cast<void>(sum_gradient(y, x));  // what lies in memory is not 0
  tape.sweep(y[1] * 2.0, adjoints);
  BOOST_TEST(Values(adjoints[y].begin(), adjoints[y].end()) == (Values{0, 2, 0}), elementwise);
  tape.rewind(start);
  const Tensor z = x * x;  // takes the place of y
  tape.sweep({Seed<double>(z, Values{1, 10, 100})}, adjoints);
  BOOST_TEST(Values(adjoints[z].begin(), adjoints[z].end()) == (Values{1, 10, 100}), elementwise);
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{2, 40, 600}), elementwise);
}

BOOST_AUTO_TEST_CASE(scalars_between_arrays_start_from_0_in_reused_memory) {
  for (int round = 0; round < 3; ++round) {
    const auto start = tape.mark();
    const Var s = Var::input(2.0), unused = Var::input(4.0);
    const Tensor x = Tensor::input({20}, Values(20, 3.0));
    const Var t = Var::input(5.0), untouched = exp(t);
    tape.sweep(sum(x * s) * t, adjoints);
    BOOST_TEST(adjoints[s] == 300.0);
    BOOST_TEST(adjoints[t] == 120.0);
    BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == Values(20, 10.0), elementwise);
    BOOST_TEST(adjoints[unused] == 0.0);
    BOOST_TEST(adjoints[untouched] == 0.0);
    if (round == 1) tape.rewind(start);
  }
}

BOOST_AUTO_TEST_CASE(adjoints_follow_the_marks_from_sweep_to_sweep) {
  const Tensor x = Tensor::input({2}, {1, 2});
  const auto outer = tape.mark();
  const Tensor y = x * 2.0;
  for (int round = 0; round < 2; ++round) {
    const auto inner = tape.mark();
    const Tensor z = y * y;
    static_cast<void>(sum_gradient(z, z));
    BOOST_TEST(Values(adjoints[y].begin(), adjoints[y].end()) == (Values{4, 8}), elementwise);
    tape.rewind(inner);
    BOOST_CHECK_THROW(tape.sweep(sum(z), adjoints), TapeError);
  }
  const Tensor still = sum(y);
  tape.sweep(still, adjoints);
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{2, 2}), elementwise);
  tape.rewind(outer);
  const Tensor later = x * 3.0;  // where y was
  const auto again = tape.mark();
  static_cast<void>(sum_gradient(later * later, later));
  BOOST_TEST(Values(adjoints[later].begin(), adjoints[later].end()) == (Values{6, 12}), elementwise);
  BOOST_CHECK_THROW(static_cast<void>(adjoints[y]), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(adjoints[still]), TapeError);
  tape.rewind(again);
}

BOOST_AUTO_TEST_CASE(adjoints_of_one_tape_can_be_filled_by_another) {
  const Tensor x = Tensor::input({40}, Values(40, 3.0));
  static_cast<void>(sum_gradient(x * x, x));
  Tape other;
  const Recording recording_of_other(other);
  const Tensor z = Tensor::input({2}, {5, 7});
  const Tensor y = z * z;
  other.sweep({Seed<double>(y, Values{1, 1})}, adjoints);
  BOOST_TEST(Values(adjoints[z].begin(), adjoints[z].end()) == (Values{10, 14}), elementwise);
  BOOST_CHECK_THROW(static_cast<void>(adjoints[x]), TapeError);
}

BOOST_AUTO_TEST_CASE(adjoints_that_were_moved_from_hold_nothing_until_they_are_filled_again) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  const auto start = tape.mark();
  static_cast<void>(sum_gradient(x * x, x));
  Adjoints moved = std::move(adjoints);
  BOOST_TEST(Values(moved[x].begin(), moved[x].end()) == (Values{2, 4, 6}), elementwise);
  BOOST_CHECK_THROW(static_cast<void>(adjoints[x]), TapeError);
  BOOST_TEST(adjoints.by_slot().empty());
  tape.rewind(start);
  static_cast<void>(sum_gradient(x * 5.0, x));  // over the same closed segment
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{5, 5, 5}), elementwise);
}

BOOST_AUTO_TEST_CASE(copies_of_adjoints_can_be_filled_again) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  Var y = Var::input(2.0);
  const Var start = y;
  for (int scalars = 1; scalars < 12; ++scalars) {  // behind the last range, up to the end of a line and beyond
    y = y * 1.5 + start;
    tape.sweep(y, adjoints);
    const double expected = adjoints[start];
    Adjoints copy = adjoints;
    tape.sweep(y, copy);
    BOOST_TEST(copy[start] == expected);
    copy = adjoints;
    BOOST_TEST(copy[start] == expected);
  }
}

BOOST_AUTO_TEST_CASE(results_of_one_element_mix_with_scalars_and_arrays) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  const Tensor total = sum(x), one = total.reshape({1, 1});
  const Var taken = total[0];
  const Tensor y = total * one + Tensor(taken * taken) + sum(x * one);  // 3 s², s = 6
  tape.sweep(y, adjoints);
  BOOST_TEST(y.value() == 108.0);
  BOOST_TEST(adjoints[total][0] == 30.0);  // the other 6 reach x by themselves
  BOOST_TEST(adjoints[taken] == 30.0);
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{36, 36, 36}), elementwise);
  tape.sweep({Seed<double>(total, Values{2}), Seed<double>(taken, 3)}, adjoints);
  BOOST_TEST(Values(adjoints[x].begin(), adjoints[x].end()) == (Values{5, 5, 5}), elementwise);
  const Tensor single = Tensor::input({1}, {4});
  tape.sweep(single, adjoints, 7);
  BOOST_TEST(adjoints[single][0] == 7.0);
  BOOST_TEST(adjoints[total][0] == 0.0);
}

BOOST_AUTO_TEST_CASE(adjoints_cannot_be_read_while_a_sweep_fills_them) {
  const Tensor x = Tensor::input({3}, {1, 2, 3});
  int refused = 0;
  const Tensor y = custom({1}, Values{6.0}, {&x}, [&](std::span<const double> up, std::span<const std::span<double>> gradients) {
    try {
      static_cast<void>(adjoints[x]);
    } catch (const TapeError&) {
      ++refused;
    }
    for (double& g : gradients[0]) g += up[0];
  });
  for (int sweep = 1; sweep <= 3; ++sweep) {
    tape.sweep(y, adjoints, 5);
    BOOST_TEST(refused == sweep);
    BOOST_TEST(adjoints[x][0] == 5.0);
  }
}

BOOST_AUTO_TEST_CASE(a_pullback_that_throws_leaves_no_adjoints_to_read) {
  const Tensor x = Tensor::input({2}, {1, 2});
  const Tensor y = custom({1}, Values{0.0}, {&x}, [](std::span<const double>, std::span<const std::span<double>>) { throw ArgumentError("no"); });
  BOOST_CHECK_THROW(tape.sweep(y, adjoints), ArgumentError);
  BOOST_CHECK_THROW(static_cast<void>(adjoints[x]), TapeError);
}

BOOST_AUTO_TEST_SUITE_END()
