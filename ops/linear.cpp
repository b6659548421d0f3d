// A linear layer.
#include <ops/linear.hpp>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/axis_sum.hpp>
#include <ops/matrix_product.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> linear(const BasicTensor<Real>& a, const BasicTensor<Real>& b, const BasicTensor<Real>& bias) {
  const auto shapes = [&] { return fmt::format("a is {}, b is {}, bias is {}", a.shape().text(), b.shape().text(), bias.shape().text()); };
  if ((a.rank() != 1 && a.rank() != 2) || b.rank() != 2) throw ShapeError("linear: a must be a vector or matrix and b a matrix: " + shapes());
  const std::size_t n = a.rank() == 1 ? 1 : a.shape()[0], k = a.shape()[a.rank() - 1], m = b.shape()[1];
  if (b.shape()[0] != k) throw ShapeError("linear: inner sizes differ: " + shapes());
  if (bias.shape() != Shape{m}) throw ShapeError("linear: the bias needs one element a column of b: " + shapes());
  BasicResult<Real> result(a.rank() == 1 ? Shape{m} : Shape{n, m}, {&a, &b, &bias});
  const MatrixView<Real> left(a.data(), n, k), right(b.data(), k, m);
  multiply(left, right, bias.data(), result.data());
  return std::move(result).record([&](Slot first) {
    return [left, right, first, to_a = a.destination(), to_b = b.destination(), to_bias = bias.destination()](BasicSweep<Real>& sweep) {
      const MatrixView<Real> up(sweep.adjoint(first), left.rows, right.columns);
      if (to_a) put_product(up, right.transposed(), sweep.target(to_a), Annihilates::left);
      if (to_b) put_product(left.transposed(), up, sweep.target(to_b), Annihilates::right);
      if (to_bias) put_column_sums(up.data, up.rows, up.columns, sweep.target(to_bias));
    };
  });
}

BasicTensor<double> Linear::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return linear(operands[0], operands[1], operands[2]);
}

template BasicTensor<float> linear(const BasicTensor<float>&, const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> linear(const BasicTensor<double>&, const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> linear(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
