// Every misuse throws, and the message names the mistake.
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/exp.hpp>

using namespace gradus;

namespace {

/// The message that f throws; empty when it does not.
template <class Exception = TapeError, class F> std::string message(F&& f) {
  try {
    f();
  } catch (const Exception& e) {
    return e.what();
  }
  return {};
}
bool mentions(const std::string& text, const char* part) {
  if (text.find(part) != std::string::npos) return true;
  BOOST_TEST_MESSAGE("message: " << text);
  return false;
}
/// Every way to use x as an operand throws, mentioning `part`.
void every_use_throws(Var& x, const char* part) {
  BOOST_TEST(mentions(message([&] { static_cast<void>(x * x); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(x + 1.0); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(2.0 / x); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(-x); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(Var(3.0) * x); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(exp(x)); }), part));
  BOOST_TEST(mentions(message([&] { Var sum = 0.0; sum += x; }), part));
  BOOST_TEST(mentions(message([&] { Var copy = x; copy += 1.0; }), part));
  BOOST_TEST(mentions(message([&] { Var copy = x; copy -= copy; }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(Tensor(x)); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(Tensor::stack(std::vector<Var>{x, x})); }), part));
  BOOST_TEST(mentions(message([&] { static_cast<void>(custom(1.0, {x}, {1.0})); }), part));
}

}  // namespace

BOOST_AUTO_TEST_CASE(inputs_without_a_recording_throw) {
  BOOST_TEST(mentions(message([] { static_cast<void>(Var::input(1.0)); }), "no active tape"));
  BOOST_TEST(mentions(message([] { static_cast<void>(Tensor::input({1}, {1.0})); }), "no active tape"));
}

BOOST_AUTO_TEST_CASE(variables_without_a_recording_throw) {
  Tape tape;
  std::optional<Recording> recording(tape);
  Var x = Var::input(1.0);
  Var sum = x * 2.0;
  recording.reset();
  every_use_throws(x, "no gradus::Recording is alive");
  BOOST_TEST(mentions(message([&] { sum += 1.0; }), "no gradus::Recording is alive"));
  BOOST_TEST(mentions(message([&] { sum += sum; }), "no gradus::Recording is alive"));
}

BOOST_AUTO_TEST_CASE(variables_of_another_tape_throw) {
  Tape first, second;
  const Recording a(first);
  Var x = Var::input(1.0);
  const Recording b(second);
  every_use_throws(x, "while tape #");
  Var own = Var::input(1.0) * 2.0;
  BOOST_TEST(mentions(message([&] { own += x; }), "while tape #"));
  Adjoints adjoints;
  BOOST_TEST(mentions(message([&] { second.sweep(x, adjoints); }), "while tape #"));
}

BOOST_AUTO_TEST_CASE(variables_of_another_thread_throw) {
  Tape tape;
  const Recording recording(tape);
  Var x = Var::input(1.0);
  std::thread([&] {
    every_use_throws(x, "another thread");
    BOOST_TEST(mentions(message([&] { const Recording foreign(tape); }), "belongs to another thread"));
    Tape own;
    const Recording own_recording(own);
    every_use_throws(x, "another thread");
  }).join();
}

BOOST_AUTO_TEST_CASE(variables_from_before_a_clear_or_rewind_throw) {
  Tape tape;
  const Recording recording(tape);
  Var x = Var::input(1.0);
  Var y = x * x;
  tape.clear();
  every_use_throws(x, "stale");
  every_use_throws(y, "stale");
  BOOST_TEST(mentions(message([&] { Var z = Var::input(2.0) * 1.0; z += std::move(y); }), "stale"));
  const auto start = tape.mark();
  Var late = Var::input(1.0);
  tape.rewind(start);
  every_use_throws(late, "stale");
  Adjoints adjoints;
  BOOST_TEST(mentions(message([&] { tape.sweep(late, adjoints); }), "stale"));
}

BOOST_AUTO_TEST_CASE(variables_of_a_destroyed_tape_throw) {
  Var x;
  Tape other;
  {
    Tape tape;
    const Recording recording(tape);
    x = Var::input(1.0);
  }
  const Recording recording(other);
  every_use_throws(x, "has been destroyed");
}

BOOST_AUTO_TEST_CASE(a_moved_from_variable_throws_until_it_is_assigned) {
  Tape tape;
  const Recording recording(tape);
  Var x = Var::input(3.0);
  const Var taken = std::move(x);
  every_use_throws(x, "moved-from");
  BOOST_TEST(mentions(message([&] { x += 1.0; }), "moved-from"));
  BOOST_TEST(mentions(message([&] { x += taken; }), "moved-from"));
  Adjoints adjoints;
  BOOST_TEST(mentions(message([&] { tape.sweep(x, adjoints); }), "moved-from"));
  tape.sweep(taken, adjoints);
  BOOST_TEST(mentions(message([&] { static_cast<void>(adjoints[x]); }), "moved-from"));
  x = 2.0 * taken;
  tape.sweep(x, adjoints);
  BOOST_TEST(adjoints[taken] == 2.0);
}

BOOST_AUTO_TEST_CASE(an_operand_that_was_folded_away_throws) {
  Tape tape;
  const Recording recording(tape);
  const Var x = Var::input(3.0);
  Var square = x * x;
  const Var root = std::move(square) * 2.0;
  BOOST_TEST(mentions(message([&] { static_cast<void>(square * x); }), "moved-from"));
  Var term = x * 5.0;
  Var sum = x * 1.0;
  sum += std::move(term);
  static_cast<void>(root);
  Var constant_side = x * x;
  const Var z = Var(2.0) * std::move(constant_side);
  BOOST_TEST(mentions(message([&] { static_cast<void>(constant_side + z); }), "moved-from"));
}

BOOST_AUTO_TEST_CASE(sweeping_a_constant_throws) {
  Tape tape;
  const Recording recording(tape);
  Adjoints adjoints;
  BOOST_TEST(mentions(message([&] { tape.sweep(Var(1.0), adjoints); }), "constant"));
  BOOST_TEST(mentions(message([&] { tape.sweep(Tensor(1.0), adjoints); }), "constant"));
}

BOOST_AUTO_TEST_CASE(adjoints_of_what_a_sweep_did_not_see_throw) {
  Tape tape, other;
  const Recording recording(tape);
  const Var x = Var::input(1.0), y = x * x;
  Adjoints adjoints;
  BOOST_TEST(mentions(message([&] { static_cast<void>(adjoints[x]); }), "no sweep"));
  tape.sweep(y, adjoints);
  BOOST_TEST(mentions(message([&] { static_cast<void>(adjoints[Var(1.0)]); }), "constant"));
  const Var late = x * 3.0;
  BOOST_TEST(mentions(message([&] { static_cast<void>(adjoints[late]); }), "after this sweep"));
  const Recording inner(other);
  BOOST_TEST(mentions(message([&] { static_cast<void>(adjoints[Var::input(1.0)]); }), "another tape"));
}

BOOST_AUTO_TEST_CASE(exhausted_slots_name_the_numbers) {
  Tape tape(Tape::Options{.max_slots = 2});
  const Recording recording(tape);
  const Var x = Var::input(1.0), y = Var::input(2.0);
  BOOST_TEST(mentions(message([&] { static_cast<void>(x * y); }), "slots exhausted: 1 more wanted, 2 of 2 in use"));
}

BOOST_AUTO_TEST_CASE(a_mark_of_another_tape_throws) {
  Tape a, b;
  const auto start = a.mark();
  BOOST_TEST(mentions(message([&] { b.rewind(start); }), "another tape"));
}

BOOST_AUTO_TEST_CASE(a_failed_operation_leaves_its_operands_alone) {
  Tape tape, other;
  const Recording recording(tape);
  const Var x = Var::input(2.0);
  Var foreign;
  {
    const Recording inner(other);
    foreign = Var::input(1.0);
  }
  Var sum = x * x;
  BOOST_CHECK_THROW(sum += foreign, TapeError);
  BOOST_CHECK_THROW(sum = std::move(sum) * foreign, TapeError);
  Adjoints adjoints;
  tape.sweep(sum, adjoints);
  BOOST_TEST(sum.value() == 4.0);
  BOOST_TEST(adjoints[x] == 4.0);
}

BOOST_AUTO_TEST_CASE(wrong_shapes_are_named) {
  Tape tape;
  const Recording recording(tape);
  const Tensor t = Tensor::input({2, 3}, {1, 2, 3, 4, 5, 6});
  BOOST_TEST(mentions(message<ShapeError>([] { static_cast<void>(Tensor::input({2, 3}, {1.0})); }), "1 values for shape 2x3"));
  BOOST_TEST(mentions(message<ShapeError>([&] { static_cast<void>(t[6]); }), "index 6"));
  BOOST_TEST(mentions(message<ShapeError>([&] { static_cast<void>(t(2, 0)); }), "index 2"));
  BOOST_TEST(mentions(message<ShapeError>([&] { static_cast<void>(t(1, 1, 1)); }), "3 indices"));
  BOOST_TEST(mentions(message<ShapeError>([&] { static_cast<void>(t.reshape({7})); }), "2x3 does not fit 7"));
  BOOST_TEST(mentions(message<ShapeError>([&] { static_cast<void>(t.value()); }), "2x3"));
  Adjoints adjoints;
  BOOST_TEST(mentions(message<ShapeError>([&] { tape.sweep(t, adjoints); }), "2x3"));
  BOOST_TEST(mentions(message<ShapeError>([&] { tape.sweep({Seed<double>(t, std::vector<double>(5))}, adjoints); }), "5 seeds"));
}

BOOST_AUTO_TEST_CASE(recordings_must_end_in_reverse_order) {
  Tape a, b;
  auto first = std::make_unique<Recording>(a);
  auto second = std::make_unique<Recording>(b);
  first.reset();  // ends early: what is recorded now still goes to b
  const Var x = Var::input(2.0);
  second.reset();
  BOOST_TEST(mentions(message([&] { static_cast<void>(Var::input(1.0)); }), "no active tape"));
  BOOST_TEST(mentions(message([&] { static_cast<void>(x * x); }), "no gradus::Recording is alive"));
}

BOOST_AUTO_TEST_CASE(a_tape_destroyed_while_recording_is_no_longer_active) {
  auto tape = std::make_unique<Tape>();
  const Recording recording(*tape);
  Var x = Var::input(1.0);
  tape.reset();
  BOOST_TEST(mentions(message([&] { static_cast<void>(Var::input(1.0)); }), "no active tape"));
  BOOST_TEST(mentions(message([&] { static_cast<void>(x * x); }), "has been destroyed"));
}

BOOST_AUTO_TEST_CASE(a_tape_may_be_destroyed_by_another_thread) {
  std::unique_ptr<Tape> moved;
  std::thread([&] { moved = std::make_unique<Tape>(); }).join();
  BOOST_TEST(mentions(message([&] { const Recording recording(*moved); }), "belongs to another thread"));
  moved.reset();
  auto own = std::make_unique<Tape>();
  Tensor x;
  {
    const Recording recording(*own);
    x = Tensor::input({1}, {2.0});
  }
  std::thread([&] { own.reset(); }).join();
  BOOST_TEST(mentions(message([&] { static_cast<void>(x.value()); }), "has been destroyed"));
}
