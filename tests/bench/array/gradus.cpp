// The array workloads on Gradus: a training loop as the README has it; parameters stay on the tape, the rest is rewound.
#include <cmath>
#include <numbers>
#include <span>

#include <autodiff/autodiff.hpp>
#if __has_include(<autodiff/simd/isa.hpp>)
#include <autodiff/simd/isa.hpp>
#endif
#include <ops/ops.hpp>

#include "workloads.hpp"

namespace bench {
namespace {

/// Loss: from the inputs, in the order of the gradient, to a tensor with one element.
template <class Real, class Loss> class Gradus : public Contestant {
 public:
  using Tensor = gradus::BasicTensor<Real>;
  struct Input {
    gradus::Shape shape;
    std::span<const Real> values;
  };
  Gradus(const std::vector<Input>& inputs, Loss loss) : loss_(std::move(loss)) {
    for (const Input& input : inputs) inputs_.push_back(Tensor::input(input.shape, input.values));
    start_ = tape_.mark();
  }
  double run() override {
    const auto loss = loss_(inputs_);
    tape_.sweep(loss, adjoints_);
    const auto value = static_cast<double>(loss.value());
    if (bytes_ == 0) bytes_ = tape_.bytes_used() + (std::size_t{tape_.slots()} + 1) * sizeof(Real);
    tape_.rewind(start_);
    return value;
  }
  [[nodiscard]] std::vector<double> gradient() const override {
    std::vector<double> gradient;
    for (const Tensor& input : inputs_) append(gradient, adjoints_[input]);
    return gradient;
  }
  [[nodiscard]] std::size_t bytes() const override { return bytes_; }

 private:
  Loss loss_;
  gradus::BasicTape<Real> tape_;
  gradus::BasicRecording<Real> recording_{tape_};
  std::vector<Tensor> inputs_;
  typename gradus::BasicTape<Real>::Mark start_{};
  gradus::BasicAdjoints<Real> adjoints_;
  std::size_t bytes_ = 0;
};

template <class Real> using Inputs = std::vector<gradus::BasicTensor<Real>>;

template <class Real, class Loss> std::unique_ptr<Contestant> minimise(std::vector<typename Gradus<Real, Loss>::Input> inputs, Loss loss) {
  return std::make_unique<Gradus<Real, Loss>>(inputs, std::move(loss));
}
template <class Real> std::span<const Real> one(const Real& x) { return {&x, 1}; }

template <class Real> std::unique_ptr<Contestant> contestant_on(const Mlp<Real>& w) {
  const auto loss = [&w, images = gradus::BasicTensor<Real>({w.batch, w.width[0]}, w.images)](const Inputs<Real>& p) {
    gradus::BasicTensor<Real> h = images;
    for (std::size_t l = 0; l < w.layers(); ++l) {
      h = linear(h, p[2 * l], p[2 * l + 1]);
      if (l + 1 < w.layers()) h = relu(h);
    }
    return softmax_cross_entropy(h, std::span<const int>(w.labels), {.reduction = gradus::Reduction::mean});
  };
  std::vector<typename Gradus<Real, decltype(loss)>::Input> inputs;
  for (std::size_t l = 0; l < w.layers(); ++l) {
    inputs.push_back({{w.width[l], w.width[l + 1]}, w.weights[l]});
    inputs.push_back({{w.width[l + 1]}, w.biases[l]});
  }
  return std::make_unique<Gradus<Real, decltype(loss)>>(inputs, loss);
}

template <class Real, Activation kind> std::unique_ptr<Contestant> contestant_on(const Elementwise<Real, kind>& w) {
  return minimise<Real>({{{w.x.size()}, w.x}}, [](const Inputs<Real>& p) {
    if constexpr (kind == Activation::sigmoid) return sum(sigmoid(p[0]));
    else if constexpr (kind == Activation::tanh) return sum(tanh(p[0]));
    else if constexpr (kind == Activation::relu) return sum(relu(p[0]));
    else return sum(elu(p[0]));
  });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const CrossEntropy<Real>& w) {
  return minimise<Real>({{{1, w.logits.size()}, w.logits}}, [&w](const Inputs<Real>& p) {
    return softmax_cross_entropy(p[0], std::span<const int>(w.label), {.reduction = gradus::Reduction::sum});
  });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const LogSumExp<Real>& w) {
  return minimise<Real>({{{w.x.size()}, w.x}}, [](const Inputs<Real>& p) { return log_sum_exp(p[0]); });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const Matmul<Real>& w) {
  return minimise<Real>({{{w.n, w.n}, w.a}, {{w.n, w.n}, w.b}}, [](const Inputs<Real>& p) { return sum(matmul(p[0], p[1])); });
}

std::unique_ptr<Contestant> contestant_on(const Normal& w) {
  const double constant = static_cast<double>(w.data.size()) * 0.5 * std::log(2 * std::numbers::pi);
  return minimise<double>({{{}, one(w.mean)}, {{}, one(w.deviation)}}, [constant, data = gradus::Tensor({w.data.size()}, w.data)](const Inputs<double>& p) {
    return normal_log_density(data, p[0], p[1]) + constant;
  });
}

/// The data are laid out by features once, before anything is timed, as by hand.
std::unique_ptr<Contestant> contestant_on(const Regression& w) {
  std::vector<double> by_features;
  for (std::size_t k = 0; k < w.features; ++k)
    for (std::size_t i = 0; i < w.samples; ++i) by_features.push_back(w.x[i * w.features + k]);
  return minimise<double>({{{w.features}, w.w}, {{}, one(w.b)}},
                          [x = gradus::Tensor({w.features, w.samples}, by_features), y = gradus::Tensor({w.samples}, w.y)](const Inputs<double>& p) {
                            return static_cast<double>(y.size()) * mean_squared_error(matmul(p[0], x) + p[1], y);
                          });
}

/// The first level in scalars, those that follow from it in arrays.
std::unique_ptr<Contestant> contestant_on(const Volatility& w) {
  const auto loss = [first = w.returns[0], rest = gradus::Tensor({w.returns.size() - 1}, std::span(w.returns).subspan(1))](const Inputs<double>& p) {
    const gradus::Var mu = p[0][0], phi = p[1][0], sigma = p[2][0], z0 = p[3][0];
    const gradus::Tensor& z = p[4];
    const gradus::Var h0 = z0 * sigma / sqrt(1.0 - phi * phi) + mu;
    const gradus::Var scaled0 = first * exp(-0.5 * h0);
    const gradus::Tensor h = linear_recurrence(gradus::Tensor(phi), z * sigma + mu * (1.0 - phi), gradus::Tensor(h0));
    const gradus::Tensor scaled = rest * exp(-0.5 * h);
    return -0.5 * (dot(z, z) + sum(h) + dot(scaled, scaled) + (z0 * z0 + h0 + scaled0 * scaled0));
  };
  return minimise<double>({{{}, one(w.mu)}, {{}, one(w.phi)}, {{}, one(w.sigma)}, {{}, one(w.z[0])}, {{w.z.size() - 1}, std::span(w.z).subspan(1)}}, loss);
}

std::string library() {
  std::string text = "Gradus " GRADUS_VERSION;
#if __has_include(<autodiff/simd/isa.hpp>)
  text += ", GRADUS_ISA=" + std::string(gradus::name_of(gradus::active_isa()));
#endif
  return text;
}

}  // namespace
}  // namespace bench

GRADUS_BENCH_SERVE(bench::library())
