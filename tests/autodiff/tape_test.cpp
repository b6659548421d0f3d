// The tape: what is remembered, what is forgotten, and what it costs.
#include <boost/test/unit_test.hpp>

#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/resource.h>

#include <autodiff/autodiff.hpp>

using namespace gradus;

namespace {

struct Fixture {
  Tape tape;
  Recording recording{tape};
  Adjoints adjoints;
  double gradient(const Var& y, const Var& x) {
    tape.sweep(y, adjoints);
    return adjoints[x];
  }
};

std::size_t peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tape_suite, Fixture)

BOOST_AUTO_TEST_CASE(constants_record_nothing) {
  const Var a = 2.0, b = 3.0;
  const Var y = (a + b) * a / b - 1.0;
  BOOST_TEST(y.is_constant());
  BOOST_TEST(y.value() == 10.0 / 3.0 - 1.0);
  BOOST_TEST(tape.nodes().bytes() == 0U);
  BOOST_TEST(tape.slots() == 0U);
}

BOOST_AUTO_TEST_CASE(rewinding_forgets_later_nodes_and_keeps_earlier_ones) {
  const Var x = Var::input(3.0);
  const Var early = x * x;
  const auto start = tape.mark();
  const std::size_t nodes = tape.nodes().count();
  for (int i = 0; i < 3; ++i) {
    const Var y = early * x;
    BOOST_TEST(gradient(y, x) == 27.0);
    tape.rewind(start);
    BOOST_TEST(tape.nodes().count() == nodes);
  }
}

BOOST_AUTO_TEST_CASE(a_temporary_from_before_a_mark_is_not_folded_after_it) {
  const Var x = Var::input(3.0);
  Var square = x * x;
  const auto start = tape.mark();
  const Var y = std::move(square) * 2.0;
  BOOST_TEST(gradient(y, x) == 12.0);
  tape.rewind(start);
  BOOST_TEST(gradient(square, x) == 6.0);  // the node of the square is untouched
}

BOOST_AUTO_TEST_CASE(an_increment_after_a_mark_leaves_the_old_slot_alone) {
  const Var x = Var::input(3.0);
  Var sum = 2.0 * x;
  const Var before = sum;
  const auto start = tape.mark();
  sum += x;
  BOOST_TEST(gradient(sum, x) == 3.0);
  tape.rewind(start);
  BOOST_TEST(gradient(before, x) == 2.0);
  BOOST_CHECK_THROW(gradient(sum, x), TapeError);
}

BOOST_AUTO_TEST_CASE(inputs_come_in_bulk) {
  const std::vector<Var> x = Var::inputs(std::vector{3.0, -2.0, 5.0});
  BOOST_TEST(gradient(x[0] * x[1] + x[2], x[0]) == -2.0);
  std::vector<Var> kept(2);
  Var::inputs(std::vector{1.0, 7.0}, kept);
  BOOST_TEST(gradient(kept[0] * kept[1], kept[1]) == 1.0);
  BOOST_CHECK_THROW(Var::inputs(std::vector{1.0}, kept), ShapeError);
  BOOST_TEST(Var::inputs({}).empty());
}

BOOST_AUTO_TEST_CASE(variables_stay_usable_under_many_marks) {
  std::vector<Var> x;
  for (int i = 0; i < 10; ++i) {
    x.push_back(Var::input(i + 1.0));
    static_cast<void>(tape.mark());
  }
  Var y = 1.0;
  for (const Var& v : x) y *= v;
  tape.sweep(y, adjoints);
  for (const Var& v : x) BOOST_TEST(adjoints[v] == 3628800.0 / v.value(), boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(an_outer_mark_outlives_inner_ones) {
  const Var x = Var::input(2.0);
  const auto outer = tape.mark();
  const Var y = x * x;
  const auto inner = tape.mark();
  const Var z = y * y;
  tape.rewind(inner);
  BOOST_TEST(gradient(y, x) == 4.0);
  tape.rewind(outer);
  BOOST_CHECK_THROW(static_cast<void>(y * x), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(z * x), TapeError);
  BOOST_CHECK_THROW(tape.rewind(inner), TapeError);
  tape.rewind(outer);
  BOOST_TEST(gradient(x * 5.0, x) == 5.0);
}

BOOST_AUTO_TEST_CASE(clear_invalidates_every_mark) {
  const auto start = tape.mark();
  tape.clear();
  BOOST_CHECK_THROW(tape.rewind(start), TapeError);
}

BOOST_AUTO_TEST_CASE(adjoints_survive_a_rewind_for_what_is_still_recorded) {
  const Var x = Var::input(2.0);
  const auto start = tape.mark();
  const Var y = x * x;
  tape.sweep(y, adjoints);
  tape.rewind(start);
  BOOST_TEST(adjoints[x] == 4.0);
  const Var z = x * 3.0;
  BOOST_CHECK_THROW(static_cast<void>(adjoints[z]), TapeError);  // has y's slot, but was recorded after the sweep
}

BOOST_AUTO_TEST_CASE(a_slot_given_back_after_a_sweep_is_not_taken_for_its_predecessor) {
  const Var x = Var::input(2.0);
  Var sum = x * 3.0, term = x * x;
  tape.sweep(term, adjoints);
  sum += std::move(term);
  const Var late = x * 7.0;
  BOOST_CHECK_THROW(static_cast<void>(adjoints[late]), TapeError);
  BOOST_TEST(gradient(sum, x) == 7.0);
  const Var scaled = x * 5.0;
  tape.sweep(scaled, adjoints);
  Var next = x * x;
  tape.sweep(next, adjoints);
  const Var folded = std::move(next) * 2.0;
  BOOST_CHECK_THROW(static_cast<void>(adjoints[folded]), TapeError);
}

BOOST_AUTO_TEST_CASE(several_outputs_are_swept_at_once_with_seeds) {
  const Var x = Var::input(2.0), y = Var::input(5.0);
  const Var product = x * y, sum = x + y;
  tape.sweep({Seed<double>(product, 10.0), Seed<double>(sum, 1.0)}, adjoints);
  BOOST_TEST(adjoints[x] == 51.0);
  BOOST_TEST(adjoints[y] == 21.0);
  tape.sweep(x, adjoints, 7.0);
  BOOST_TEST(adjoints[x] == 7.0);
  BOOST_TEST(adjoints[y] == 0.0);
}

BOOST_AUTO_TEST_CASE(a_tape_that_does_not_fold_keeps_a_node_an_operation) {
  Tape plain(Tape::Options{.fold = false});
  const Recording inner(plain);
  const Var x = Var::input(0.5);
  Var y = 1.0 / (1.0 + (-x) * x);
  y += x;
  BOOST_TEST(plain.nodes().count() == 5U);
  plain.sweep(y, adjoints);
  BOOST_TEST(adjoints[x] == 1.0 + 2 * 0.5 / (0.75 * 0.75), boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(recordings_nest_and_the_outer_one_goes_on) {
  const Var x = Var::input(3.0);
  double inner_derivative = 0;
  {
    Tape other;
    const Recording inner(other);
    const Var u = Var::input(x.value());
    Adjoints a;
    other.sweep(u * u, a);
    inner_derivative = a[u];
  }
  BOOST_TEST(gradient(x * inner_derivative, x) == 6.0);
}

BOOST_AUTO_TEST_CASE(running_out_of_slots_leaves_the_tape_usable) {
  Tape small(Tape::Options{.max_slots = 4});
  const Recording inner(small);
  const Var x = Var::input(2.0), y = Var::input(3.0);
  Var sum = x * y;
  const Var other = x - y;
  BOOST_CHECK_THROW(static_cast<void>(sum * other), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(Var::input(1.0)), TapeError);
  BOOST_CHECK_THROW(static_cast<void>(Tensor::input({2}, {1.0, 2.0})), TapeError);
  sum += other;  // needs no slot
  small.sweep(sum, adjoints);
  BOOST_TEST(adjoints[x] == 4.0);
  BOOST_TEST(adjoints[y] == 1.0);
  small.clear();
  const Var z = Var::input(2.0);
  small.sweep(z * z * z, adjoints);
  BOOST_TEST(adjoints[z] == 12.0);
}

BOOST_AUTO_TEST_CASE(a_rewind_loop_runs_in_constant_memory) {
  const Var w = Var::input(0.5);
  const auto start = tape.mark();
  [[maybe_unused]] std::size_t warm = 0;
  for (int i = 0; i < 100000; ++i) {
    Var y = 0.0;
    for (int k = 0; k < 10; ++k) y += w * (y + 1.0);
    tape.sweep(y, adjoints);
    tape.rewind(start);
    if (i == 1000) warm = peak_kilobytes();
  }
  BOOST_TEST(tape.nodes().bytes() == 0U);
#if !defined(__SANITIZE_ADDRESS__)
  BOOST_TEST(peak_kilobytes() - warm < 1024U);
#endif
}

BOOST_AUTO_TEST_CASE(an_operation_takes_28_bytes_with_two_operands_and_16_with_one) {
  const Var x = Var::input(3.0);
  const Var y = x * x;
  BOOST_TEST(tape.bytes_used() == 28U);
  const Var z = y * 2.0;
  BOOST_TEST(tape.bytes_used() == 44U);
  Var sum = z - 1.0 + y;  // one node that is given a second operand
  BOOST_TEST(tape.bytes_used() == 72U);
  sum += x;
  BOOST_TEST(tape.bytes_used() == 88U);
  BOOST_TEST(tape.nodes().count() == 4U);
  tape.sweep(sum, adjoints);
  BOOST_TEST(adjoints[x] == 19.0);
}

BOOST_AUTO_TEST_CASE(nodes_are_walked_backwards) {
  const Var x = Var::input(3.0), y = Var::input(5.0);
  const Var product = x * y, twice = product * 2.0;
  std::vector<Node<double>> nodes;
  tape.nodes().for_each_backwards([&](const Node<double>& n) { nodes.push_back(n); });
  BOOST_REQUIRE(nodes.size() == 2U);
  BOOST_TEST((nodes[0].out == twice.slot() && nodes[0].a == product.slot() && nodes[0].b == 0 && nodes[0].da == 2.0));
  BOOST_TEST((nodes[1].out == product.slot() && nodes[1].a == x.slot() && nodes[1].b == y.slot() && nodes[1].da == 5.0 && nodes[1].db == 3.0));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {
struct DeepChain { double derivative = 0; };
void* record_deep_chain(void* result) {
  Tape tape;
  const Recording recording(tape);
  const Var x = Var::input(1.0);
  Var y = x;
  for (int i = 0; i < 10000000; ++i) y = y * 1.0;  // an lvalue: every product is a node of its own
  Adjoints adjoints;
  tape.sweep(y, adjoints);
  static_cast<DeepChain*>(result)->derivative = adjoints[x];
  return nullptr;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_chain_of_1e7_operations_is_swept_on_a_stack_of_256_KB) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  BOOST_REQUIRE(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
  pthread_t thread{};
  DeepChain result;
  BOOST_REQUIRE(pthread_create(&thread, &attributes, record_deep_chain, &result) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  BOOST_TEST(result.derivative == 1.0);
}

BOOST_AUTO_TEST_CASE(partials_far_beyond_the_range_keep_their_size) {
  // d(1/x) at 3e-308 is -1.1e615, two thousand powers of two; what follows brings it back.
  const auto slope = [](double at, auto f) {
    Tape tape;
    const Recording recording(tape);
    const Var x = Var::input(at);
    Adjoints adjoints;
    tape.sweep(f(x), adjoints);
    return adjoints[x];
  };
  const auto relative = boost::test_tools::tolerance(1e-15);
  BOOST_TEST(slope(3e-308, [](const Var& x) { return (1.0 / x) * 1e-308; }) == -1e-308 / 3e-308 / 3e-308, relative);
  BOOST_TEST(slope(1.5e308, [](const Var& x) { return (1.0 / x) * 1e308; }) == -1e308 / 1.5e308 / 1.5e308, boost::test_tools::tolerance(1e-12));  // subnormal
}
