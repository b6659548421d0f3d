// Workloads that are many samples of one function, as programs of Gradus: recorded once and replayed. And the smallest one through the drivers, which
// take forward mode when the compiler knows the number of inputs.
#include <algorithm>
#include <array>
#include <span>

#include <autodiff/autodiff.hpp>
#include <autodiff/program/program.hpp>

#include "samples.hpp"

namespace bench {
namespace {

class MixtureReplay : public Contestant {
 public:
  double run() override { return program_.replay(mixture_.data, mixture_.at, {.parameter_gradient = gradient_}); }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }

 private:
  Mixture mixture_;
  gradus::Program program_ = gradus::Program::record(MixtureSample(), std::span(mixture_.data).first(Mixture::d), mixture_.at);
  std::vector<double> gradient_ = std::vector<double>(mixture_.at.size());
};

class NormalReplay : public Contestant {
 public:
  double run() override { return program_.replay(normal_.data, normal_.at, {.parameter_gradient = gradient_}); }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }

 private:
  NormalDensity normal_;
  gradus::Program program_ = gradus::Program::record(NormalSample(), std::span<const double>(normal_.data).first(1), normal_.at);
  std::vector<double> gradient_ = std::vector<double>(normal_.at.size());
};

class RosenbrockReplay : public Contestant {
 public:
  double run() override { return program_.replay(batch_.at, {}, {.input_gradients = gradients_}); }
  [[nodiscard]] std::vector<double> gradient() const override { return gradients_; }

 private:
  RosenbrockBatch batch_;
  gradus::Program program_ = gradus::Program::record(Rosenbrock(), std::span<const double>(batch_.at).first(RosenbrockBatch::n));
  std::vector<double> gradients_ = std::vector<double>(batch_.at.size());
};

class SmallRosenbrock : public Contestant {
 public:
  SmallRosenbrock() { std::copy_n(rosenbrock_.at.begin(), at_.size(), at_.begin()); }
  double run() override {
    result_ = gradus::value_and_gradient(rosenbrock_, at_);
    return result_.value;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return {result_.gradient.begin(), result_.gradient.end()}; }

 private:
  Rosenbrock rosenbrock_;
  std::array<double, 10> at_{};
  gradus::ValueAndGradient<double, std::array<double, 10>> result_;
};

}  // namespace
}  // namespace bench

int main() {
  bench::Program program("programs of Gradus " GRADUS_VERSION);
  program.offer(bench::Mixture().name, [] { return std::make_unique<bench::MixtureReplay>(); });
  program.offer(bench::NormalDensity().name, [] { return std::make_unique<bench::NormalReplay>(); });
  program.offer(bench::Rosenbrock().name, [] { return std::make_unique<bench::SmallRosenbrock>(); });
  program.offer(bench::RosenbrockBatch().name, [] { return std::make_unique<bench::RosenbrockReplay>(); });
  return program.serve();
}
