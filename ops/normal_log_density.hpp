// The log density of the normal distribution.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// The log density of observations x under normal distributions of mean mu and standard deviation sigma, summed over all of them: a scalar.
/// mu and sigma may be single numbers or arrays: the three are broadcast. NaN where sigma is not positive. Throws ShapeError unless the shapes broadcast.
template <class Real> [[nodiscard]] BasicTensor<Real> normal_log_density(const BasicTensor<Real>& x, const BasicTensor<Real>& mu, const BasicTensor<Real>& sigma);

/// normal_log_density, by name.
struct NormalLogDensity {
  static constexpr ArrayOpInfo info{
      .name = "normal_log_density", .summary = "log density of the normal distribution, summed", .operands = {"x", "mu", "sigma"},
      .formula = "sum_k -((x_k - mu_k)/sigma_k)^2/2 - log(sigma_k) - log(2 pi)/2",
      .derivative = "with z = (x - mu)/sigma: -z/sigma for x; z/sigma for mu; (z^2 - 1)/sigma for sigma; summed where one number serves many",
      .rule = "for one sigma the sums of x - mu and (x - mu)^2, in one pass, hold everything", .domain = "sigma > 0", .value_ulps = 4, .derivative_ulps = 5,
      .cases = {{"normal", {"9", "scalar", "scalar"}, {Fill::normal, Fill::normal, Fill::positive}}, {"many", {"300", "scalar", "scalar"}, {Fill::normal, Fill::normal, Fill::positive}},
                {"a mean each", {"5x7", "5x7", "scalar"}, {Fill::normal, Fill::normal, Fill::positive}}, {"all arrays", {"11", "11", "11"}, {Fill::normal, Fill::normal, Fill::positive}},
                {"broadcast rows", {"3x4", "4", "3x1"}, {Fill::normal, Fill::normal, Fill::positive}}, {"one observation", {"scalar", "5", "scalar"}, {Fill::normal, Fill::normal, Fill::positive}},
                {"scattered", {"8", "scalar", "8"}, {Fill::scattered, Fill::scattered, Fill::positive}}, {"wide", {"9", "scalar", "scalar"}, {Fill::wide, Fill::normal, Fill::positive}},
                {"scalars", {"scalar", "scalar", "scalar"}, {Fill::normal, Fill::normal, Fill::positive}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
