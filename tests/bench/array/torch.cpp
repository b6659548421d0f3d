// The array workloads on libtorch, one thread. The gradient by torch::autograd::grad: cheaper than backward, which accumulates into .grad.
#include <cstdlib>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "workloads.hpp"

namespace bench {
namespace {

template <class Real> constexpr auto type = std::is_same_v<Real, float> ? torch::kFloat32 : torch::kFloat64;
template <class Real> torch::Tensor constant(const std::vector<Real>& values, std::vector<std::int64_t> shape) {
  return torch::from_blob(const_cast<Real*>(values.data()), shape, type<Real>).clone();
}
template <class Real> torch::Tensor input(const std::vector<Real>& values, std::vector<std::int64_t> shape) {
  return constant(values, std::move(shape)).requires_grad_(true);
}
torch::Tensor input(double value) { return torch::tensor(value, torch::kFloat64).requires_grad_(true); }
auto signed_size(std::size_t n) { return static_cast<std::int64_t>(n); }

using Inputs = std::vector<torch::Tensor>;

template <class Loss> class Torch : public Contestant {
 public:
  Torch(Inputs inputs, Loss loss) : inputs_(std::move(inputs)), loss_(std::move(loss)) {}
  double run() override {
    const torch::Tensor y = loss_(inputs_);
    gradient_ = torch::autograd::grad({y}, inputs_);
    return y.item<double>();
  }
  [[nodiscard]] std::vector<double> gradient() const override {
    std::vector<double> gradient;
    for (const torch::Tensor& g : gradient_) {
      const torch::Tensor flat = g.to(torch::kFloat64).contiguous();
      gradient.insert(gradient.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
    }
    return gradient;
  }

 private:
  Inputs inputs_, gradient_;
  Loss loss_;
};
template <class Loss> std::unique_ptr<Contestant> on_torch(Inputs inputs, Loss loss) {
  return std::make_unique<Torch<Loss>>(std::move(inputs), std::move(loss));
}

torch::Tensor classes(const std::vector<int>& labels) {
  return torch::from_blob(const_cast<int*>(labels.data()), {signed_size(labels.size())}, torch::kInt32).to(torch::kInt64);
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const Mlp<Real>& w) {
  Inputs inputs;
  for (std::size_t l = 0; l < w.layers(); ++l) {
    inputs.push_back(input(w.weights[l], {signed_size(w.width[l]), signed_size(w.width[l + 1])}));
    inputs.push_back(input(w.biases[l], {signed_size(w.width[l + 1])}));
  }
  return on_torch(
      inputs, [images = constant(w.images, {signed_size(w.batch), signed_size(w.width[0])}), labels = classes(w.labels), layers = w.layers()](const Inputs& p) {
        torch::Tensor h = images;
        for (std::size_t l = 0; l < layers; ++l) {
          h = torch::addmm(p[2 * l + 1], h, p[2 * l]);
          if (l + 1 < layers) h = torch::relu(h);
        }
        return torch::nn::functional::cross_entropy(h, labels);
      });
}

template <class Real, Activation kind> std::unique_ptr<Contestant> contestant_on(const Elementwise<Real, kind>& w) {
  return on_torch({input(w.x, {signed_size(w.x.size())})}, [](const Inputs& p) {
    if constexpr (kind == Activation::sigmoid) return torch::sigmoid(p[0]).sum();
    else if constexpr (kind == Activation::tanh) return torch::tanh(p[0]).sum();
    else if constexpr (kind == Activation::relu) return torch::relu(p[0]).sum();
    else return torch::elu(p[0]).sum();
  });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const CrossEntropy<Real>& w) {
  return on_torch({input(w.logits, {1, signed_size(w.logits.size())})},
                  [label = classes(w.label)](const Inputs& p) { return torch::nn::functional::cross_entropy(p[0], label); });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const LogSumExp<Real>& w) {
  return on_torch({input(w.x, {signed_size(w.x.size())})}, [](const Inputs& p) { return torch::logsumexp(p[0], 0); });
}

template <class Real> std::unique_ptr<Contestant> contestant_on(const Matmul<Real>& w) {
  return on_torch({input(w.a, {signed_size(w.n), signed_size(w.n)}), input(w.b, {signed_size(w.n), signed_size(w.n)})},
                  [](const Inputs& p) { return torch::mm(p[0], p[1]).sum(); });
}

std::unique_ptr<Contestant> contestant_on(const Normal& w) {
  return on_torch({input(w.mean), input(w.deviation)}, [data = constant(w.data, {signed_size(w.data.size())})](const Inputs& p) {
    const torch::Tensor z = (data - p[0]) / p[1];
    return -0.5 * torch::dot(z, z) - static_cast<double>(data.numel()) * torch::log(p[1]);
  });
}

std::unique_ptr<Contestant> contestant_on(const Regression& w) {
  return on_torch({input(w.w, {signed_size(w.features)}), input(w.b)},
                  [x = constant(w.x, {signed_size(w.samples), signed_size(w.features)}), y = constant(w.y, {signed_size(w.samples)})](const Inputs& p) {
                    const torch::Tensor error = torch::mv(x, p[0]) + p[1] - y;
                    return torch::dot(error, error);
                  });
}

std::unique_ptr<Contestant> contestant_on(const Volatility& w) {
  return on_torch({input(w.mu), input(w.phi), input(w.sigma), input(w.z, {signed_size(w.z.size())})},
                  [returns = constant(w.returns, {signed_size(w.z.size())})](const Inputs& p) {
                    const torch::Tensor &mu = p[0], &phi = p[1], &z = p[3], steps = z * p[2] + mu * (1 - phi);
                    const Inputs step = steps.unbind();
                    Inputs h = {z[0] * p[2] / torch::sqrt(1 - phi * phi) + mu};
                    for (std::size_t t = 1; t < step.size(); ++t) h.push_back(torch::addcmul(step[t], phi, h.back()));
                    const torch::Tensor level = torch::stack(h), scaled = returns * torch::exp(-0.5 * level);
                    return -0.5 * (torch::dot(z, z) + level.sum() + torch::dot(scaled, scaled));
                  });
}

std::string library() {
  at::set_num_threads(1);
  const char* core = std::getenv("OPENBLAS_CORETYPE");
  return std::string("libtorch ") + TORCH_VERSION + (core == nullptr ? "" : std::string(", OPENBLAS_CORETYPE=") + core);
}

}  // namespace
}  // namespace bench

GRADUS_BENCH_SERVE(bench::library())
