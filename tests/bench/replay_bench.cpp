// Programs that are recorded once and replayed, beside the plain function on double: gradients are compared with the tape, then timed in rotated rounds.
//   gradus_replay_bench [--quick] [--only TEXT]
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include <time.h>

#include <autodiff/program/program.hpp>
#include <autodiff/threads.hpp>

#include "scalar/samples.hpp"

namespace {

using Numbers = std::vector<double>;

double now(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Over vectors of numbers, and over arrays, which forward mode takes.
struct RosenbrockSample {
  template <class Numbers> auto operator()(const Numbers& x) const {
    typename Numbers::value_type y = 0.0;
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const auto u = x[i + 1] - x[i] * x[i], v = 1.0 - x[i];
      y += 100.0 * u * u + v * v;
    }
    return y;
  }
};

/// One thing to time: a name, and what is run.
struct Contender {
  const char* name;
  std::function<void()> run;
};

double median(Numbers v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

/// Least time of each contender, per unit, and the median over the rounds of its ratio to the first.
void race(const char* title, std::vector<Contender> contenders, double units, const char* unit, bool quick, clockid_t clock) {
  std::printf("%s\n", title);
  const std::size_t n = contenders.size(), rounds = quick ? 7 : 41;
  std::vector<std::size_t> repeats(n);
  for (std::size_t k = 0; k < n; ++k) {
    contenders[k].run();
    const double start = now(clock);
    contenders[k].run();
    repeats[k] = static_cast<std::size_t>(std::max(1.0, (quick ? 2e-3 : 8e-3) / std::max(1e-9, now(clock) - start)));
  }
  std::vector<Numbers> times(n), ratios(n);
  for (std::size_t r = 0; r < rounds; ++r) {
    Numbers round(n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t k = (r + i) % n;
      const double start = now(clock);
      for (std::size_t q = 0; q < repeats[k]; ++q) contenders[k].run();
      round[k] = (now(clock) - start) / static_cast<double>(repeats[k]);
    }
    for (std::size_t k = 0; k < n; ++k) times[k].push_back(round[k]), ratios[k].push_back(round[k] / round[0]);
  }
  for (std::size_t k = 0; k < n; ++k)
    std::printf("  %-44s %10.1f %s   %6.3f x\n", contenders[k].name, *std::min_element(times[k].begin(), times[k].end()) * 1e9 / units, unit,
                median(ratios[k]));
}

void require_equal(const char* what, const Numbers& got, const Numbers& reference) {
  double largest = 0;
  for (const double g : reference) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < reference.size(); ++i)
    if (!(std::abs(got[i] - reference[i]) <= 1e-11 * (std::abs(reference[i]) + 1e-3 * largest))) {
      std::fprintf(stderr, "%s: gradients differ at %zu: %.17g and %.17g\n", what, i, got[i], reference[i]);
      std::exit(1);
    }
}

void mixture(bool quick) {
  const bench::Mixture plain;
  const gradus::Program program = gradus::Program::record(bench::MixtureSample(), std::span(plain.data).first(bench::MixtureSample::d), plain.at);
  require_equal("mixture", program.sum(plain.data, plain.at).gradient, gradus::gradient([&](const std::vector<gradus::Var>& p) { return plain(p); }, plain.at));
  std::printf("mixture: %zu steps a sample, %zu shared, %zu branches\n", program.steps(), program.shared_steps(), program.branches());
  Numbers gradient(plain.at.size());
  double sink = 0;
  const auto function = [&] { sink = sink + plain(plain.at); };
  const auto replay = [&] { sink = sink + program.replay(plain.data, plain.at, {.parameter_gradient = gradient}); };
  gradus::set_threads(1);
  race("GMM d=10 K=25 N=1000, processor time of this thread",
       {{"plain function on double", function},
        {"gradient by replay, 1 thread", replay},
        {"values by replay", [&] { sink = sink + program.replay(plain.data, plain.at, {}); }}},
       1e3, "us", quick, CLOCK_THREAD_CPUTIME_ID);
  race("GMM d=10 K=25 N=1000, elapsed time",
       {{"plain function on double", function},
        {"gradient by replay, 1 thread", [&] { gradus::set_threads(1), replay(); }},
        {"gradient by replay, 2 threads", [&] { gradus::set_threads(2), replay(); }}},
       1e3, "us", quick, CLOCK_MONOTONIC);
  gradus::set_threads(0);
}

void rosenbrock(bool quick) {
  constexpr std::size_t n = 10, count = 4096;
  const Numbers samples = bench::numbers(n * count, -1.5, 1.5);
  const gradus::Program program = gradus::Program::record(RosenbrockSample(), std::span(samples).first(n));
  Numbers gradients = program.gradients(samples).values, values(count), tape;
  for (std::size_t i = 0; i < count; ++i) {
    const Numbers g = gradus::gradient(RosenbrockSample(), std::span(samples).subspan(i * n, n));
    tape.insert(tape.end(), g.begin(), g.end());
  }
  require_equal("Rosenbrock", gradients, tape);
  std::printf("Rosenbrock: %zu steps a sample\n", program.steps());
  double sink = 0;
  gradus::set_threads(1);
  race("Rosenbrock-10, batch of 4096, processor time of this thread",
       {{"plain function on double",
         [&] {
           Numbers x(n);
           for (std::size_t i = 0; i < count; ++i)
             std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(i * n), n, x.begin()), sink = sink + bench::Rosenbrock()(x);
         }},
        {"values and gradients by replay", [&] { program.replay(samples, {}, {.values = values, .input_gradients = gradients}); }}},
       static_cast<double>(count), "ns", quick, CLOCK_THREAD_CPUTIME_ID);
  race("Rosenbrock-10, batch of 4096, elapsed time",
       {{"values and gradients by replay, 1 thread",
         [&] { gradus::set_threads(1), program.replay(samples, {}, {.values = values, .input_gradients = gradients}); }},
        {"values and gradients by replay, 2 threads",
         [&] { gradus::set_threads(2), program.replay(samples, {}, {.values = values, .input_gradients = gradients}); }}},
       static_cast<double>(count), "ns", quick, CLOCK_MONOTONIC);
  gradus::set_threads(0);

  std::array<double, n> x, gradient{};
  std::copy_n(samples.begin(), n, x.begin());
  const auto alone = gradus::value_and_gradient(RosenbrockSample(), x);
  require_equal("Rosenbrock alone", {alone.gradient.begin(), alone.gradient.end()}, {tape.begin(), tape.begin() + n});
  // Each call starts from what the one before it found, so that none overlaps with the next.
  const auto next = [&](double value) { x[3] = 0.25 + 1e-300 * value; };
  race("Rosenbrock-10, one call after the other, processor time of this thread",
       {{"plain function on double",
         [&] {
           for (int i = 0; i < 1000; ++i) next(RosenbrockSample()(x));
         }},
        {"value_and_gradient of an array: forward mode",
         [&] {
           for (int i = 0; i < 1000; ++i) next(gradus::value_and_gradient(RosenbrockSample(), x).gradient[3]);
         }},
        {"value_and_gradient into a span: the tape",
         [&] {
           for (int i = 0; i < 1000; ++i)
             gradus::value_and_gradient(RosenbrockSample(), std::span<const double>(x), std::span<double>(gradient)), next(gradient[3]);
         }}},
       1000, "ns", quick, CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) quick = true;
    else if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[++i];
    else return std::fprintf(stderr, "usage: gradus_replay_bench [--quick] [--only TEXT]\n"), 2;
  }
  if (std::string_view("mixture").find(only) != std::string_view::npos) mixture(quick);
  if (std::string_view("rosenbrock").find(only) != std::string_view::npos) rosenbrock(quick);
}
