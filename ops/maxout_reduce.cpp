// Maxout over pieces that have been computed already.
#include <ops/maxout_reduce.hpp>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/axis_max.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> maxout_reduce(const BasicTensor<Real>& x, int axis) {
  const std::size_t a = x.shape().axis(axis, "maxout_reduce");
  if (x.shape()[a] == 0) throw ShapeError(fmt::format("maxout_reduce: the maximum of no pieces: axis {} of {}", axis, x.shape().text()));
  return max_along(x, AxisView(x.shape(), a), x.shape().without(a));
}

BasicTensor<double> MaxoutReduce::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis", "k"});
  const int axis = attributes.integer("axis", -1);
  require_count(info, attributes, "k", operands[0].shape()[operands[0].shape().axis(axis, "maxout_reduce")]);
  return maxout_reduce(operands[0], axis);
}

template BasicTensor<float> maxout_reduce(const BasicTensor<float>&, int);
template BasicTensor<double> maxout_reduce(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> maxout_reduce(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
