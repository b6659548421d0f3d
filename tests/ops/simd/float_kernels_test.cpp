// Kernels that work in float keep the claims of their ops: against double over floats spread evenly over all bit patterns.
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <autodiff/simd/elementwise.hpp>
#include <ops/ops.hpp>
#include <ops/verify/float_reference.hpp>

using namespace gradus;

namespace {

/// GRADUS_FLOAT_STRIDE=1 visits all 2^32 floats, which takes minutes.
std::uint64_t stride() {
  const char* given = std::getenv("GRADUS_FLOAT_STRIDE");
  return given != nullptr ? std::stoull(given) : 4099;
}

double ulps(float got, double expected) {
  if (std::isnan(expected)) return std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  if (!std::isfinite(got)) return static_cast<double>(got) == expected ? 0 : std::numeric_limits<double>::infinity();
  int exponent = 0;
  static_cast<void>(std::frexp(expected, &exponent));
  return std::fabs(static_cast<double>(got) - expected) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

struct Worst {
  double ulps = 0;
  float at = 0;
  void take(double u, float x) {
    if (u > ulps) ulps = u, at = x;
  }
};

/// Values, slopes that meet an adjoint of 1, and both as the fused kernel has them.
template <class Op> void check(const Op& op, const std::string& name) {
  const auto* const kernels = find_unary_kernels<float>(&op_key<Op>);
  BOOST_TEST_REQUIRE(kernels != nullptr);
  constexpr std::size_t most = 4096;
  std::vector<float> x, y(most), saved(most), pulled(most), fused(most);
  const std::vector<float> ones(most, 1.0F);
  Worst value, derivative;
  std::size_t unequal = 0;
  const auto run = [&] {
    const std::size_t n = x.size();
    if (kernels->value_and_slope != nullptr) kernels->value_and_slope(&op, x.data(), y.data(), saved.data(), n);
    else kernels->value(&op, x.data(), y.data(), n), std::copy_n(y.begin(), n, saved.begin());
    kernels->pull(&op, x.data(), saved.data(), ones.data(), pulled.data(), gradus_kernels::Into::write, n);
    gradus_kernels::RunningSum sum;
    if (!kernels->sum_and_slope(&op, x.data(), fused.data(), n, sum))
      kernels->pull_uniform(&op, x.data(), fused.data(), 1.0F, fused.data(), gradus_kernels::Into::write, n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto truth = reference_at(op, static_cast<double>(x[i]));
      const bool nan = std::isnan(x[i]);
      value.take(ulps(y[i], nan ? static_cast<double>(x[i]) : truth.value), x[i]);
      derivative.take(ulps(pulled[i], nan ? static_cast<double>(x[i]) : truth.derivative), x[i]);
      if (pulled[i] != fused[i] && !(std::isnan(pulled[i]) && std::isnan(fused[i]))) ++unequal;
    }
    x.clear();
  };
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += stride()) {
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    if (x.size() == most) run();
  }
  for (const float special : {0.0F, -0.0F, 1e-45F, -1e-45F, -87.3F, -88.0F, -103.9F, -104.5F, 3.4e38F, -3.4e38F, std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    x.push_back(special);
  for (const float worst_of_all : {-1.94958365F, -2.63503766F, 0.233780146F, 1.31751883F}) x.push_back(worst_of_all);  // of sigmoid, tanh, their slopes
  run();
  BOOST_TEST_MESSAGE(name << ": value " << value.ulps << " at " << value.at << ", derivative " << derivative.ulps << " at " << derivative.at);
  BOOST_TEST(value.ulps <= Op::info.value_ulps, name << ": value is " << value.ulps << " ulps off at " << value.at);
  BOOST_TEST(derivative.ulps <= Op::info.derivative_ulps, name << ": derivative is " << derivative.ulps << " ulps off at " << derivative.at);
  BOOST_TEST(unequal == 0u, name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(activations_keep_their_claims_in_float) {
  check(Relu{}, "relu");
  check(Sigmoid{}, "sigmoid");
  check(Tanh{}, "tanh");
  for (const double alpha : {1.0, 0.5, 1.5, 0.1}) check(Elu{alpha}, "elu of alpha " + std::to_string(alpha));
}

BOOST_AUTO_TEST_CASE(a_zero_keeps_its_sign) {
  const std::vector<float> x{-0.0F, 0.0F};
  std::vector<float> y(2);
  const Elu elu;
  find_unary_kernels<float>(&op_key<Elu>)->value(&elu, x.data(), y.data(), 2);
  BOOST_TEST((y[0] == 0 && std::signbit(y[0]) && y[1] == 0 && !std::signbit(y[1])));
  const Tanh tanh;
  find_unary_kernels<float>(&op_key<Tanh>)->value(&tanh, x.data(), y.data(), 2);
  BOOST_TEST((y[0] == 0 && std::signbit(y[0]) && y[1] == 0 && !std::signbit(y[1])));
}
