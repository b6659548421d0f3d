// Random programs and every op: a replay agrees with the tape and with forward mode, whichever branches its samples take.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <vector>

#include <autodiff/program/program.hpp>
#include <ops/ops.hpp>
#include <ops/registry.hpp>
#include <ops/verify/probes.hpp>

#include "tests/autodiff/program/replay_testing.hpp"
#include "tests/autodiff/random_program.hpp"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double claimed = 1e-12;  // of the sum of |terms|, as random_programs_test has it

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
constexpr std::uint64_t number_of_programs = 300;
#else
constexpr std::uint64_t number_of_programs = 20000;
#endif

/// A random program of three inputs and two parameters.
template <class T> std::vector<T> joined(const std::vector<T>& x, const std::vector<T>& p) {
  std::vector<T> all = x;
  all.insert(all.end(), p.begin(), p.end());
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_programs_have_the_gradients_of_forward_mode) {
  std::size_t branches = 0, wrong = 0;
  for (std::uint64_t seed = 0; seed < number_of_programs && wrong < 10; ++seed) {
    const auto f = [seed]<class T>(const std::vector<T>& x, const std::vector<T>& p) {
      if constexpr (std::is_same_v<T, Var>) return throw std::logic_error("more than 64 branches: this test is about replays"), T(0.0);
      else return random_program<T>(seed, joined(x, p), Extras<T>{});
    };
    gradus::testing::Random random(seed + 77);
    std::vector<double> samples, p = {random.constant(), random.constant()};
    const std::size_t count = 1 + random.below(40);
    for (std::size_t i = 0; i < 3 * count; ++i) samples.push_back(0.7 * random.constant() + 0.01 * static_cast<double>(i));
    const Program program = Program::record(f, std::span(samples).first(3), p, {.max_branches = 64});
    const Answers replay = by_replay(program, samples, p);
    branches += program.branches();

    const auto forward = [&](std::size_t sample, std::size_t k) {
      std::vector<Scaled> v;
      for (std::size_t i = 0; i < 3; ++i) v.emplace_back(samples[3 * sample + i]);
      for (const double q : p) v.emplace_back(q);
      v[k] = Scaled(Dual<double>(v[k].value(), 1.0), 1.0);
      return random_program<Scaled>(seed, v, {});
    };
    std::vector<double> gradient(2, 0.0), scale(2, 0.0);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < 5; ++k) {
        const Scaled y = forward(i, k);
        // Kernels may differ from libm by an ulp or two, which some programs magnify.
        double tolerance = claimed * y.scale, value_tolerance = claimed * (8 + std::abs(y.value()));
        for (const double rounding : {1 + 4.5e-16, 1 - 4.5e-16}) {
          Scaled::rounding = rounding;
          const Scaled nudged = forward(i, k);
          Scaled::rounding = 1;
          tolerance += 100 * std::abs(nudged.dual.tangent - y.dual.tangent);
          value_tolerance += 100 * std::abs(nudged.value() - y.value());
        }
        if (k >= 3) {
          gradient[k - 3] += y.dual.tangent;
          scale[k - 3] += tolerance;
          continue;
        }
        if (agree(replay.values[i], y.value(), 1, value_tolerance) && agree(replay.input_gradients[3 * i + k], y.dual.tangent, 1, tolerance)) continue;
        ++wrong;
        BOOST_ERROR("program " << seed << ", sample " << i << ", input " << k << ": value " << replay.values[i] << " (forward " << y.value() << "), gradient "
                               << replay.input_gradients[3 * i + k] << " (forward " << y.dual.tangent << ")");
      }
    for (std::size_t j = 0; j < 2; ++j)
      if (!agree(replay.parameter_gradient[j], gradient[j], 1, scale[j])) {
        ++wrong;
        BOOST_ERROR("program " << seed << ", parameter " << j << ": gradient " << replay.parameter_gradient[j] << ", forward " << gradient[j]);
      }
    if (seed % 7 == 0) {  // the other plans: one thing asked for at a time
      bool alike = program.values(samples, p) == replay.values && program.gradients(samples, p).values == replay.input_gradients;
      const auto sum = program.sum(samples, p);
      for (std::size_t j = 0; j < 2; ++j) alike = alike && agree(sum.gradient[j], gradient[j], 1, scale[j]);
      BOOST_TEST(alike, "program " << seed << " answers differently when one thing is asked for");
    }
  }
  BOOST_TEST(branches > 2 * number_of_programs);
}

namespace {

/// A function of the two numbers that a Program calls it with, so that what takes one is compiled once and not for every op.
struct AnyFunction {
  template <class T> using Of = std::function<T(const std::vector<T>& x, const std::vector<T>& p)>;
  Of<Recorded> recorded;
  Of<Var> on_tape;
  Recorded operator()(const std::vector<Recorded>& x, const std::vector<Recorded>& p) const { return recorded(x, p); }
  Var operator()(const std::vector<Var>& x, const std::vector<Var>& p) const { return on_tape(x, p); }
};

/// f is the op between two factors that are parameters: each of its operands times one, its value times another that may bring a lost partial back.
void agrees_with_the_tape(const OpInfo& info, const std::vector<double>& set, const AnyFunction& f) {
  const std::size_t n = info.operands.size();
  std::vector<double> samples;
  for (const Probe& probe : probes_of(info, set)) samples.insert(samples.end(), probe.at.begin(), probe.at.end());
  BOOST_TEST(!samples.empty(), info.name);
  const Program program = Program::record(f, std::span<const double>(samples).first(n), std::vector<double>{1.0});
  for (const double factor : {1.0, -0.75, 1e290, 1e-290, 0.0}) {
    const std::vector<double> p = {factor};
    const Answers tape = by_the_tape(f, n, samples, p), replay = by_replay(program, samples, p);
    const double value_error = (2 * info.value_ulps + 1) * 2.3e-16, error = (2 * info.derivative_ulps + 2) * 2.3e-16;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < tape.values.size(); ++i)
      wrong += agree(replay.values[i], tape.values[i], value_error, std::abs(tape.values[i]) + 1e-307 * std::max(1.0, std::abs(factor))) ? 0U : 1U;
    for (std::size_t i = 0; i < tape.input_gradients.size(); ++i) {
      if (agree(replay.input_gradients[i], tape.input_gradients[i], error,
                std::abs(tape.input_gradients[i]) + (info.cancels.empty() ? 1e-307 : std::abs(factor))))
        continue;
      if (++wrong < 4)
        BOOST_TEST_MESSAGE(info.name << " at " << samples[i] << " times " << factor << ": " << replay.input_gradients[i] << ", tape "
                                     << tape.input_gradients[i]);
    }
    BOOST_TEST(wrong == 0U, info.name << ": " << wrong << " numbers differ when the factor is " << factor);
  }
  BOOST_TEST(program.branches() == 1U);
}

template <class Op> void op_agrees_with_the_tape() {
  for (const auto& set : parameter_sets(Op::info)) {
    const auto f = [op = detail::make_op<Op>(set)]<class T>(const std::vector<T>& x, const std::vector<T>& p) {
      return T(p[0] * detail::call_op<Op, T>(op, std::span<const T>(x)));
    };
    agrees_with_the_tape(Op::info, set, {f, f});
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_op_has_the_values_and_derivatives_of_the_tape_in_every_regime) {
  []<class... Ops>(OpList<Ops...>) { (op_agrees_with_the_tape<Ops>(), ...); }(ElementwiseOps());
}

BOOST_AUTO_TEST_CASE(parameters_and_constants_may_be_operands_of_ops) {
  const auto f = [](const auto& x, const auto& p) {
    return pow(x[0], p[0]) + pow(p[1], x[1]) + atan2(p[0], x[0]) / p[1] + hypot(x[1], 3.0) + 2.0 / x[0] + p[0] / x[1] + leaky_relu(p[0] - x[0], 0.3) +
           leaky_relu(p[0] - x[0], 0.2);
  };
  std::vector<double> samples;
  for (int i = 0; i < 100; ++i) samples.insert(samples.end(), {0.1 + 0.03 * i, 2 - 0.013 * i});
  const std::vector<double> p = {1.3, 0.6};
  const Answers tape = by_the_tape(f, 2, samples, p), replay = by_replay(Program::record(f, {1.0, 1.0}, p), samples, p);
  for (std::size_t i = 0; i < 100; ++i) BOOST_TEST(agree(replay.values[i], tape.values[i], 1e-14));
  for (std::size_t i = 0; i < 200; ++i) BOOST_TEST(agree(replay.input_gradients[i], tape.input_gradients[i], 1e-14, std::abs(tape.input_gradients[i]) + 1));
  for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(agree(replay.parameter_gradient[j], tape.parameter_gradient[j], 1e-14, tape.parameter_scale[j]));
}
