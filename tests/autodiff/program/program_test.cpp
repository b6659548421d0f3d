// A program gives the values and gradients of the tape, whatever the sizes of batch, sample and parameters.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <autodiff/program/program.hpp>
#include <autodiff/threads.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/sin.hpp>
#include <ops/tanh.hpp>

#include "tests/autodiff/program/replay_testing.hpp"

using namespace gradus;
using gradus::testing::by_replay, gradus::testing::by_the_tape, gradus::testing::agree, gradus::testing::inf, gradus::testing::undefined;

namespace {

const auto model = [](const auto& x, const auto& p) {
  const auto scale = exp(p[1]) + p[2] * p[2];
  const auto z = (x[0] - p[0]) / scale;
  return -0.5 * z * z - log(scale) + tanh(p[2] * x[1]) * x[0];
};
const std::vector<double> parameters = {0.3, -0.2, 0.7};

std::vector<double> some_samples(std::size_t n) {
  std::vector<double> v;
  for (std::size_t i = 0; i < n; ++i) v.insert(v.end(), {std::sin(static_cast<double>(i)), 0.01 * static_cast<double>(i) - 1});
  return v;
}
std::string message(const auto& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(batches_of_every_size_agree_with_the_tape) {
  const Program program = Program::record(model, {0.1, 0.2}, parameters);
  for (const std::size_t n : {1U, 2U, 7U, 8U, 9U, 31U, 63U, 64U, 65U, 127U, 255U, 256U, 257U, 1000U}) {
    const auto samples = some_samples(n);
    const auto tape = by_the_tape(model, 2, samples, parameters), replay = by_replay(program, samples, parameters);
    BOOST_TEST(agree(replay.sum, tape.sum, 1e-14 * std::sqrt(static_cast<double>(n)), std::abs(tape.sum) + static_cast<double>(n)),
               n << " samples: " << replay.sum << " " << tape.sum);
    for (std::size_t i = 0; i < n; ++i) BOOST_TEST(agree(replay.values[i], tape.values[i], 1e-14, 1 + std::abs(tape.values[i])));
    for (std::size_t i = 0; i < 2 * n; ++i) BOOST_TEST(agree(replay.input_gradients[i], tape.input_gradients[i], 1e-13, 1 + std::abs(tape.input_gradients[i])));
    for (std::size_t j = 0; j < 3; ++j) BOOST_TEST(agree(replay.parameter_gradient[j], tape.parameter_gradient[j], 1e-14, tape.parameter_scale[j]));
  }
  BOOST_TEST(program.branches() == 1U);
}

BOOST_AUTO_TEST_CASE(the_parts_can_be_asked_for_one_by_one) {
  const Program program = Program::record(model, {0.1, 0.2}, parameters);
  const auto samples = some_samples(100);
  const auto all = by_replay(program, samples, parameters);
  const auto sum = program.sum(samples, parameters);
  BOOST_TEST(sum.value == all.sum);
  BOOST_TEST(sum.gradient == all.parameter_gradient, boost::test_tools::per_element());
  BOOST_TEST(program.values(samples, parameters) == all.values, boost::test_tools::per_element());
  const Matrix gradients = program.gradients(samples, parameters);
  BOOST_TEST((gradients.rows == 100 && gradients.columns == 2));
  BOOST_TEST(gradients.values == all.input_gradients, boost::test_tools::per_element());
  const auto driver = value_and_gradient(model, Batch{samples, 2}, parameters);
  BOOST_TEST(driver.value == sum.value);
  BOOST_TEST(driver.gradient == sum.gradient, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_empty_batch_has_sum_0_and_gradient_0) {
  const Program program = Program::record(model, {0.1, 0.2}, parameters);
  const auto sum = program.sum({}, parameters);
  BOOST_TEST(sum.value == 0.0);
  BOOST_TEST(sum.gradient == std::vector<double>(3), boost::test_tools::per_element());
  BOOST_TEST(program.values({}, parameters).empty());
  BOOST_TEST(value_and_gradient(model, Batch{{}, 2}, parameters).gradient == std::vector<double>(3), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_function_without_inputs_has_one_empty_sample) {
  const Program program =
      Program::record([](const auto&, const auto& p) { return exp(p[0]) * p[1] + p[1]; }, std::vector<double>{}, std::vector<double>{0.5, 3});
  const auto sum = program.sum({}, std::vector<double>{0.0, 2.0});
  BOOST_TEST(sum.value == 4.0);
  BOOST_TEST(sum.gradient == (std::vector<double>{2, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(constants_unused_numbers_and_bare_ones_are_functions_too) {
  const std::vector<double> samples = {1, 2, 3, 4, 5, 6}, p = {7, 8};
  const auto constant = by_replay(Program::record([](const auto&, const auto&) { return 2.5; }, {0.0, 0.0}, p), samples, p);
  BOOST_TEST(constant.sum == 7.5);
  BOOST_TEST(constant.input_gradients == std::vector<double>(6), boost::test_tools::per_element());
  BOOST_TEST(constant.parameter_gradient == std::vector<double>(2), boost::test_tools::per_element());
  const auto input = by_replay(Program::record([](const auto& x, const auto&) { return x[1]; }, {0.0, 0.0}, p), samples, p);
  BOOST_TEST(input.values == (std::vector<double>{2, 4, 6}), boost::test_tools::per_element());
  BOOST_TEST(input.input_gradients == (std::vector<double>{0, 1, 0, 1, 0, 1}), boost::test_tools::per_element());
  const auto parameter = by_replay(Program::record([](const auto&, const auto& q) { return q[1]; }, {0.0, 0.0}, p), samples, p);
  BOOST_TEST(parameter.sum == 24.0);
  BOOST_TEST(parameter.parameter_gradient == (std::vector<double>{0, 3}), boost::test_tools::per_element());
  const auto alone = Program::record([](const auto& x) { return x[0] * x[1]; }, {1.0, 1.0}).gradients(samples);
  BOOST_TEST(alone.values == (std::vector<double>{2, 1, 4, 3, 6, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(wrong_sizes_throw) {
  const Program program = Program::record(model, {0.1, 0.2}, parameters);
  const std::vector<double> three(3), four(4);
  BOOST_TEST(message([&] { static_cast<void>(program.sum(three, parameters)); }) == "program: 3 numbers are no batch of samples with 2 inputs");
  BOOST_TEST(message([&] { static_cast<void>(program.sum(four, four)); }) == "program: 4 parameters, not 3");
  BOOST_TEST(message([&] { static_cast<void>(program.values(three, parameters)); }) == "program: 3 numbers are no batch of samples with 2 inputs");
  std::vector<double> room(5);
  BOOST_CHECK_THROW(program.replay(four, parameters, {.values = room}), ShapeError);
  BOOST_CHECK_THROW(program.replay(four, parameters, {.input_gradients = room}), ShapeError);
  BOOST_CHECK_THROW(program.replay(four, parameters, {.parameter_gradient = room}), ShapeError);
  const Program fixed = Program::record([](const auto&, const auto& p) { return p[0]; }, std::vector<double>{}, std::vector<double>{1});
  BOOST_CHECK_THROW(static_cast<void>(fixed.sum(three, std::vector<double>{1})), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(value_and_gradient(model, Batch{three, 2}, parameters)), ShapeError);
  BOOST_CHECK_THROW(static_cast<void>(value_and_gradient(model, Batch{three, 0}, parameters)), ShapeError);
}

BOOST_AUTO_TEST_CASE(what_depends_on_parameters_only_is_shared_and_what_repeats_is_computed_once) {
  const auto f = [](const auto& x, const auto& p) {
    const auto unused = sin(x[0]);
    static_cast<void>(unused);
    return exp(p[0]) * x[0] + exp(p[0]) * x[1] + exp(x[0] * 2.0) * exp(2.0 * x[0]) + (-(-x[0])) * 1.0 / 1.0;
  };
  const Program program = Program::record(f, {1.0, 2.0}, {3.0});
  BOOST_TEST(program.shared_steps() == 1U);  // exp(p[0])
  BOOST_TEST(program.steps() == 3U);         // 2*x[0], its exponential, the sum
}

BOOST_AUTO_TEST_CASE(arithmetic_gives_the_bits_of_the_function_on_double) {
  const auto f = [](const auto& x) {
    return (x[0] * x[0] - x[1] * x[1]) / (3.0 + x[0] * x[1]) - ((0.0 + x[0] * 1.7) - (x[1] + (x[0] * x[1] - x[1]))) + -(x[1] - 0.1 * x[0]);
  };
  const Program program = Program::record(f, {1.0, 2.0});
  auto samples = some_samples(200);
  samples.insert(samples.end(), {1.25, 1.25, -0.0, 0.0, 0.0, -0.0, inf, 1, 1e200, 1e-200, undefined, 1, 1e-310, 3e-320});
  const auto values = program.values(samples);
  for (std::size_t i = 0; i < values.size(); ++i) BOOST_TEST(agree(values[i], f(samples.data() + 2 * i), 0));
}

BOOST_AUTO_TEST_CASE(signed_zeros_infinities_and_nan_flow_as_on_the_tape) {
  for (const auto& f : std::vector<std::pair<Recorded (*)(const std::vector<Recorded>&), Var (*)(const std::vector<Var>&)>>{
           {[](const auto& x) { return Recorded(1.0 / (x[0] + 0.0)); }, [](const auto& x) { return Var(1.0 / (x[0] + 0.0)); }},
           {[](const auto& x) { return x[0] * 0.0 + x[1]; }, [](const auto& x) { return x[0] * 0.0 + x[1]; }},
           {[](const auto& x) { return log(x[0]) * x[1] * x[1]; }, [](const auto& x) { return log(x[0]) * x[1] * x[1]; }},
           {[](const auto& x) { return x[0] / x[1] * 1e-300; }, [](const auto& x) { return x[0] / x[1] * 1e-300; }},
           {[](const auto& x) { return 1e300 * exp(x[0]) * x[1]; }, [](const auto& x) { return 1e300 * exp(x[0]) * x[1]; }}}) {
    std::vector<double> samples;
    const double specials[] = {0.0, -0.0, 1.0, -2.0, inf, -inf, undefined, 1e-310, 1e300, -720, -800, 3e-160};
    for (const double a : specials)
      for (const double b : specials) samples.insert(samples.end(), {a, b});
    struct Both {
      decltype(f.first) recorded;
      decltype(f.second) taped;
      Recorded operator()(const std::vector<Recorded>& x) const { return recorded(x); }
      Var operator()(const std::vector<Var>& x) const { return taped(x); }
    };
    const auto replay = by_replay(Program::record(Both{f.first, f.second}, {1.0, 2.0}), samples, {});
    const auto tape = by_the_tape([&](const std::vector<Var>& x, const std::vector<Var>&) { return f.second(x); }, 2, samples, {});
    for (std::size_t i = 0; i < tape.values.size(); ++i) {
      BOOST_TEST(agree(replay.values[i], tape.values[i], 1e-15),
                 "at " << samples[2 * i] << ", " << samples[2 * i + 1] << ": " << replay.values[i] << ", tape " << tape.values[i]);
      for (std::size_t k = 2 * i; k < 2 * i + 2; ++k)
        BOOST_TEST(agree(replay.input_gradients[k], tape.input_gradients[k], 1e-14, std::abs(tape.input_gradients[k]) + 1e-309),
                   "gradient " << k % 2 << " at " << samples[2 * i] << ", " << samples[2 * i + 1] << ": " << replay.input_gradients[k] << ", tape "
                               << tape.input_gradients[k]);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_the_function_throws_arrives_and_leaves_nothing_behind) {
  BOOST_TEST(message([] { static_cast<void>(Program::record([](const auto& x) { return x[0] > 0.0 ? throw std::runtime_error("no") : x[0]; }, {1.0})); }) ==
             "no");
  const Program program = Program::record([](const auto& x) { return x[0] > 0.0 ? x[0] * x[0] : throw std::runtime_error("negative"); }, {1.0});
  BOOST_TEST(message([&] { static_cast<void>(program.values(std::vector<double>{1, -1})); }) == "negative");
  BOOST_TEST(program.values(std::vector<double>{3})[0] == 9.0);
  BOOST_TEST(program.branches() == 1U);
}

BOOST_AUTO_TEST_CASE(numbers_of_one_recording_are_no_operands_of_another) {
  Recorded kept;
  const Program first = Program::record(
      [&](const auto& x) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(x[0])>, Recorded>) kept = x[0];
        return x[0];
      },
      {1.0});
  BOOST_TEST(message([&] { static_cast<void>(kept * 2.0); }).find("outlived the recording") != std::string::npos);
  BOOST_TEST(message([&] { static_cast<void>(kept > 2.0); }).find("outlived the recording") != std::string::npos);
  const auto uses_outer = [](const auto& x) {
    const auto inner = [&](const auto& z) { return z[0] + (z[0] * 0.0 + 1.0); };
    const Program nested = Program::record(inner, {2.0});
    return x[0] * nested.values(std::vector<double>{4.0})[0];  // 5 x
  };
  BOOST_TEST(Program::record(uses_outer, {1.0}).gradients(std::vector<double>{3.0}).values[0] == 5.0);
  const auto mixes = [](const auto& x) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(x[0])>, Recorded>) {
      const Recorded outer = x[0];
      static_cast<void>(Program::record(
          [outer](const auto& z) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(z[0])>, Recorded>) return z[0] * outer;
            else return z[0];
          },
          {1.0}));
    }
    return x[0];
  };
  BOOST_TEST(message([&] { static_cast<void>(Program::record(mixes, {1.0})); }).find("another recording") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_thread_and_many_give_the_same_bits) {
  const Program program = Program::record(model, {0.1, 0.2}, parameters);
  const auto samples = some_samples(5000);
  set_threads(1);
  const auto one = by_replay(program, samples, parameters);
  for (const std::size_t n : {2U, 3U, 7U}) {
    set_threads(n);
    const auto many = by_replay(program, samples, parameters);
    BOOST_TEST(many.sum == one.sum);
    BOOST_TEST((many.values == one.values && many.input_gradients == one.input_gradients && many.parameter_gradient == one.parameter_gradient));
  }
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(one_program_serves_several_threads) {
  const auto branching = [](const auto& x, const auto& p) { return x[0] < x[1] ? exp(p[0]) * x[0] : p[1] * x[1] * x[1]; };
  const Program program = Program::record(branching, {0.1, 0.2}, parameters);
  const auto samples = some_samples(700);
  const auto tape = by_the_tape(branching, 2, samples, parameters);
  std::vector<int> right(4, 0);
  std::vector<std::thread> threads;
  for (int& mine : right)
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto replay = by_replay(program, samples, parameters);
        mine += agree(replay.sum, tape.sum, 1e-12) && agree(replay.parameter_gradient[0], tape.parameter_gradient[0], 1e-13, tape.parameter_scale[0]) ? 1 : 0;
      }
    });
  for (std::thread& t : threads) t.join();
  BOOST_TEST(right == std::vector<int>(4, 20), boost::test_tools::per_element());
  BOOST_TEST(program.branches() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_written_must_not_overlap_what_is_read) {
  const Program program = Program::record([](const auto& x, const auto& p) { return x[0] * p[0]; }, {1.0}, {1.0});
  std::vector<double> p = {3.0}, samples = {1.0, 2.0};
  BOOST_CHECK_THROW(program.replay(samples, p, {.parameter_gradient = p}), ArgumentError);
  BOOST_CHECK_THROW(program.replay(samples, p, {.input_gradients = samples}), ArgumentError);
  BOOST_CHECK_THROW(program.replay(samples, p, {.values = samples}), ArgumentError);
  std::vector<double> gradient(1);
  BOOST_TEST(program.replay(samples, p, {.parameter_gradient = gradient}) == 9.0);
}

BOOST_AUTO_TEST_CASE(a_moved_from_program_says_so) {
  Program program = Program::record([](const auto& x) { return x[0] * x[0]; }, {1.0});
  const Program other = std::move(program);
  BOOST_CHECK_THROW(static_cast<void>(program.values(std::vector<double>{2.0})), ArgumentError);  // NOLINT: the point of the test
  BOOST_TEST(other.values(std::vector<double>{2.0})[0] == 4.0);
}

BOOST_AUTO_TEST_CASE(a_sum_with_its_signs_changed_keeps_the_sign_of_zero) {
  const Program program = Program::record([](const auto& x) { return 1.0 / (-(x[0] - x[1])); }, {3.0, 2.0});
  BOOST_TEST(program.values(std::vector<double>{3.0, 3.0})[0] == -inf);
}
