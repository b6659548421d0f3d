// The array workloads by hand: the practical limit. Matrix products by Eigen, vectors of the machine by SLEEF, no tape, every buffer allocated
// before, value and gradient in as few passes as there can be. Compiled for the machine that compiles it; Eigen under a name of its own.
#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Dense>

#include "lanes.hpp"
#include "workloads.hpp"

namespace bench {
namespace {

template <class Run> class ByHand : public Contestant {
 public:
  /// run(gradient) fills the gradient in place and returns the value.
  ByHand(std::size_t n, Run run) : gradient_(n), run_(std::move(run)) {}
  double run() override { return static_cast<double>(run_(gradient_.data())); }
  [[nodiscard]] std::vector<double> gradient() const override { return {gradient_.begin(), gradient_.end()}; }

 private:
  std::vector<typename Run::Real> gradient_;
  Run run_;
};
template <class Run> std::unique_ptr<Contestant> by_hand(std::size_t n, Run run) { return std::make_unique<ByHand<Run>>(n, std::move(run)); }

template <class Real> using RowMajor = Eigen::Map<Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class Real> using ConstRowMajor = Eigen::Map<const Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class Real> using Column = Eigen::Map<Eigen::Matrix<Real, Eigen::Dynamic, 1>>;
template <class Real> using ConstColumn = Eigen::Map<const Eigen::Matrix<Real, Eigen::Dynamic, 1>>;
using Index = Eigen::Index;

/// Activations are column-major, one column a unit: a bias is the same number for a whole column, and so many samples at a time go through the softmax.
template <class Scalar> struct MlpByHand {
  using Real = Scalar;
  using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
  const Mlp<Real>& w;
  std::vector<Matrix> h, g;  // activations, and the adjoints of what they were made from
  explicit MlpByHand(const Mlp<Real>& workload) : w(workload) {
    for (std::size_t l = 0; l < w.layers(); ++l) {
      h.emplace_back(w.batch, w.width[l + 1]);
      g.emplace_back(w.batch, w.width[l + 1]);
    }
  }
  [[nodiscard]] std::size_t parameters() const {
    std::size_t n = 0;
    for (std::size_t l = 0; l < w.layers(); ++l) n += w.weights[l].size() + w.biases[l].size();
    return n;
  }
  [[nodiscard]] ConstRowMajor<Real> images() const { return {w.images.data(), static_cast<Index>(w.batch), static_cast<Index>(w.width[0])}; }
  [[nodiscard]] ConstRowMajor<Real> weights(std::size_t l) const {
    return {w.weights[l].data(), static_cast<Index>(w.width[l]), static_cast<Index>(w.width[l + 1])};
  }

  Real operator()(Real* gradient) {
    const std::size_t last = w.layers() - 1;
    for (std::size_t l = 0; l <= last; ++l) {
      if (l == 0) h[l].noalias() = images() * weights(l);
      else h[l].noalias() = h[l - 1] * weights(l);
      if (l == last) break;
      for (Index j = 0; j < h[l].cols(); ++j) h[l].col(j) = (h[l].col(j).array() + w.biases[l][static_cast<std::size_t>(j)]).max(Real(0));
    }
    const Real loss = softmax(h[last], g[last]);
    Real* end = gradient + parameters();
    for (std::size_t l = last + 1; l-- > 0;) {
      end -= w.biases[l].size();
      Column<Real>(end, g[l].cols()).noalias() = g[l].colwise().sum().transpose();
      end -= w.weights[l].size();
      RowMajor<Real> to(end, static_cast<Index>(w.width[l]), static_cast<Index>(w.width[l + 1]));
      if (l == 0) {
        to.noalias() = images().transpose() * g[l];
        break;
      }
      to.noalias() = h[l - 1].transpose() * g[l];
      g[l - 1].noalias() = g[l] * weights(l).transpose();
      g[l - 1].array() = (h[l - 1].array() > 0).select(g[l - 1].array(), Real(0));
    }
    return loss;
  }

  /// Mean cross-entropy of z + bias, and its adjoints; as many samples at a time as a vector has lanes.
  Real softmax(const Matrix& z, Matrix& adjoint) const {
    using V = Vector<Real>;
    constexpr std::size_t classes = Mlp<Real>::classes;
    const auto* bias = w.biases.back().data();
    const Real mean = Real(1) / static_cast<Real>(w.batch);
    Real loss = 0;
    for (std::size_t s = 0; s < w.batch; s += lanes<Real>) {  // the batches are multiples of it
      V e[classes], top = all(-std::numeric_limits<Real>::infinity()), total{};
      for (std::size_t c = 0; c < classes; ++c) {
        e[c] = load(z.data() + c * w.batch + s) + bias[c];
        top = max(top, e[c]);
      }
      for (std::size_t i = 0; i < lanes<Real>; ++i) loss -= e[static_cast<std::size_t>(w.labels[s + i])][i];
      for (std::size_t c = 0; c < classes; ++c) total += e[c] = exp(e[c] - top);
      loss += sum<Real>(top + log(total));
      const V scale = mean / total;
      for (std::size_t c = 0; c < classes; ++c) store(adjoint.data() + c * w.batch + s, e[c] * scale);
      for (std::size_t i = 0; i < lanes<Real>; ++i) adjoint(static_cast<Index>(s + i), w.labels[s + i]) -= mean;
    }
    return loss * mean;
  }
};
template <class Real> std::unique_ptr<Contestant> contestant_on(const Mlp<Real>& w) {
  MlpByHand<Real> run(w);
  return by_hand(run.parameters(), std::move(run));
}

template <class Scalar, Activation kind> struct ElementwiseByHand {
  using Real = Scalar;
  const std::vector<Real>& x;
  Real operator()(Real* gradient) const {
    using V = Vector<Real>;
    constexpr std::size_t chains = 4, step = chains * lanes<Real>;
    V total[chains] = {};
    const auto part = [&](std::size_t i, std::size_t chain, std::size_t count) {
      const V v = count == lanes<Real> ? load(&x[i]) : load(&x[i], count, Real(0));
      V y, d;
      if constexpr (kind == Activation::sigmoid) y = 1 / (1 + exp(-v)), d = y * (1 - y);
      else if constexpr (kind == Activation::tanh) y = tanh(v), d = 1 - y * y;
      else if constexpr (kind == Activation::relu) y = max(v, V{}), d = v > 0 ? all(Real(1)) : V{};
      else {
        const V e = expm1(v);
        y = v > 0 ? v : e, d = v > 0 ? all(Real(1)) : e + 1;
      }
      if (count == lanes<Real>) {
        total[chain] += y;
        store(gradient + i, d);
      } else {
        for (std::size_t k = 0; k < count; ++k) total[chain][k] += y[k];
        store(gradient + i, count, d);
      }
    };
    std::size_t i = 0;
    for (; i + step <= x.size(); i += step)
      for (std::size_t chain = 0; chain < chains; ++chain) part(i + chain * lanes<Real>, chain, lanes<Real>);
    for (; i < x.size(); i += lanes<Real>) part(i, 0, std::min(lanes<Real>, x.size() - i));
    return sum<Real>((total[0] + total[1]) + (total[2] + total[3]));
  }
};
template <class Real, Activation kind> std::unique_ptr<Contestant> contestant_on(const Elementwise<Real, kind>& w) {
  return by_hand(w.x.size(), ElementwiseByHand<Real, kind>{w.x});
}

/// The softmax of x into s; returns the log of the sum of exponentials.
template <class Real> Real softmax(const std::vector<Real>& x, Real* s) {
  using V = Vector<Real>;
  constexpr Real none = -std::numeric_limits<Real>::infinity();
  constexpr std::size_t width = lanes<Real>;
  const std::size_t n = x.size(), whole = n / width * width, rest = n - whole;
  V top = rest > 0 ? load(x.data() + whole, rest, none) : all(none);
  for (std::size_t i = 0; i < whole; i += width) top = max(top, load(x.data() + i));
  const Real m = largest<Real>(top);
  V sums = rest > 0 ? exp(load(x.data() + whole, rest, none) - m) : V{};
  if (rest > 0) store(s + whole, rest, sums);
  for (std::size_t i = 0; i < whole; i += width) {
    const V e = exp(load(x.data() + i) - m);
    sums += e;
    store(s + i, e);
  }
  const Real total = sum<Real>(sums), scale = 1 / total;
  for (std::size_t i = 0; i < whole; i += width) store(s + i, load(s + i) * scale);
  if (rest > 0) store(s + whole, rest, load(s + whole, rest, Real(0)) * scale);
  return m + std::log(total);
}

template <class Scalar> struct CrossEntropyByHand {
  using Real = Scalar;
  const CrossEntropy<Real>& w;
  Real operator()(Real* gradient) const {
    const auto label = static_cast<std::size_t>(w.label[0]);
    const Real loss = softmax(w.logits, gradient) - w.logits[label];
    gradient[label] -= 1;
    return loss;
  }
};
template <class Real> std::unique_ptr<Contestant> contestant_on(const CrossEntropy<Real>& w) { return by_hand(w.logits.size(), CrossEntropyByHand<Real>{w}); }

template <class Scalar> struct LogSumExpByHand {
  using Real = Scalar;
  const std::vector<Real>& x;
  Real operator()(Real* gradient) const { return softmax(x, gradient); }
};
template <class Real> std::unique_ptr<Contestant> contestant_on(const LogSumExp<Real>& w) { return by_hand(w.x.size(), LogSumExpByHand<Real>{w.x}); }

template <class Scalar> struct MatmulByHand {
  using Real = Scalar;
  using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matmul<Real>& w;
  Matrix c = Matrix(w.n, w.n), adjoint = Matrix::Ones(w.n, w.n);
  Real operator()(Real* gradient) {
    const ConstRowMajor<Real> a(w.a.data(), w.n, w.n), b(w.b.data(), w.n, w.n);
    c.noalias() = a * b;
    RowMajor<Real>(gradient, w.n, w.n).noalias() = adjoint * b.transpose();
    RowMajor<Real>(gradient + w.n * w.n, w.n, w.n).noalias() = a.transpose() * adjoint;
    return c.sum();
  }
};
template <class Real> std::unique_ptr<Contestant> contestant_on(const Matmul<Real>& w) { return by_hand(2 * w.n * w.n, MatmulByHand<Real>{w}); }

struct NormalByHand {
  using Real = double;
  const Normal& w;
  double operator()(double* gradient) const {
    constexpr std::size_t width = lanes<double>;
    Doubles first[2] = {}, second[2] = {};
    std::size_t i = 0;
    const std::size_t n = w.data.size();
    for (; i + 2 * width <= n; i += 2 * width)
      for (std::size_t chain = 0; chain < 2; ++chain) {
        const Doubles distance = load(&w.data[i + chain * width]) - w.mean;
        first[chain] += distance;
        second[chain] += distance * distance;
      }
    double linear = sum<double>(first[0] + first[1]), square = sum<double>(second[0] + second[1]);
    for (; i < n; ++i) {
      const double distance = w.data[i] - w.mean;
      linear += distance, square += distance * distance;
    }
    const double precision = 1 / (w.deviation * w.deviation), count = static_cast<double>(n);
    gradient[0] = linear * precision;
    gradient[1] = (square * precision - count) / w.deviation;
    return -0.5 * square * precision - count * std::log(w.deviation);
  }
};
std::unique_ptr<Contestant> contestant_on(const Normal& w) { return by_hand(2, NormalByHand{w}); }

/// The data are laid out by features once, before anything is timed.
struct RegressionByHand {
  using Real = double;
  const Regression& w;
  Eigen::MatrixXd x = ConstRowMajor<double>(w.x.data(), w.samples, w.features);
  Eigen::VectorXd error = Eigen::VectorXd(w.samples);
  double operator()(double* gradient) {
    error.noalias() = x * ConstColumn<double>(w.w.data(), w.features);
    error.array() += w.b - ConstColumn<double>(w.y.data(), w.samples).array();
    Column<double>(gradient, w.features).noalias() = 2 * (x.transpose() * error);
    gradient[w.features] = 2 * error.sum();
    return error.squaredNorm();
  }
};
std::unique_ptr<Contestant> contestant_on(const Regression& w) { return by_hand(w.features + 1, RegressionByHand{w}); }

/// Only the two recurrences are scalar: one fused multiply-add a step, of which each waits for the last.
struct VolatilityByHand {
  using Real = double;
  const Volatility& w;
  std::vector<double> h = std::vector<double>(w.z.size()), a = h;
  double operator()(double* gradient) {
    const std::size_t n = w.z.size();
    const double drift = w.mu * (1 - w.phi), spread = 1 / std::sqrt(1 - w.phi * w.phi);
    for (std::size_t t = 0; t < n; ++t) h[t] = w.z[t] * w.sigma + drift;
    h[0] = w.z[0] * w.sigma * spread + w.mu;
    double level = h[0];
    for (std::size_t t = 1; t < n; ++t) h[t] = level = h[t] + w.phi * level;

    constexpr std::size_t width = lanes<double>;
    Doubles sums{};
    for (std::size_t t = 0; t < n; t += width) {
      const std::size_t count = std::min(width, n - t);
      const Doubles z = load(&w.z[t], count, 0.0), level_t = load(&h[t], count, 0.0), scaled = load(&w.returns[t], count, 0.0) * exp(-0.5 * level_t);
      sums += z * z + level_t + scaled * scaled;
      store(&a[t], count, 0.5 * (scaled * scaled) - 0.5);
    }
    double adjoint = 0;
    for (std::size_t t = n; t-- > 0;) a[t] = adjoint = a[t] + w.phi * adjoint;

    Doubles all_a{}, with_level{}, with_z{};
    for (std::size_t t = 1; t < n; t += width) {
      const std::size_t count = std::min(width, n - t);
      const Doubles a_t = load(&a[t], count, 0.0), z = load(&w.z[t], count, 0.0);
      all_a += a_t;
      with_level += a_t * (load(&h[t - 1], count, 0.0) - w.mu);
      with_z += a_t * z;
      store(gradient + 3 + t, count, a_t * w.sigma - z);
    }
    gradient[0] = sum<double>(all_a) * (1 - w.phi) + a[0];
    gradient[1] = sum<double>(with_level) + a[0] * w.z[0] * w.sigma * w.phi * spread * spread * spread;
    gradient[2] = sum<double>(with_z) + a[0] * w.z[0] * spread;
    gradient[3] = a[0] * w.sigma * spread - w.z[0];
    return -0.5 * sum<double>(sums);
  }
};
std::unique_ptr<Contestant> contestant_on(const Volatility& w) { return by_hand(3 + w.z.size(), VolatilityByHand{w}); }

}  // namespace
}  // namespace bench

#define GRADUS_BENCH_TEXT_OF(X) #X
#define GRADUS_BENCH_TEXT(X) GRADUS_BENCH_TEXT_OF(X)
GRADUS_BENCH_SERVE("hand-written: Eigen " GRADUS_BENCH_TEXT(EIGEN_WORLD_VERSION) "." GRADUS_BENCH_TEXT(EIGEN_MAJOR_VERSION) "." GRADUS_BENCH_TEXT(
    EIGEN_MINOR_VERSION) ", SLEEF " GRADUS_BENCH_TEXT(SLEEF_VERSION_MAJOR) "." GRADUS_BENCH_TEXT(SLEEF_VERSION_MINOR) ", -march=native")
