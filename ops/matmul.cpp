// The matrix product.
#include <ops/matmul.hpp>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/matrix_product.hpp>
#include <ops/prediction.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> matmul(const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  for (const auto* operand : {&a, &b})
    if (operand->rank() != 1 && operand->rank() != 2)
      throw ShapeError(fmt::format("matmul: operands must be vectors or matrices: a is {}, b is {}", a.shape().text(), b.shape().text()));
  const std::size_t n = a.rank() == 1 ? 1 : a.shape()[0], k = a.shape()[a.rank() - 1], m = b.rank() == 1 ? 1 : b.shape()[1];
  if (b.shape()[0] != k) throw ShapeError(fmt::format("matmul: inner sizes differ: a is {}, b is {}", a.shape().text(), b.shape().text()));
  const Shape shape = a.rank() == 2 ? (b.rank() == 2 ? Shape{n, m} : Shape{n}) : (b.rank() == 2 ? Shape{m} : Shape{});
  BasicResult<Real> result(shape, {&a, &b});
  const MatrixView<Real> left(a.data(), n, k), right(b.data(), k, m);
  if constexpr (PlainReal<Real>) {
    if (n == 1 && is_deferrable_product(result, right.transposed(), b.is_constant())) return deferred_product(std::move(result), right.transposed(), a);
    if (m == 1 && is_deferrable_product(result, left, a.is_constant())) return deferred_product(std::move(result), left, b);
  }
  multiply<Real>(left, right, nullptr, result.data());
  return std::move(result).record([&](Slot first) {
    return [left, right, first, to_a = a.destination(), to_b = b.destination()](BasicSweep<Real>& sweep) {
      const MatrixView<Real> up(sweep.adjoint(first), left.rows, right.columns);
      if (to_a) put_product(up, right.transposed(), sweep.target(to_a), Annihilates::left);
      if (to_b) put_product(left.transposed(), up, sweep.target(to_b), Annihilates::right);
    };
  });
}

BasicTensor<double> Matmul::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return matmul(operands[0], operands[1]);
}

template BasicTensor<float> matmul(const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> matmul(const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> matmul(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
