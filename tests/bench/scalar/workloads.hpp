// The scalar workloads of the benchmark, each written once over the scalar type: double, Var, or another tape's variable.
#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../contestant.hpp"
#include "../numbers.hpp"

namespace bench {

// Overloads for plain numbers; those of variables are found by their namespace.
using std::exp, std::log, std::sqrt, std::tanh;
inline double relu(double x) { return x > 0 ? x : 0; }

struct Sum {
  std::string_view name;
  std::vector<double> at;
  explicit Sum(std::string_view label, std::size_t n) : name(label), at(numbers(n, -1, 1)) {}
  template <class T> T operator()(const std::vector<T>& x) const {
    T y(0.0);
    for (const T& v : x) y += v;
    return y;
  }
};

struct Product {
  std::string_view name = "product 1e6";
  std::vector<double> at = numbers(1000000, 0.9, 1.105);
  template <class T> T operator()(const std::vector<T>& x) const {
    T y(1.0);
    for (const T& v : x) y *= v;
    return y;
  }
};

struct Sigmoids {
  std::string_view name = "sigmoid from 4 primitives 1e5";
  std::vector<double> at = numbers(100000, -5, 5);
  template <class T> T operator()(const std::vector<T>& x) const {
    T y(0.0);
    for (const T& v : x) y += 1.0 / (1.0 + exp(-v));
    return y;
  }
};

struct Tanhs {
  std::string_view name = "tanh 1e5";
  std::vector<double> at = numbers(100000, -3, 3);
  template <class T> T operator()(const std::vector<T>& x) const {
    T y(0.0);
    for (const T& v : x) y += tanh(v);
    return y;
  }
};

struct Relus {
  std::string_view name = "relu 1e5";
  std::vector<double> at = numbers(100000, -1, 1);
  template <class T> T operator()(const std::vector<T>& x) const {
    T y(0.0);
    for (const T& v : x) y += relu(v);
    return y;
  }
};

/// 64-128-10 perceptron with relu and softmax cross-entropy, all weights active, images constant.
struct Perceptron {
  static constexpr std::size_t in = 64, hidden = 128, out = 10;
  std::string_view name;
  std::size_t batch;
  std::vector<double> at = numbers(in * hidden + hidden + hidden * out + out, -0.15, 0.15);
  std::vector<double> images = numbers(batch * in, 0, 1, 7);
  Perceptron(std::string_view label, std::size_t samples) : name(label), batch(samples) {}
  template <class T> T operator()(const std::vector<T>& p) const {
    const T *w1 = p.data(), *b1 = w1 + in * hidden, *w2 = b1 + hidden, *b2 = w2 + hidden * out;
    std::vector<T> h(hidden), z(out);
    T loss(0.0);
    for (std::size_t s = 0; s < batch; ++s) {
      for (std::size_t j = 0; j < hidden; ++j) {
        T acc = b1[j];
        for (std::size_t i = 0; i < in; ++i) acc += w1[j * in + i] * images[s * in + i];
        h[j] = relu(acc);
      }
      T total(0.0);
      for (std::size_t j = 0; j < out; ++j) {
        T acc = b2[j];
        for (std::size_t i = 0; i < hidden; ++i) acc += w2[j * hidden + i] * h[i];
        z[j] = acc;
        total += exp(acc);
      }
      loss += log(total) - z[s % out];
    }
    return loss / static_cast<double>(batch);
  }
};

/// The same as a training loop has it: the weights stay, what follows them is rewound.
struct RewoundPerceptron : Perceptron {
  static constexpr bool rewound = true;
  RewoundPerceptron() : Perceptron("MLP 64-128-10 batch 32, rewound", 32) {}
};

/// Gaussian mixture of ADBench: d = 10, K = 25, N = 1000.
struct Mixture {
  static constexpr std::size_t d = 10, k = 25, n = 1000, triangle = d * (d - 1) / 2;
  std::string_view name = "GMM d=10 K=25 N=1000";
  std::vector<double> at = numbers(k + k * d + k * (d + triangle), -0.5, 0.5);
  std::vector<double> data = numbers(n * d, -2, 2, 9);
  template <class T> static T log_sum_exp(const std::vector<T>& x) {
    T largest = x[0];
    for (const T& v : x)
      if (largest < v) largest = v;
    T sum(0.0);
    for (const T& v : x) sum += exp(v - largest);
    return log(sum) + largest;
  }
  template <class T> T operator()(const std::vector<T>& p) const {
    const T *alpha = p.data(), *mean = alpha + k, *icf = mean + k * d;
    std::vector<T> alphas(alpha, alpha + k), sum_q(k), q(k * d), centred(d), term(k);
    for (std::size_t j = 0; j < k; ++j) {
      T sum(0.0);
      for (std::size_t i = 0; i < d; ++i) {
        sum += icf[j * (d + triangle) + i];
        q[j * d + i] = exp(icf[j * (d + triangle) + i]);
      }
      sum_q[j] = sum;
    }
    T total(0.0);
    for (std::size_t s = 0; s < n; ++s) {
      for (std::size_t j = 0; j < k; ++j) {
        for (std::size_t i = 0; i < d; ++i) centred[i] = data[s * d + i] - mean[j * d + i];
        const T* lower = icf + j * (d + triangle) + d;
        T squares(0.0);
        for (std::size_t i = 0; i < d; ++i) {
          T row = q[j * d + i] * centred[i];
          for (std::size_t c = 0; c < i; ++c) row += *lower++ * centred[c];
          squares += row * row;
        }
        term[j] = alpha[j] + sum_q[j] - 0.5 * squares;
      }
      total += log_sum_exp(term);
    }
    T prior(0.0);
    for (std::size_t j = 0; j < k; ++j) {
      T squares(0.0);
      for (std::size_t i = 0; i < d; ++i) squares += q[j * d + i] * q[j * d + i];
      for (std::size_t i = 0; i < triangle; ++i) squares += icf[j * (d + triangle) + d + i] * icf[j * (d + triangle) + d + i];
      prior += 0.5 * squares - sum_q[j];
    }
    return total - static_cast<double>(n) * log_sum_exp(alphas) + prior;
  }
};

struct MatrixProduct {
  static constexpr std::size_t n = 64;
  std::string_view name = "matrix product 64";
  std::vector<double> at = numbers(2 * n * n, -1, 1);
  template <class T> T operator()(const std::vector<T>& x) const {
    T total(0.0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        T acc(0.0);
        for (std::size_t l = 0; l < n; ++l) acc += x[i * n + l] * x[n * n + l * n + j];
        total += acc;
      }
    return total;
  }
};

struct NormalDensity {
  std::string_view name = "normal log density 1e4";
  std::vector<double> at = {0.3, 1.7};
  std::vector<double> data = numbers(10000, -3, 3, 5);
  template <class T> T operator()(const std::vector<T>& x) const {
    T density(0.0);
    for (const double y : data) {
      const T z = (y - x[0]) / x[1];
      density -= 0.5 * z * z + log(x[1]);
    }
    return density;
  }
};

/// Stan's reference model: mean, persistence, scale and 1000 standardised log volatilities.
struct StochasticVolatility {
  static constexpr std::size_t n = 1000;
  std::string_view name = "stochastic volatility 1e3";
  std::vector<double> at = [] {
    auto v = numbers(n + 3, -1, 1);
    v[0] = -0.5, v[1] = 0.9, v[2] = 0.3;
    return v;
  }();
  std::vector<double> returns = numbers(n, -1, 1, 3);
  template <class T> T operator()(const std::vector<T>& x) const {
    const T &mu = x[0], &phi = x[1], &sigma = x[2];
    T density(0.0);
    T previous = x[3] * sigma / sqrt(1.0 - phi * phi) + mu;
    for (std::size_t t = 0; t < n; ++t) {
      T h = previous;
      if (t > 0) h = x[3 + t] * sigma + mu + phi * (previous - mu);
      density -= 0.5 * (x[3 + t] * x[3 + t]);
      const T scaled = returns[t] * exp(-0.5 * h);
      density -= 0.5 * (h + scaled * scaled);
      previous = h;
    }
    return density;
  }
};

struct Rosenbrock {
  std::string_view name = "Rosenbrock-10 per call";
  std::vector<double> at = numbers(10, -1.5, 1.5);
  /// x: any container of numbers.
  template <class Numbers> auto operator()(const Numbers& x) const { return at_point(x); }
  template <class Numbers> static auto at_point(const Numbers& x) {
    using T = typename Numbers::value_type;
    T y(0.0);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const T u = x[i + 1] - x[i] * x[i], v = 1.0 - x[i];
      y += 100.0 * u * u + v * v;
    }
    return y;
  }
};

/// The sum over many points; its gradient is those of all of them.
struct RosenbrockBatch {
  static constexpr std::size_t n = 10, points = 4096;
  std::string_view name = "Rosenbrock-10 batch 4096";
  std::vector<double> at = numbers(n * points, -1.5, 1.5);
  template <class T> T operator()(const std::vector<T>& x) const {
    T total(0.0);
    for (std::size_t s = 0; s < points; ++s) total += Rosenbrock::at_point(std::span(x).subspan(s * n, n));
    return total;
  }
};

/// True where the inputs stay recorded from one run to the next.
template <class Workload> constexpr bool rewound = requires { Workload::rewound; };

/// Calls f with every workload. They live as long as the program.
template <class F> void for_each_workload(F&& f) {
  static const Sum short_sum("sum 1e3", 1000), long_sum("sum 1e6", 1000000);
  static const Product product;
  static const Sigmoids sigmoids;
  static const Tanhs tanhs;
  static const Relus relus;
  static const Perceptron small_batch("MLP 64-128-10 batch 32", 32), large_batch("MLP 64-128-10 batch 256", 256);
  static const RewoundPerceptron rewound_perceptron;
  static const Mixture mixture;
  static const MatrixProduct matrix_product;
  static const NormalDensity normal_density;
  static const StochasticVolatility stochastic_volatility;
  static const Rosenbrock rosenbrock;
  static const RosenbrockBatch rosenbrock_batch;
  f(short_sum), f(long_sum), f(product), f(sigmoids), f(tanhs), f(relus);
  f(small_batch), f(large_batch), f(rewound_perceptron);
  f(mixture), f(matrix_product), f(normal_density), f(stochastic_volatility), f(rosenbrock), f(rosenbrock_batch);
}

/// Offers Library<Workload>(workload) for every workload, and answers gradus_bench.
template <template <class> class Library> int serve_workloads(std::string_view library) {
  Program program{std::string(library)};
  for_each_workload(
      [&]<class Workload>(const Workload& workload) { program.offer(workload.name, [&workload] { return std::make_unique<Library<Workload>>(workload); }); });
  return program.serve();
}

}  // namespace bench
