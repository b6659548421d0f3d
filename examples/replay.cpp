// Record once, replay: a regression with a branch, its gradient over a batch, per-sample gradients, gradients of a small function. Exits 1 if a claim fails.
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/ops.hpp>

namespace {

int failures = 0;
void claim(bool holds, const char* what) {
  if (!holds) ++failures;
  std::printf("%s  %s\n", holds ? "ok  " : "FAIL", what);
}

// [recorded]
/// The loss of one sample (x, y): Huber's, of a line through a sigmoid.
const auto loss = [](const auto& sample, const auto& p) {
  const auto error = p[0] + exp(p[1]) * gradus::sigmoid(sample[0]) - sample[1];
  if (error < -1.0) return -error - 0.5;
  if (error > 1.0) return error - 0.5;
  return 0.5 * error * error;
};

/// Steepest descent on Σ loss: samples in row-major order, two numbers each.
std::vector<double> fit(const std::vector<double>& samples, std::vector<double> p) {
  const auto program = gradus::Program::record(loss, {0.5, 1.0}, p);  // at an example; other branches are recorded when a sample takes them
  for (int step = 0; step < 2000; ++step) {
    const auto [total, gradient] = program.sum(samples, p);
    for (std::size_t j = 0; j < p.size(); ++j) p[j] -= 2e-3 * gradient[j];
  }
  return p;
}
// [end]

}  // namespace

int main() {
  std::vector<double> samples;
  for (int i = 0; i < 200; ++i) {
    const double x = 0.05 * i - 5, outlier = i % 20 == 7 ? 10 : 0;
    samples.insert(samples.end(), {x, 0.25 + 2 / (1 + std::exp(-x)) + outlier});
  }
  const std::vector<double> p = fit(samples, {0, 0});
  claim(std::fabs(p[0] - 0.25) < 0.15 && std::fabs(std::exp(p[1]) - 2) < 0.2, "outliers pull a robust fit a little");

  const auto program = gradus::Program::record(loss, {0.5, 1.0}, p);
  const auto at_once = program.sum(samples, p);
  double total = 0, slope = 0;
  for (std::size_t i = 0; i < samples.size(); i += 2) {
    const auto one = gradus::value_and_gradient([&](const auto& q) { return loss(samples.data() + i, q); }, p);
    total += one.value, slope += one.gradient[0];
  }
  claim(std::fabs(at_once.value - total) < 1e-12 * total && std::fabs(at_once.gradient[0] - slope) < 1e-10, "a replay agrees with the tape, sample by sample");
  claim(program.branches() == 2, "two branches were met: small errors and outliers on one side");

  const gradus::Matrix by_sample = program.gradients(samples, p);  // d loss / d (x, y), a row a sample
  claim(by_sample.rows == 200 && by_sample(7, 1) == 1, "an outlier pulls with slope 1");

  // [small]
  const auto rosenbrock = [](const auto& x) {
    const auto a = 1.0 - x[0], b = x[1] - x[0] * x[0];
    return a * a + 100.0 * b * b;
  };
  const auto [value, gradient] = gradus::value_and_gradient(rosenbrock, std::array{-1.2, 1.0});  // a std::array again: nothing is allocated
  // [end]
  claim(std::fabs(value - 24.2) < 1e-13 && std::fabs(gradient[0] + 215.6) < 1e-12 && std::fabs(gradient[1] + 88) < 1e-12, "the gradient of a small function");
  return failures == 0 ? 0 : 1;
}
