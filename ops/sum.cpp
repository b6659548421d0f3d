// The sum of an array.
#include <ops/sum.hpp>

#include <ops/array_call.hpp>
#include <ops/axis_sum.hpp>

namespace gradus {

namespace {
template <class Real> BasicTensor<Real> sum_over(const BasicTensor<Real>& x, const AxisView& view, const Shape& shape) {
  BasicResult<Real> result(shape, {&x});
  sum_along(view, x.data(), result.data(), [](const auto& total) { return total; });
  return std::move(result).record([&](Slot first) {
    return [view, first, to = x.destination()](BasicSweep<Real>& sweep) {
      spread_along(view, sweep.target(to), [up = sweep.adjoint(first)](std::size_t row) { return up[row]; });
    };
  });
}
}  // namespace

template <class Real> BasicTensor<Real> sum(const BasicTensor<Real>& x) {
  BasicResult<Real> result(Shape{}, {&x});
  sum_all(x, result, [](const auto& total) { return total; });
  return std::move(result).record([&](Slot first) {
    return [n = x.size(), first, to = x.destination()](BasicSweep<Real>& sweep) { spread_all(n, sweep, to, *sweep.adjoint(first)); };
  });
}
template <class Real> BasicTensor<Real> sum(const BasicTensor<Real>& x, int axis) {
  const std::size_t a = x.shape().axis(axis, "sum");
  return sum_over(x, AxisView(x.shape(), a), x.shape().without(a));
}

BasicTensor<double> Sum::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis"});
  const auto axis = axis_or_all(attributes, "all");
  return axis ? sum(operands[0], *axis) : sum(operands[0]);
}

template BasicTensor<float> sum(const BasicTensor<float>&);
template BasicTensor<double> sum(const BasicTensor<double>&);
template BasicTensor<Dual<double>> sum(const BasicTensor<Dual<double>>&);
template BasicTensor<float> sum(const BasicTensor<float>&, int);
template BasicTensor<double> sum(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> sum(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
