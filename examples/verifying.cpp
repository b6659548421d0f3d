// The three mistakes in derivatives that people make most, and what the checker says of them. The guide autodiff/verify/README.md shows the output.
//   verifying accumulation|tail|kink     prints one report; without an argument, all three must be caught
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include <autodiff/verify/check_tape.hpp>
#include <ops/ops.hpp>

namespace {

// [accumulation]
/// PReLU with one slope for all elements: the slope's gradient is a sum, and this pullback keeps the last term only.
const gradus::VectorOp prelu{
    .name = "prelu",
    .operands = {"x", "slope"},
    .value = [](auto in) {
      std::vector<double> y;
      for (const double x : in[0]) y.push_back(x > 0 ? x : in[1][0] * x);
      return y;
    },
    .pullback = [](auto in, auto upstream, auto gradients) {
      for (std::size_t i = 0; i < upstream.size(); ++i) {
        const double x = in[0][i];
        gradients[0][i] += (x > 0 ? 1 : in[1][0]) * upstream[i];
        if (x <= 0) gradients[1][0] = x * upstream[i];
      }
    }};

gradus::CheckResult accumulation() {
  const auto network = [](const auto& p) {  // p: six weights and a slope
    std::vector hidden = {0.9 * p[0] - 1.7 * p[1], 0.9 * p[2] - 1.7 * p[3], 0.9 * p[4] - 1.7 * p[5]};
    const auto h = prelu(hidden, std::vector{p[6]});
    return tanh(h[0]) + h[1] * h[2];
  };
  return gradus::check_tape(network, {0.3, 0.8, -0.4, 0.45, 0.7, -0.6, 0.25});
}
// [end]

// [tail]
/// The derivative of softplus, log(1 + e^x), with a shortcut that is not exact.
gradus::CheckResult tail() {
  gradus::Subject softplus;
  softplus.name = "softplus";
  softplus.value = [](auto x) { return std::vector{std::log1p(std::exp(-std::fabs(x[0]))) + std::max(x[0], 0.0)}; };
  softplus.pullback = [](auto x, auto w) { return std::vector{w[0] * (x[0] > 10 ? 1 : 1 / (1 + std::exp(-x[0])))}; };
  return gradus::check_everywhere(softplus, 1);
}
// [end]

// [kink]
/// max of three numbers, where every argument that equals the largest gets the whole gradient.
gradus::CheckResult kink() {
  const auto largest = [](const std::vector<double>& x) { return std::max({x[0], x[1], x[2]}); };
  const auto gradient = [&](const std::vector<double>& x) {
    std::vector<double> g;
    for (const double v : x) g.push_back(v == largest(x) ? 1 : 0);
    return g;
  };
  return gradus::check(largest, gradient, {2.0, 2.0, -1.0});
}
// [end]

int show(const gradus::CheckResult& result) {
  std::printf("%s\n", gradus::describe(result).c_str());
  return result.verdict == gradus::Verdict::fail ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view which = argc == 2 ? argv[1] : "";
  if (which == "accumulation") return show(accumulation());
  if (which == "tail") return show(tail());
  if (which == "kink") return show(kink());
  if (argc > 1) {
    std::fprintf(stderr, "usage: verifying [accumulation|tail|kink]\n");
    return 2;
  }
  return show(accumulation()) + show(tail()) + show(kink()) == 3 ? 0 : 1;
}
