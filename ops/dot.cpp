// The inner product of two arrays.
#include <ops/dot.hpp>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/rows.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> dot(const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  if (a.shape() != b.shape()) throw ShapeError(fmt::format("dot: shapes differ: a is {}, b is {}", a.shape().text(), b.shape().text()));
  BasicResult<Real> result(Shape{}, {&a, &b});
  const Real *x = a.data(), *y = b.data();
  const std::size_t n = a.size();
  const auto product = [&]<class W>(const W& one) { return sum_of<W>(n, [&](std::size_t k) { return one * static_cast<W>(x[k]) * static_cast<W>(y[k]); }); };
  const auto value = [&] {
    if constexpr (PlainReal<Real>) return row_kernels<Real>().dot(x, y, n);
    else return product(Work<Real>(1));
  }();
  result.data()[0] = static_cast<Real>(value);
  if constexpr (std::is_same_v<Real, double>)
    if (is_extreme(value) && value != 0) result.data()[0] = static_cast<Real>(product(Wider<Real>(1)));
  return std::move(result).record([&](Slot first) {
    return [x, y, n, first, to_a = a.destination(), to_b = b.destination()](BasicSweep<Real>& sweep) {
      const Real up = sweep.adjoint(first)[0];
      const auto pull = [&](Destination to, const Real* other) {
        const Target<Real> target = sweep.target(to);
        if constexpr (PlainReal<Real>) row_kernels<Real>().scale(other, up, target.to, into_of(target), n);
        else
          for (std::size_t k = 0; k < n; ++k) target.put(k, other[k] * up);
      };
      if (to_a) pull(to_a, y);
      if (to_b) pull(to_b, x);
    };
  });
}

BasicTensor<double> Dot::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return dot(operands[0], operands[1]);
}

template BasicTensor<float> dot(const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> dot(const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> dot(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
