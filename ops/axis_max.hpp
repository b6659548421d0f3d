// The largest entry along an axis: the part that reduce_max and maxout_reduce share.
#pragma once

#include <cstdint>

#include <autodiff/tensor.hpp>
#include <ops/rows.hpp>

namespace gradus {

/// The largest entry of every row along the axis; its adjoint goes to the first of equal ones. Rows must not be empty.
template <class Real> [[nodiscard]] BasicTensor<Real> max_along(const BasicTensor<Real>& x, const AxisView& view, const Shape& shape) {
  BasicResult<Real> result(shape, {&x});
  auto* chosen = result.is_recorded() ? result.tape().template allocate<std::uint32_t>(result.size()) : nullptr;
  const Real* in = x.data();
  Real* out = result.data();
  for_each_row(view, [&](std::size_t row, std::size_t at) {
    const std::size_t from = at + first_max(Strided<const Real>{in + at, view.inner}, view.length) * view.inner;
    out[row] = in[from];
    if (chosen != nullptr) chosen[row] = static_cast<std::uint32_t>(from);
  });
  return std::move(result).record([&](Slot first) {
    return [chosen = static_cast<const std::uint32_t*>(chosen), n = shape.size(), first, to = x.destination()](BasicSweep<Real>& sweep) {
      const Real* const up = sweep.adjoint(first);
      Real* const sum = sweep.sum(to);
      for (std::size_t row = 0; row < n; ++row) sum[chosen[row]] += up[row];
    };
  });
}

}  // namespace gradus
