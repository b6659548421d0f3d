// The largest element of an array.
#include <ops/reduce_max.hpp>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/axis_max.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> reduce_max(const BasicTensor<Real>& x) {
  if (x.size() == 0) throw ShapeError(fmt::format("reduce_max: the maximum of no elements: x is {}", x.shape().text()));
  return max_along(x, AxisView(Shape{x.size()}, 0), Shape{});
}
template <class Real> BasicTensor<Real> reduce_max(const BasicTensor<Real>& x, int axis) {
  const std::size_t a = x.shape().axis(axis, "reduce_max");
  if (x.shape()[a] == 0) throw ShapeError(fmt::format("reduce_max: the maximum of no elements: axis {} of {}", axis, x.shape().text()));
  return max_along(x, AxisView(x.shape(), a), x.shape().without(a));
}

BasicTensor<double> ReduceMax::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis"});
  const auto axis = axis_or_all(attributes, "all");
  return axis ? reduce_max(operands[0], *axis) : reduce_max(operands[0]);
}

template BasicTensor<float> reduce_max(const BasicTensor<float>&);
template BasicTensor<double> reduce_max(const BasicTensor<double>&);
template BasicTensor<Dual<double>> reduce_max(const BasicTensor<Dual<double>>&);
template BasicTensor<float> reduce_max(const BasicTensor<float>&, int);
template BasicTensor<double> reduce_max(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> reduce_max(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
