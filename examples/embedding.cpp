// The snippets of README.md as one program: gradients in one call, a training loop, your own op, a check. Exits 1 if a claim fails.
#include <cmath>
#include <cstdio>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <autodiff/verify/check.hpp>
#include <ops/ops.hpp>

namespace {

int failures = 0;
void claim(bool holds, const char* what) {
  if (!holds) ++failures;
  std::printf("%s  %s\n", holds ? "ok  " : "FAIL", what);
}

// [one call]
const auto rosenbrock = [](const auto& x) {
  const auto a = 1.0 - x[0];
  const auto b = x[1] - x[0] * x[0];
  return a * a + 100.0 * b * b;
};

// [end]
void gradients_in_one_call() {
  // [derivatives]
  const auto [value, gradient] = gradus::value_and_gradient(rosenbrock, {-1.2, 1.0});  // 24.2, {-215.6, -88}
  const gradus::Matrix hessian = gradus::hessian(rosenbrock, {-1.2, 1.0});              // 1330 480 480 200
  // [end]
  claim(std::fabs(value - 24.2) < 1e-13 && std::fabs(gradient[0] + 215.6) < 1e-12 && std::fabs(gradient[1] + 88) < 1e-12, "value and gradient of Rosenbrock's function");
  claim(std::fabs(hessian(0, 0) - 1330) < 1e-11 && std::fabs(hessian(1, 0) - 480) < 1e-11 && hessian(1, 1) == 200, "its Hessian");
}

// [training loop]
double train(const gradus::Tensor& x, const gradus::Tensor& labels) {
  gradus::Tape tape;
  const gradus::Recording recording(tape);
  gradus::Tensor w = gradus::Tensor::input({2, 3}, {.1, -.2, .3, .2, .1, -.1});
  gradus::Tensor b = gradus::Tensor::input({3}, {0, 0, 0});
  gradus::Adjoints adjoints;
  double last = 0;
  const auto start = tape.mark();
  for (int step = 0; step < 200; ++step) {
    const gradus::Tensor loss = mean(softmax_cross_entropy(elu(matmul(x, w) + b), labels));
    tape.sweep(loss, adjoints);
    last = loss.value();
    for (gradus::Tensor* parameter : {&w, &b}) {
      const std::span<double> values = parameter->values();
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= 0.5 * adjoints[*parameter][i];
    }
    tape.rewind(start);  // forgets the step, keeps the parameters: nothing is allocated again
  }
  return last;
}
// [end]

// [own op]
/// x·|x|: an op of your own is a formula and its derivative; scalars, tensors and forward mode follow.
struct SignedSquare {
  static constexpr gradus::OpInfo info{.name = "signed_square", .summary = "x*|x|", .formula = "x*abs(x)", .derivatives = {"2*abs(x)"}};
  static auto value(gradus::Number auto x) { return x * gradus::abs(x); }
  static auto derivative(gradus::Number auto x, gradus::Number auto /*y*/) { return 2.0 * gradus::abs(x); }
};
template <gradus::Operand X> auto signed_square(X&& x) { return gradus::apply(SignedSquare{}, std::forward<X>(x)); }
// [end]

// [opaque code]
/// Code that Gradus cannot look into, with its derivative by hand: Newton's method for the root r of r*e^r = x.
gradus::Var lambert_w(const gradus::Var& x) {
  double r = 0.5;
  for (int i = 0; i < 30; ++i) r -= (r * std::exp(r) - x.value()) / (std::exp(r) * (1 + r));
  return gradus::custom(r, {x}, {r / (x.value() * (1 + r))});
}
// [end]

}  // namespace

int main() {
  gradients_in_one_call();

  const double loss = train(gradus::Tensor({4, 2}, {0, 1, 1, 0, -1, -1, .5, -.5}), gradus::Tensor({4}, {0, 1, 2, 1}));
  claim(loss < 0.2, "the training loop learns");

  claim(bool(gradus::check([](const auto& x) { return signed_square(x[0]) * x[1]; }, {-0.7, 3.0})), "an op of one's own agrees with finite differences");
  claim(bool(gradus::check(rosenbrock, {-1.2, 1.0})), "so does Rosenbrock's function");
  const auto [w, slope] = gradus::value_and_gradient([](const std::vector<gradus::Var>& x) { return lambert_w(x[0]); }, {1.0});
  claim(std::fabs(w - 0.5671432904097838) < 1e-15 && std::fabs(slope[0] - 0.3618962566348892) < 1e-15, "opaque code with a hand-written partial");
  return failures == 0 ? 0 : 1;
}
