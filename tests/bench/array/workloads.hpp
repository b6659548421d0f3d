// The array workloads: the data, and what every contestant computes from them. Each is written by every library in its own words.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../contestant.hpp"
#include "../numbers.hpp"

namespace bench {

/// in-hidden…-10 perceptron: relu between the layers, mean softmax cross-entropy at the end. Images and labels are constant.
/// Gradient: weights (in x out, row-major) and bias of the first layer, then of the next ones.
template <class Scalar> struct Mlp {
  using Real = Scalar;
  static constexpr std::size_t classes = 10;
  std::string name;
  std::vector<std::size_t> width;
  std::size_t batch;
  std::vector<std::vector<Real>> weights, biases;
  std::vector<Real> images;
  std::vector<int> labels;
  Mlp(std::string label, std::vector<std::size_t> widths, std::size_t samples) : name(std::move(label)), width(std::move(widths)), batch(samples) {
    for (std::size_t l = 0; l + 1 < width.size(); ++l) {
      weights.push_back(numbers<Real>(width[l] * width[l + 1], -0.15, 0.15, l + 1));
      biases.push_back(numbers<Real>(width[l + 1], -0.15, 0.15, l + 11));
    }
    images = numbers<Real>(batch * width[0], 0, 1, 7);
    for (std::size_t s = 0; s < batch; ++s) labels.push_back(static_cast<int>(s % classes));
  }
  [[nodiscard]] std::size_t layers() const { return weights.size(); }
};

/// The sum of f(x_i), f one of the activations. Gradient: for x.
enum class Activation { sigmoid, tanh, relu, elu };
template <class Scalar, Activation kind> struct Elementwise {
  using Real = Scalar;
  static constexpr Activation activation = kind;
  std::string name;
  std::vector<Real> x = numbers<Real>(100000, -3, 5);  // not symmetric: the sum of an odd function would be nothing but rounding
};

/// Cross-entropy of one row of logits and one class. Gradient: for the logits.
template <class Scalar> struct CrossEntropy {
  using Real = Scalar;
  std::string name;
  std::vector<Real> logits;
  std::vector<int> label;
  CrossEntropy(std::string text, std::size_t classes) : name(std::move(text)), logits(numbers<Real>(classes, -3, 3)), label{3} {}
};

/// log(sum of exp(x_i)). Gradient: for x.
template <class Scalar> struct LogSumExp {
  using Real = Scalar;
  std::string name;
  std::vector<Real> x = numbers<Real>(1000, -3, 3);
};

/// The sum of the entries of a·b, n x n each. Gradient: for a, then b.
/// The sum stands for whatever follows a product: nobody may use that its adjoint is 1 everywhere.
template <class Scalar> struct Matmul {
  using Real = Scalar;
  static constexpr std::size_t n = 64;
  std::string name;
  std::vector<Real> a = numbers<Real>(n * n, -1, 1, 1), b = numbers<Real>(n * n, -1, 1, 2);
};

/// The log density of data under a normal distribution, without its constant. Gradient: for the mean, then the standard deviation.
struct Normal {
  using Real = double;
  std::string name;
  double mean = 0.3, deviation = 1.7;
  std::vector<double> data = numbers(10000, -3, 3, 5);
};

/// The sum of squared errors of x·w + b. Gradient: for the 10 weights, then b.
struct Regression {
  using Real = double;
  static constexpr std::size_t samples = 1000, features = 10;
  std::string name;
  std::vector<double> x = numbers(samples * features, -1, 1), y = numbers(samples, -2, 2, 2), w = numbers(features, -1, 1, 3);
  double b = 0.1;
};

/// Stan's reference model, as in the scalar workloads. Gradient: for mu, phi, sigma, then the standardised log volatilities.
struct Volatility {
  using Real = double;
  std::string name;
  double mu = -0.5, phi = 0.9, sigma = 0.3;
  std::vector<double> z = numbers(1000, -1, 1), returns = numbers(1000, -1, 1, 3);
};

template <class Real, class F> void for_each_workload_in(const std::string& suffix, F&& f) {
  static const Mlp<Real> small32("MLP 64-128-10 batch 32" + suffix, {64, 128, 10}, 32), small256("MLP 64-128-10 batch 256" + suffix, {64, 128, 10}, 256);
  static const Mlp<Real> large32("MLP 784-256-128-10 batch 32" + suffix, {784, 256, 128, 10}, 32);
  static const Mlp<Real> large256("MLP 784-256-128-10 batch 256" + suffix, {784, 256, 128, 10}, 256);
  static const Elementwise<Real, Activation::sigmoid> sigmoid{"sigmoid 1e5" + suffix};
  static const Elementwise<Real, Activation::tanh> tanh{"tanh 1e5" + suffix};
  static const Elementwise<Real, Activation::relu> relu{"relu 1e5" + suffix};
  static const Elementwise<Real, Activation::elu> elu{"elu 1e5" + suffix};
  static const CrossEntropy<Real> entropy10("softmax-CE 10" + suffix, 10), entropy1000("softmax-CE 1000" + suffix, 1000);
  static const LogSumExp<Real> log_sum_exp{"log-sum-exp 1000" + suffix};
  static const Matmul<Real> matmul{"matmul 64" + suffix};
  f(small32), f(small256), f(large32), f(large256);
  f(sigmoid), f(tanh), f(relu), f(elu);
  f(entropy10), f(entropy1000), f(log_sum_exp), f(matmul);
}

/// Calls f with every workload. They live as long as the program.
template <class F> void for_each_workload(F&& f) {
  for_each_workload_in<double>("", f);
  static const Normal normal{"normal log density 1e4"};
  static const Regression regression{"regression 1000x10"};
  static const Volatility volatility{"stochastic volatility 1e3"};
  f(normal), f(regression), f(volatility);
  for_each_workload_in<float>(", float", f);
}

/// Offers contestant_on(workload) for every workload for which there is such a function, and answers gradus_bench.
#define GRADUS_BENCH_SERVE(LIBRARY)                                                                                                             \
  int main() {                                                                                                                                  \
    bench::Program program(LIBRARY);                                                                                                            \
    bench::for_each_workload([&]<class Workload>(const Workload& workload) {                                                                    \
      if constexpr (requires { bench::contestant_on(workload); }) program.offer(workload.name, [&] { return bench::contestant_on(workload); }); \
    });                                                                                                                                         \
    return program.serve();                                                                                                                     \
  }

/// Appends numbers of any type to a gradient.
inline void append(std::vector<double>& gradient, const auto& values) {
  for (const auto& v : values) gradient.push_back(static_cast<double>(v));
}

}  // namespace bench
