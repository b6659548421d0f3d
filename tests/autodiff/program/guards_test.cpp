// A sample that takes another branch than the recording did is noticed: it gets the answer of its own branch.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include <autodiff/program/program.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/max.hpp>
#include <ops/sqrt.hpp>

#include "tests/autodiff/program/replay_testing.hpp"

using namespace gradus;
using gradus::testing::by_replay, gradus::testing::by_the_tape, gradus::testing::agree, gradus::testing::inf, gradus::testing::undefined;

namespace {

std::vector<double> pairs(std::size_t n) {
  std::vector<double> v;
  for (std::size_t i = 0; i < 2 * n; ++i) v.push_back(std::sin(1.7 * static_cast<double>(i * i)) * 3);
  return v;
}

/// Everything that a program says about the samples is what the tape says.
template <class F> void agrees_with_the_tape(const F& f, const Program& program, const std::vector<double>& samples, const std::vector<double>& p) {
  const auto tape = by_the_tape(f, program.inputs(), samples, p), replay = by_replay(program, samples, p);
  for (std::size_t i = 0; i < tape.values.size(); ++i)
    BOOST_TEST(agree(replay.values[i], tape.values[i], 1e-14), "sample " << i << ": " << replay.values[i] << ", tape " << tape.values[i]);
  for (std::size_t i = 0; i < tape.input_gradients.size(); ++i)
    BOOST_TEST(agree(replay.input_gradients[i], tape.input_gradients[i], 1e-13),
               "number " << i << ": " << replay.input_gradients[i] << ", tape " << tape.input_gradients[i]);
  for (std::size_t j = 0; j < p.size(); ++j) BOOST_TEST(agree(replay.parameter_gradient[j], tape.parameter_gradient[j], 1e-13, tape.parameter_scale[j]));
  BOOST_TEST(agree(replay.sum, tape.sum, 1e-12, std::abs(tape.sum) + static_cast<double>(tape.values.size())));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_comparison_is_a_guard) {
  const std::vector<double> at = {1, 1, 1, 2, 2, 1, 0.0, -0.0, undefined, 1, 1, undefined, undefined, undefined, inf, 1, 1, inf, inf, inf, -inf, inf};
  const auto check = [&](const auto& f, std::size_t branches = 2) {
    for (std::size_t first = 0; first < at.size(); first += 2) {  // whichever sample is recorded
      const Program program = Program::record(f, std::span(at).subspan(first, 2));
      agrees_with_the_tape([&](const auto& x, const auto&) { return f(x); }, program, at, {});
      BOOST_TEST(program.branches() == branches);
    }
  };
  check([](const auto& x) { return x[0] < x[1] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return x[0] > x[1] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return x[0] <= x[1] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return x[0] >= x[1] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return x[0] == x[1] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return x[0] != x[1] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return x[0] < 1.5 ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return 1.5 <= x[0] ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return isnan(x[0]) ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return isfinite(x[0]) ? 2.0 * x[0] : 3.0 * x[1]; });
  check([](const auto& x) { return (x[0] <=> x[1]) < 0 ? 2.0 * x[0] : 3.0 * x[1]; }, 4);  // less, equivalent, greater, unordered
}

BOOST_AUTO_TEST_CASE(branches_flip_in_the_middle_of_a_batch) {
  const auto f = [](const auto& x, const auto& p) {
    const auto z = x[0] * p[0] + x[1];
    if (z > 0.5) return log(z) * p[1];
    if (x[1] < x[0]) return z * z * exp(p[1]);
    return sqrt(1.0 + z * z) - p[0];
  };
  const std::vector<double> p = {0.7, -0.3};
  const Program program = Program::record(f, {1.0, 1.0}, p);
  for (const std::size_t n : {1U, 5U, 64U, 1000U}) agrees_with_the_tape(f, program, pairs(n), p);
  BOOST_TEST(program.branches() == 3U);
}

BOOST_AUTO_TEST_CASE(a_branch_on_parameters_is_decided_once_a_batch) {
  const auto f = [](const auto& x, const auto& p) { return exp(p[0]) > 1.0 ? p[0] * x[0] : p[1] * x[1] * x[1]; };
  const Program program = Program::record(f, {1.0, 1.0}, {0.5, 2.0});
  agrees_with_the_tape(f, program, pairs(100), {0.5, 2.0});
  BOOST_TEST(program.branches() == 1U);
  agrees_with_the_tape(f, program, pairs(100), {-0.5, 2.0});
  agrees_with_the_tape(f, program, pairs(100), {0.1, 3.0});
  BOOST_TEST(program.branches() == 2U);
}

BOOST_AUTO_TEST_CASE(loops_that_depend_on_data_have_a_branch_for_each_count) {
  const auto newton = [](const auto& x) {
    auto root = x[0] * 0.5 + 0.5;
    for (int i = 0; i < 50; ++i) {
      const auto next = 0.5 * (root + x[0] / root);
      if (!(next < root)) break;
      root = next;
    }
    return root;
  };
  const Program program = Program::record(newton, {2.0});
  std::vector<double> samples;
  for (int i = 1; i < 300; ++i) samples.push_back(0.37 * i);
  const auto values = program.values(samples);
  for (std::size_t i = 0; i < samples.size(); ++i) BOOST_TEST(agree(values[i], std::sqrt(samples[i]), 1e-15));
  BOOST_TEST(program.branches() > 2U);
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_of_branches_samples_take_the_tape) {
  const auto argmax = [](const auto& x, const auto& p) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < x.size(); ++i)
      if (x[best] < x[i]) best = i;
    return x[best] * x[best] * p[0];
  };
  std::vector<double> samples(6 * 500);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = std::sin(0.9 * static_cast<double>(i * i));
  for (const std::size_t most : {1U, 2U, 5U, 100U}) {
    const Program program = Program::record(argmax, std::span<const double>(samples).first(6), std::vector<double>{1.5}, {.max_branches = most});
    agrees_with_the_tape(argmax, program, samples, {1.5});
    BOOST_TEST(program.branches() <= most);
    if (most < 100) BOOST_TEST(program.branches() == most);
  }
}

/// x² times a power of x that the plain value of the parameter decides: every value is a branch. Counts its recordings.
struct Pinned {
  std::shared_ptr<std::atomic<int>> recordings = std::make_shared<std::atomic<int>>(0);
  template <class T> T operator()(const std::vector<T>& x, const std::vector<T>& p) const {
    if constexpr (std::is_same_v<T, Recorded>) ++*recordings;
    T y = x[0] * p[0];
    for (int i = 0; i < static_cast<int>(plain(p[0])); ++i) y *= x[0];
    return y;
  }
};
BOOST_AUTO_TEST_CASE(the_branch_that_was_used_least_recently_gives_way) {
  const Pinned f;
  const Program program = Program::record(f, {0.5}, {0.0}, {.max_branches = 3});
  const std::vector<double> samples = {0.5, -0.25, 2.0};
  const auto recordings_at = [&](double p) {
    const int before = *f.recordings;
    agrees_with_the_tape(f, program, samples, {p});
    return *f.recordings - before;
  };
  BOOST_TEST(*f.recordings == 1);
  for (const double p : {1.0, 2.0, 3.0, 4.0, 5.0}) BOOST_TEST(recordings_at(p) == 1);
  BOOST_TEST(program.branches() == 3U);
  for (const double p : {3.0, 5.0, 4.0, 3.0}) BOOST_TEST(recordings_at(p) == 0);
  BOOST_TEST(recordings_at(6.0) == 1);  // for 5
  for (const double p : {4.0, 3.0}) BOOST_TEST(recordings_at(p) == 0);
  BOOST_TEST(recordings_at(5.0) == 1);  // for 6
  BOOST_TEST(program.branches() == 3U);
}
BOOST_AUTO_TEST_CASE(a_call_replaces_one_branch_and_none_that_it_uses) {
  std::atomic<int> recordings{0};
  const auto f = [&]<class T>(const std::vector<T>& x) {
    if constexpr (std::is_same_v<T, Recorded>) ++recordings;
    return x[0] * (static_cast<double>(static_cast<int>(plain(x[0]))) + 1.0);
  };
  const Program program = Program::record(std::cref(f), {1.0}, {}, {.max_branches = 3});
  const auto recordings_at = [&](const std::vector<double>& samples) {
    const int before = recordings;
    const std::vector<double> values = program.values(samples);
    for (std::size_t i = 0; i < samples.size(); ++i) BOOST_TEST(values[i] == samples[i] * (std::trunc(samples[i]) + 1));
    return recordings - before;
  };
  BOOST_TEST(recordings_at({1, 2, 3, 4, 5, 6, 4}) == 2);  // 1, 2 and 3 are used
  BOOST_TEST(recordings_at({1, 2, 3}) == 0);
  BOOST_TEST(recordings_at({3, 4, 2, 5}) == 1);  // 4 for 1; 5 takes the tape
  BOOST_TEST(recordings_at({2, 3, 4}) == 0);
  BOOST_TEST(recordings_at({7, 8, 9}) == 1);
  BOOST_TEST(program.branches() == 3U);
}
BOOST_AUTO_TEST_CASE(any_number_of_branches_may_be_allowed) {
  const Pinned f;
  for (const std::size_t most : {std::size_t{0}, std::numeric_limits<std::size_t>::max()}) {
    const Program program = Program::record(f, {0.5}, {0.0}, {.max_branches = most});
    for (int p = 0; p < 40; ++p) agrees_with_the_tape(f, program, {0.5, 1.5}, {static_cast<double>(p % 20)});
    BOOST_TEST(program.branches() == (most == 0 ? 1U : 20U));
  }
}
BOOST_AUTO_TEST_CASE(branches_give_way_while_other_threads_replay_them) {
  const Pinned f;
  const Program program = Program::record(f, {0.5}, {0.0}, {.max_branches = 2});
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int k = 0; k < 4; ++k)
    callers.emplace_back([&, k] {
      const std::vector<double> samples(70, 2.0);
      for (int round = 0; round < 300; ++round) {
        const int p = (round * (k + 1)) % 5;
        if (program.values(samples, std::vector<double>{static_cast<double>(p)})[69] != 2.0 * p * std::ldexp(1.0, p)) ++wrong;
      }
    });
  for (std::thread& t : callers) t.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(program.branches() <= 2U);
}

BOOST_AUTO_TEST_CASE(ops_that_choose_need_no_branches) {
  const auto f = [](const auto& x, const auto& p) { return max(max(x[0], x[1]), p[0]) * x[0]; };
  const Program program = Program::record(f, {1.0, 2.0}, {0.5});
  agrees_with_the_tape(f, program, pairs(300), {0.5});
  BOOST_TEST(program.branches() == 1U);
}

BOOST_AUTO_TEST_CASE(plain_values_are_pinned) {
  const auto f = [](const auto& x, const auto& p) {
    const int whole = static_cast<int>(plain(x[1]));
    auto power = p[0];
    for (int i = 0; i < whole; ++i) power *= x[0];
    return power + 0.5 / x[1];
  };
  std::vector<double> samples;
  for (int i = 0; i < 200; ++i) samples.insert(samples.end(), {0.01 * i + 0.5, static_cast<double>(1 + i % 5)});
  const Program program = Program::record(f, {1.0, 2.0}, {0.5});
  agrees_with_the_tape(f, program, samples, {0.5});
  BOOST_TEST(program.branches() == 5U);
  const auto sign = [](const auto& x, const auto&) { return x[0] * (std::signbit(x[0].value()) ? -1.0 : 1.0); };
  agrees_with_the_tape(sign, Program::record(sign, {0.0}), {0.0, -0.0, 0.0, undefined, -0.0}, {});
}

BOOST_AUTO_TEST_CASE(what_a_branch_would_have_computed_elsewhere_does_no_harm) {
  const auto f = [](const auto& x, const auto& p) { return x[0] > 0.0 ? log(x[0]) * p[0] / x[0] : p[1] * x[0]; };
  const Program program = Program::record(f, {1.0}, {2.0, 3.0});
  agrees_with_the_tape(f, program, {1, 0, -1, 2, -0.0, -inf, 5, undefined}, {2.0, 3.0});
}

BOOST_AUTO_TEST_CASE(sorting_is_a_matter_of_comparisons) {
  const auto median = [](const auto& x, const auto&) {
    auto copy = x;
    std::sort(copy.begin(), copy.end());
    return copy[1] * copy[1];
  };
  std::vector<double> samples(3 * 200);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = std::cos(static_cast<double>(i * i));
  const Program program = Program::record(median, {1.0, 2.0, 3.0});
  agrees_with_the_tape(median, program, samples, {});
  BOOST_TEST(program.branches() == 6U);
}

BOOST_AUTO_TEST_CASE(an_ulp_between_recording_and_replay_wastes_no_branches) {
  // Where the kernel of exp is not exactly std::exp, the recording finds a value equal to itself and its replay does not.
  const auto f = [](const auto& x) { return exp(x[0]) == x[1] ? 3.0 * x[0] : 5.0 * x[0]; };
  const Program exponential = Program::record([](const auto& x) { return exp(x[0]); }, {0.0});
  std::vector<double> candidates, samples;
  for (int i = 0; i < 20000; ++i) candidates.push_back(-3 + 0.0003 * i);
  const auto values = exponential.values(candidates);
  for (std::size_t i = 0; i < values.size() && samples.size() < 100; ++i)
    if (values[i] != std::exp(candidates[i])) samples.insert(samples.end(), {candidates[i], std::exp(candidates[i])});
  if (samples.empty()) return;  // no such kernel here
  const Program program = Program::record(f, std::span<const double>(samples).first(2));
  const auto answers = by_replay(program, samples, {});
  for (std::size_t i = 0; i < answers.values.size(); ++i) {
    BOOST_TEST(answers.values[i] == 3.0 * samples[2 * i]);
    BOOST_TEST(answers.input_gradients[2 * i] == 3.0);
  }
  BOOST_TEST(program.branches() == 1U);
}
