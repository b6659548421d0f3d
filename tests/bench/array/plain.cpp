// The values of the array workloads by the loops that one writes without a library; no gradient.
#include <algorithm>
#include <cmath>

#include "workloads.hpp"

namespace bench {
namespace {

template <class Value> class Plain : public Contestant {
 public:
  explicit Plain(Value value) : value_(std::move(value)) {}
  double run() override { return static_cast<double>(value_()); }

 private:
  Value value_;
};
template <class Value> std::unique_ptr<Contestant> plain(Value value) { return std::make_unique<Plain<Value>>(std::move(value)); }

template <class Real> Real log_sum_exp(const Real* x, std::size_t n) {
  const Real largest = *std::max_element(x, x + n);
  Real total = 0;
  for (std::size_t i = 0; i < n; ++i) total += std::exp(x[i] - largest);
  return largest + std::log(total);
}

/// out = a·b + bias; out is rows x columns.
template <class Real> void product(const Real* a, const Real* b, const Real* bias, Real* out, std::size_t rows, std::size_t inner, std::size_t columns) {
  for (std::size_t i = 0; i < rows; ++i) {
    Real* row = out + i * columns;
    for (std::size_t j = 0; j < columns; ++j) row[j] = bias == nullptr ? Real(0) : bias[j];
    for (std::size_t k = 0; k < inner; ++k)
      for (std::size_t j = 0; j < columns; ++j) row[j] += a[i * inner + k] * b[k * columns + j];
  }
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const Mlp<Real>& w) {
  std::vector<std::vector<Real>> h;
  for (std::size_t l = 0; l < w.layers(); ++l) h.emplace_back(w.batch * w.width[l + 1]);
  return plain([&w, h]() mutable {
    const Real* in = w.images.data();
    for (std::size_t l = 0; l < w.layers(); ++l) {
      product(in, w.weights[l].data(), w.biases[l].data(), h[l].data(), w.batch, w.width[l], w.width[l + 1]);
      if (l + 1 < w.layers())
        for (Real& x : h[l]) x = x > 0 ? x : 0;
      in = h[l].data();
    }
    Real loss = 0;
    for (std::size_t s = 0; s < w.batch; ++s) {
      const Real* z = in + s * w.classes;
      loss += log_sum_exp(z, w.classes) - z[w.labels[s]];
    }
    return loss / static_cast<Real>(w.batch);
  });
}

template <class Real, Activation kind> std::unique_ptr<Contestant> contestant_on(const Elementwise<Real, kind>& w) {
  return plain([&w] {
    double total = 0;
    for (const Real x : w.x) {
      Real y;
      if constexpr (kind == Activation::sigmoid) y = 1 / (1 + std::exp(-x));
      else if constexpr (kind == Activation::tanh) y = std::tanh(x);
      else if constexpr (kind == Activation::relu) y = x > 0 ? x : 0;
      else y = x > 0 ? x : std::expm1(x);
      total += static_cast<double>(y);
    }
    return total;
  });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const CrossEntropy<Real>& w) {
  return plain([&w] { return log_sum_exp(w.logits.data(), w.logits.size()) - w.logits[static_cast<std::size_t>(w.label[0])]; });
}
template <class Real> std::unique_ptr<Contestant> contestant_on(const LogSumExp<Real>& w) {
  return plain([&w] { return log_sum_exp(w.x.data(), w.x.size()); });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const Matmul<Real>& w) {
  return plain([&w, c = std::vector<Real>(w.n * w.n)]() mutable {
    product<Real>(w.a.data(), w.b.data(), nullptr, c.data(), w.n, w.n, w.n);
    double total = 0;
    for (const Real x : c) total += static_cast<double>(x);
    return total;
  });
}

std::unique_ptr<Contestant> contestant_on(const Normal& w) {
  return plain([&w] {
    double density = 0;
    for (const double y : w.data) {
      const double z = (y - w.mean) / w.deviation;
      density -= 0.5 * z * z;
    }
    return density - static_cast<double>(w.data.size()) * std::log(w.deviation);
  });
}

std::unique_ptr<Contestant> contestant_on(const Regression& w) {
  return plain([&w] {
    double total = 0;
    for (std::size_t s = 0; s < w.samples; ++s) {
      double error = w.b - w.y[s];
      for (std::size_t i = 0; i < w.features; ++i) error += w.x[s * w.features + i] * w.w[i];
      total += error * error;
    }
    return total;
  });
}

std::unique_ptr<Contestant> contestant_on(const Volatility& w) {
  return plain([&w] {
    double density = 0, h = w.z[0] * w.sigma / std::sqrt(1 - w.phi * w.phi) + w.mu;
    for (std::size_t t = 0; t < w.z.size(); ++t) {
      if (t > 0) h = w.z[t] * w.sigma + w.mu + w.phi * (h - w.mu);
      const double scaled = w.returns[t] * std::exp(-0.5 * h);
      density -= 0.5 * (w.z[t] * w.z[t] + h + scaled * scaled);
    }
    return density;
  });
}

}  // namespace
}  // namespace bench

GRADUS_BENCH_SERVE("plain loops")
