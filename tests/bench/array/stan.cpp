// The array workloads on Stan Math: its matrix functions and densities where it has one, its scalars elsewhere. The arena keeps its memory from call to
// call. Doubles only.
#include <stan/math/rev/mat.hpp>

#include "workloads.hpp"

namespace bench {
namespace {
using stan::math::var;
using Matrix = Eigen::Matrix<var, Eigen::Dynamic, Eigen::Dynamic>;
using Vector = Eigen::Matrix<var, Eigen::Dynamic, 1>;
using Rows = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
using Column = Eigen::Map<const Eigen::VectorXd>;
using Index = Eigen::Index;

/// Loss: from the inputs, flat and in the order of the gradient, to a var.
template <class Loss> class Stan : public Contestant {
 public:
  Stan(std::vector<double> at, Loss loss) : at_(std::move(at)), loss_(std::move(loss)), inputs_(at_.size()), gradient_(at_.size()) {}
  double run() override {
    for (std::size_t i = 0; i < at_.size(); ++i) inputs_[i] = at_[i];
    const var y = loss_(inputs_);
    stan::math::grad(y.vi_);
    const double result = y.val();
    for (std::size_t i = 0; i < at_.size(); ++i) gradient_[i] = inputs_[i].adj();
    stan::math::recover_memory();
    return result;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }

 private:
  std::vector<double> at_;
  Loss loss_;
  std::vector<var> inputs_;
  std::vector<double> gradient_;
};
template <class Loss> std::unique_ptr<Contestant> on_stan(std::vector<double> at, Loss loss) {
  return std::make_unique<Stan<Loss>>(std::move(at), std::move(loss));
}
using Inputs = std::vector<var>;

/// Row-major inputs from `first` on.
Matrix matrix(const Inputs& p, std::size_t first, std::size_t rows, std::size_t columns) {
  return Eigen::Map<const Eigen::Matrix<var, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(p.data() + first, static_cast<Index>(rows),
                                                                                               static_cast<Index>(columns));
}
Vector vector(const Inputs& p, std::size_t first, std::size_t n) { return Eigen::Map<const Vector>(p.data() + first, static_cast<Index>(n)); }

std::unique_ptr<Contestant> contestant_on(const Mlp<double>& w) {
  std::vector<double> at;
  for (std::size_t l = 0; l < w.layers(); ++l) append(at, w.weights[l]), append(at, w.biases[l]);
  const Eigen::MatrixXd images = Rows(w.images.data(), static_cast<Index>(w.batch), static_cast<Index>(w.width[0]));
  return on_stan(std::move(at), [&w, images](const Inputs& p) {
    Matrix h;
    std::size_t first = 0;
    for (std::size_t l = 0; l < w.layers(); ++l) {
      const Matrix weights = matrix(p, first, w.width[l], w.width[l + 1]);
      h = l == 0 ? Matrix(stan::math::multiply(images, weights)) : Matrix(stan::math::multiply(h, weights));
      first += w.weights[l].size();
      for (Index j = 0; j < h.cols(); ++j)
        for (Index i = 0; i < h.rows(); ++i) {
          h(i, j) += p[first + static_cast<std::size_t>(j)];
          if (l + 1 < w.layers() && h(i, j).val() <= 0) h(i, j) = 0.0;
        }
      first += w.biases[l].size();
    }
    var loss = 0.0;
    for (std::size_t s = 0; s < w.batch; ++s) loss -= stan::math::categorical_logit_lpmf(w.labels[s] + 1, Vector(h.row(static_cast<Index>(s))));
    return var(loss / static_cast<double>(w.batch));
  });
}

template <Activation kind> std::unique_ptr<Contestant> contestant_on(const Elementwise<double, kind>& w) {
  return on_stan(w.x, [](const Inputs& p) {
    Inputs y(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      if constexpr (kind == Activation::sigmoid) y[i] = stan::math::inv_logit(p[i]);
      else if constexpr (kind == Activation::tanh) y[i] = stan::math::tanh(p[i]);
      else if constexpr (kind == Activation::relu) y[i] = p[i].val() > 0 ? p[i] : var(0.0);
      else y[i] = p[i].val() > 0 ? p[i] : stan::math::expm1(p[i]);
    }
    return stan::math::sum(y);
  });
}

std::unique_ptr<Contestant> contestant_on(const CrossEntropy<double>& w) {
  return on_stan(w.logits, [&w](const Inputs& p) { return var(-stan::math::categorical_logit_lpmf(w.label[0] + 1, vector(p, 0, p.size()))); });
}

std::unique_ptr<Contestant> contestant_on(const LogSumExp<double>& w) {
  return on_stan(w.x, [](const Inputs& p) { return var(stan::math::log_sum_exp(vector(p, 0, p.size()))); });
}

std::unique_ptr<Contestant> contestant_on(const Matmul<double>& w) {
  std::vector<double> at = w.a;
  append(at, w.b);
  return on_stan(std::move(at), [](const Inputs& p) {
    constexpr std::size_t n = Matmul<double>::n;
    return stan::math::sum(stan::math::multiply(matrix(p, 0, n, n), matrix(p, n * n, n, n)));
  });
}

std::unique_ptr<Contestant> contestant_on(const Normal& w) {
  return on_stan({w.mean, w.deviation}, [data = Eigen::VectorXd(Column(w.data.data(), static_cast<Index>(w.data.size())))](const Inputs& p) {
    return var(stan::math::normal_lpdf<true>(data, p[0], p[1]));  // true: without the constant
  });
}

std::unique_ptr<Contestant> contestant_on(const Regression& w) {
  std::vector<double> at = w.w;
  at.push_back(w.b);
  const Eigen::MatrixXd x = Rows(w.x.data(), w.samples, w.features);
  const Eigen::VectorXd y = Column(w.y.data(), w.samples);
  return on_stan(std::move(at), [x, y](const Inputs& p) {
    const Vector fit = stan::math::multiply(x, vector(p, 0, Regression::features));
    return var(stan::math::dot_self(Vector(stan::math::subtract(stan::math::add(fit, p.back()), y))));
  });
}

std::unique_ptr<Contestant> contestant_on(const Volatility& w) {
  std::vector<double> at = {w.mu, w.phi, w.sigma};
  append(at, w.z);
  return on_stan(std::move(at), [&w](const Inputs& p) {
    const std::size_t n = w.z.size();
    const var &mu = p[0], &phi = p[1], &sigma = p[2];
    Inputs terms(n);
    var previous = p[3] * sigma / sqrt(1.0 - phi * phi) + mu;
    for (std::size_t t = 0; t < n; ++t) {
      const var h = t == 0 ? previous : p[3 + t] * sigma + mu + phi * (previous - mu);
      const var scaled = w.returns[t] * exp(-0.5 * h);
      terms[t] = h + scaled * scaled;
      previous = h;
    }
    return var(-0.5 * (stan::math::dot_self(vector(p, 3, n)) + stan::math::sum(terms)));
  });
}

}  // namespace
}  // namespace bench

GRADUS_BENCH_SERVE("Stan Math (of StanHeaders " GRADUS_BENCH_VERSION ")")
