// The mean of an array.
#include <ops/mean.hpp>

#include <ops/array_call.hpp>
#include <ops/axis_sum.hpp>

namespace gradus {

namespace {
template <class Real> BasicTensor<Real> mean_over(const BasicTensor<Real>& x, const AxisView& view, const Shape& shape) {
  const auto n = static_cast<double>(view.length);
  BasicResult<Real> result(shape, {&x});
  sum_along(view, x.data(), result.data(), [n](const auto& total) { return total / n; });
  return std::move(result).record([&](Slot first) {
    return [view, n, first, to = x.destination()](BasicSweep<Real>& sweep) {
      spread_along(view, sweep.target(to), [n, up = sweep.adjoint(first)](std::size_t row) { return static_cast<Real>(up[row] / static_cast<Real>(n)); });
    };
  });
}
}  // namespace

template <class Real> BasicTensor<Real> mean(const BasicTensor<Real>& x) {
  BasicResult<Real> result(Shape{}, {&x});
  const auto n = static_cast<double>(x.size());
  sum_all(x, result, [n](const auto& total) { return total / n; });
  return std::move(result).record([&](Slot first) {
    return [size = x.size(), n, first, to = x.destination()](BasicSweep<Real>& sweep) {
      spread_all(size, sweep, to, static_cast<Real>(*sweep.adjoint(first) / static_cast<Real>(n)));
    };
  });
}
template <class Real> BasicTensor<Real> mean(const BasicTensor<Real>& x, int axis) {
  const std::size_t a = x.shape().axis(axis, "mean");
  return mean_over(x, AxisView(x.shape(), a), x.shape().without(a));
}

BasicTensor<double> Mean::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis"});
  const auto axis = axis_or_all(attributes, "all");
  return axis ? mean(operands[0], *axis) : mean(operands[0]);
}

template BasicTensor<float> mean(const BasicTensor<float>&);
template BasicTensor<double> mean(const BasicTensor<double>&);
template BasicTensor<Dual<double>> mean(const BasicTensor<Dual<double>>&);
template BasicTensor<float> mean(const BasicTensor<float>&, int);
template BasicTensor<double> mean(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> mean(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
