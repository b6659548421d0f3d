// Workloads that are many samples of one function, as programs of Gradus: recorded once and replayed. And the smallest one through the drivers, which
// take forward mode when the compiler knows the number of inputs.
#include <algorithm>
#include <array>
#include <span>

#include <autodiff/autodiff.hpp>
#include <autodiff/program/program.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/max.hpp>

#include "workloads.hpp"

namespace bench {
namespace {

/// The mixture as a function of one sample; what depends on the parameters only is a share of the prior and of the norm of the weights.
struct MixtureSample {
  static constexpr std::size_t d = Mixture::d, k = Mixture::k, n = Mixture::n, triangle = Mixture::triangle;
  template <class T> static T log_sum_exp(const std::vector<T>& x) {
    using gradus::max;
    T largest = x[0];
    for (std::size_t i = 1; i < x.size(); ++i) largest = max(largest, x[i]);
    T sum = 0.0;
    for (const T& v : x) sum += exp(v - largest);
    return log(sum) + largest;
  }
  template <class T> T operator()(const std::vector<T>& x, const std::vector<T>& p) const {
    const T *alpha = p.data(), *mean = alpha + k, *icf = mean + k * d;
    std::vector<T> alphas(alpha, alpha + k), q(k * d), centred(d), term(k);
    T prior = 0.0;
    for (std::size_t j = 0; j < k; ++j) {
      const T* own = icf + j * (d + triangle);
      T sum_q = 0.0, size = 0.0;
      for (std::size_t i = 0; i < d; ++i) {
        sum_q += own[i];
        q[j * d + i] = exp(own[i]);
        size += q[j * d + i] * q[j * d + i];
      }
      for (std::size_t i = 0; i < triangle; ++i) size += own[d + i] * own[d + i];
      prior += 0.5 * size - sum_q;

      for (std::size_t i = 0; i < d; ++i) centred[i] = x[i] - mean[j * d + i];
      const T* lower = own + d;
      T squares = 0.0;
      for (std::size_t i = 0; i < d; ++i) {
        T row = q[j * d + i] * centred[i];
        for (std::size_t c = 0; c < i; ++c) row += *lower++ * centred[c];
        squares += row * row;
      }
      term[j] = (alpha[j] + sum_q) - 0.5 * squares;
    }
    return log_sum_exp(term) + (prior * (1.0 / static_cast<double>(n)) - log_sum_exp(alphas));
  }
};

class MixtureReplay : public Contestant {
 public:
  double run() override { return program_.replay(mixture_.data, mixture_.at, {.parameter_gradient = gradient_}); }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }

 private:
  Mixture mixture_;
  gradus::Program program_ = gradus::Program::record(MixtureSample(), std::span(mixture_.data).first(Mixture::d), mixture_.at);
  std::vector<double> gradient_ = std::vector<double>(mixture_.at.size());
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
  program.offer(bench::Rosenbrock().name, [] { return std::make_unique<bench::SmallRosenbrock>(); });
  program.offer(bench::RosenbrockBatch().name, [] { return std::make_unique<bench::RosenbrockReplay>(); });
  return program.serve();
}
