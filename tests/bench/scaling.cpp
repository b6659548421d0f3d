// What happens when there is a lot of it: the cost per operation up to 1e9 recorded operations, memory over 1e6 training steps, two threads with a tape
// each, and batches of programs and matrix products that two threads share.
//   bench/scaling [largest number of operations, 1e9 by default]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <time.h>
#include <unistd.h>

#include <autodiff/autodiff.hpp>
#include <autodiff/program/program.hpp>
#include <autodiff/threads.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/ops.hpp>
#include <ops/relu.hpp>

#include "scalar/samples.hpp"
#include "scalar/workloads.hpp"

namespace {

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
/// Bytes by that name in a file of /proc that says "Name:   123 kB".
double memory(const char* file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":")) return std::strtod(line.c_str() + name.size() + 1, nullptr) * 1024;
  return 0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// A sum of squares of dot products of 1000 terms, all of them variables: no operation takes more memory than a product of two of these.
struct DotProducts {
  std::size_t operations;
  std::vector<double> at = bench::numbers(2000, -1, 1);
  gradus::Var operator()(const std::vector<gradus::Var>& x) const {
    gradus::Var total = 0.0;
    const std::size_t n = x.size() / 2;
    for (std::size_t done = 0; done < operations; done += 2 * n) {
      gradus::Var dot = 0.0;
      for (std::size_t i = 0; i < n; ++i) dot += x[i] * x[n + i];
      total += dot * dot;
    }
    return total;
  }
};
/// As many samples of a perceptron in scalars as take so many operations.
bench::Perceptron perceptron_of(std::size_t operations) {
  using P = bench::Perceptron;
  constexpr std::size_t a_sample = 2 * P::in * P::hidden + P::hidden + 2 * P::hidden * P::out + 2 * P::out + 2;
  return {"", operations / a_sample};
}

/// ns per operation, recording and sweep, on a tape that has been longer before: the median over runs.
template <class Workload> double cost(gradus::Tape& tape, const Workload& workload, std::size_t operations) {
  gradus::Adjoints adjoints;
  std::vector<gradus::Var> x(workload.at.size());
  const std::size_t repeats = std::max<std::size_t>(1, 40000000 / operations);
  std::vector<double> samples;
  for (std::size_t run = 0; run < repeats; ++run) {
    const double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    tape.clear();
    gradus::Var::inputs(workload.at, x);
    const gradus::Var y = workload(x);
    tape.sweep(y, adjoints);
    const double time = seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
    if (!std::isfinite(adjoints[x[0]])) std::abort();
    samples.push_back(time / static_cast<double>(operations) * 1e9);
  }
  return median(samples);
}

/// All sizes in every round, as a machine that others use as well slows down for seconds at a time; a ratio is the median of those within a round.
/// workload_of(operations) takes about so many bytes an operation.
template <class WorkloadOf> void scale_operations(double largest, const char* what, double bytes, WorkloadOf&& workload_of) {
  constexpr int rounds = 5;
  std::vector<std::size_t> sizes;
  std::vector<decltype(workload_of(std::size_t{1}))> workloads;
  for (std::size_t operations = 1000000; static_cast<double>(operations) <= largest; operations *= 10) {
    const double need = (bytes + 1) * static_cast<double>(operations), free = memory("/proc/meminfo", "MemAvailable");
    if (need > 0.9 * free) {
      std::printf("1e%.0f operations left out: they need %.1f GB, and %.1f are free\n", std::log10(operations), need / 1e9, free / 1e9);
      break;
    }
    sizes.push_back(operations);
    workloads.push_back(workload_of(operations));
  }
  if (sizes.empty()) return;
  gradus::Tape tape;
  const gradus::Recording recording(tape);
  static_cast<void>(cost(tape, workloads.back(), sizes.back()));
  const double used = static_cast<double>(tape.bytes_used()) / static_cast<double>(sizes.back());
  std::vector<std::vector<double>> ns(sizes.size()), ratios(sizes.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      ns[k].push_back(cost(tape, workloads[k], sizes[k]));
      ratios[k].push_back(ns[k].back() / ns[0].back());
    }
  std::printf("cost of one recorded operation, %s: %.1f bytes each; recording and sweep, memory warm, medians of %d rounds\n", what, used, rounds);
  for (std::size_t k = 0; k < sizes.size(); ++k)
    std::printf("  1e%.0f operations: %5.2f ns each, %.2f times as much as at 1e6\n", std::log10(sizes[k]), median(ns[k]), median(ratios[k]));
  std::fflush(stdout);
}

void train(std::size_t steps) {
  gradus::Tape tape;
  const gradus::Recording recording(tape);
  const std::vector<double> images = bench::numbers(16 * 8, -1, 1, 3);
  const std::vector<int> labels = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  const gradus::Tensor x({16, 8}, images);
  gradus::Tensor w = gradus::Tensor::input({8, 4}, bench::numbers(32, -0.1, 0.1)), b = gradus::Tensor::input({4}, bench::numbers(4, -0.1, 0.1));
  gradus::Adjoints adjoints;
  const auto start = tape.mark();
  double at_start = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    if (step == 1000) at_start = memory("/proc/self/status", "VmRSS");
    const gradus::Tensor loss = softmax_cross_entropy(elu(linear(x, w, b)), std::span<const int>(labels), {.reduction = gradus::Reduction::mean});
    tape.sweep(loss, adjoints);
    for (gradus::Tensor* parameter : {&w, &b}) {
      const std::span<double> values = parameter->values();
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= 1e-3 * adjoints[*parameter][i];
    }
    tape.rewind(start);
  }
  std::printf("%zu training steps: resident memory %.2f MB after 1000 steps, %.2f MB at the end\n", steps, at_start / 1e6,
              memory("/proc/self/status", "VmRSS") / 1e6);
}

/// Gradients of a perceptron in scalars on a tape of this thread.
void work(const bench::Perceptron& perceptron, std::size_t times) {
  gradus::Tape tape;
  const gradus::Recording recording(tape);
  gradus::Adjoints adjoints;
  std::vector<gradus::Var> x(perceptron.at.size());
  for (std::size_t k = 0; k < times; ++k) {
    tape.clear();
    gradus::Var::inputs(perceptron.at, x);
    tape.sweep(perceptron(x), adjoints);
  }
}

void use_threads() {
  if (std::thread::hardware_concurrency() < 2) {
    std::printf("two threads: this machine has one core\n");
    return;
  }
  const bench::Perceptron perceptron("MLP 64-128-10 batch 32", 32);
  constexpr std::size_t times = 40, rounds = 9;
  std::vector<double> speedups;
  for (std::size_t round = 0; round < rounds; ++round) {
    double alone = 0, together = 0;
    for (std::size_t k = 0; k < 2; ++k) {
      const bool both = (round + k) % 2 == 1;
      const double start = seconds_of(CLOCK_MONOTONIC);
      std::thread other;
      if (both) other = std::thread(work, std::cref(perceptron), times);
      std::thread(work, std::cref(perceptron), times).join();
      if (both) other.join();
      (both ? together : alone) = seconds_of(CLOCK_MONOTONIC) - start;
    }
    speedups.push_back(2 * alone / together);
  }
  std::printf("two threads, each with its own tape, perceptrons in scalars: %.2f times the work of one in the same time (wall clock; median of %zu rounds)\n",
              median(speedups), rounds);
}

/// Work of some 100 us to 5 ms, once more for a second thread that does the same for itself.
using Work = std::function<void()>;

/// The time that a call takes when nothing disturbs it: other programs on the machine would make any other number theirs.
double undisturbed(std::vector<double> times) {
  const auto place = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 20);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

void share(const char* name, const Work& run, const Work& again) {
  constexpr int rounds = 30;
  std::vector<double> one, two, side_by_side;
  const auto timed = [](std::vector<double>& times, const auto& call) {
    const double start = seconds_of(CLOCK_MONOTONIC);
    call();
    times.push_back(seconds_of(CLOCK_MONOTONIC) - start);
  };
  run(), again();
  std::vector<double> trial;
  timed(trial, run);
  const int calls = std::clamp(static_cast<int>(20e-3 / trial[0]), 2, 100);
  for (int round = 0; round < rounds; ++round) {
    gradus::set_threads(1);
    for (int k = 0; k < calls; ++k) timed(one, run);
    gradus::set_threads(2);
    for (int k = 0; k < calls; ++k) timed(two, run);
    gradus::set_threads(1);
    std::atomic<int> begun{0}, done{0};
    std::thread other([&] {
      for (int k = 0; k < calls; ++k) {
        while (begun.load() <= k) {}
        again();
        ++done;
      }
    });
    for (int k = 0; k < calls; ++k)
      timed(side_by_side, [&] {
        ++begun;
        run();
        while (done.load() <= k) {}
      });
    other.join();
  }
  gradus::set_threads(0);
  const double alone = undisturbed(one), shared = undisturbed(two), together = undisturbed(side_by_side);
  std::printf("  %-42s %7.1f us on one thread, %7.1f on two: %.2f times as fast; two threads with work of their own: %.2f\n", name, alone * 1e6, shared * 1e6,
              alone / shared, 2 * alone / together);
  std::fflush(stdout);
}

Work mixture() {
  const bench::Mixture w;
  const auto program = gradus::Program::record(bench::MixtureSample(), std::span(w.data).first(bench::MixtureSample::d), w.at);
  return [program, w, gradient = std::vector<double>(w.at.size())]() mutable { program.replay(w.data, w.at, {.parameter_gradient = gradient}); };
}
Work rosenbrock() {
  const bench::RosenbrockBatch w;
  const auto program = gradus::Program::record(bench::Rosenbrock(), std::span(w.at).first(bench::RosenbrockBatch::n));
  return [program, w, gradients = std::vector<double>(w.at.size())]() mutable { program.replay(w.at, {}, {.input_gradients = gradients}); };
}
/// A layer of 784 to 256 units for a batch of 256, with all gradients.
Work layer() {
  return [x = bench::numbers(256 * 784, -1, 1, 1), w = bench::numbers(784 * 256, -0.1, 0.1, 2), b = bench::numbers(256, -0.1, 0.1, 3),
          adjoints = gradus::Adjoints()]() mutable {
    thread_local gradus::Tape tape;
    const gradus::Recording recording(tape);
    tape.clear();
    const gradus::Tensor all[] = {gradus::Tensor::input({256, 784}, x), gradus::Tensor::input({784, 256}, w), gradus::Tensor::input({256}, b)};
    tape.sweep(sum(linear(all[0], all[1], all[2])), adjoints);
  };
}

void share_work() {
  if (std::thread::hardware_concurrency() < 2) return;
  std::printf("work that threads share (elapsed time of the undisturbed calls)\n");
  share("gradient of GMM d=10 K=25 N=1000, replayed", mixture(), mixture());
  share("4096 gradients of Rosenbrock-10, replayed", rosenbrock(), rosenbrock());
  share("layer 784-256, batch 256, with its gradients", layer(), layer());
}

}  // namespace

int main(int argc, char** argv) {
  const double largest = argc > 1 ? std::strtod(argv[1], nullptr) : 1e9;
  scale_operations(largest, "samples of a perceptron 64-128-10 in scalars", 9.2, perceptron_of);
  scale_operations(largest, "products of variables only", 14, [](std::size_t operations) { return DotProducts{operations}; });
  train(1000000);
  use_threads();
  share_work();
}
