// Sums of an array along one axis or over everything: the part that sum and mean share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <autodiff/adjoints.hpp>
#include <autodiff/deferred.hpp>
#include <autodiff/scratch.hpp>
#include <autodiff/tensor.hpp>
#include <ops/rows.hpp>

namespace gradus {

/// finish(sum of a row) for every row along the axis, in row order. A sum that has left the range of Real is repeated in Wider<Real>, and
/// finish sees it before it is rounded: [1e308, 1e308, -1e308] has a sum, and [1e308, 1e308] a mean.
template <class Real, class Finish> void sum_along(const AxisView& view, const Real* x, Real* out, Finish&& finish) {
  using W = Work<Real>;
  const auto store = [&](std::size_t row, std::size_t at, const W& sum) {
    if constexpr (std::is_same_v<Real, double>)
      if (!std::isfinite(sum)) [[unlikely]] {
        const auto term = [&](std::size_t k) { return static_cast<Wider<Real>>(x[at + k * view.inner]); };
        out[row] = static_cast<Real>(finish(sum_of<Wider<Real>>(view.length, term)));
        return;
      }
    out[row] = static_cast<Real>(finish(sum));
  };
  if (view.inner == 1) {
    for (std::size_t o = 0; o < view.outer; ++o) {
      const Real* row = x + o * view.length;
      if constexpr (PlainReal<Real>) store(o, o * view.length, row_kernels<Real>().sum(row, view.length));
      else store(o, o * view.length, sum_of<W>(view.length, [&](std::size_t k) { return static_cast<W>(row[k]); }));
    }
    return;
  }
  constexpr std::size_t chunk = 32;  // columns that are summed side by side, so that memory is read in order
  for (std::size_t o = 0; o < view.outer; ++o)
    for (std::size_t from = 0; from < view.inner; from += chunk) {
      const std::size_t columns = std::min(chunk, view.inner - from), first = o * view.length * view.inner + from;
      Compensated<W> sums[chunk];
      for (std::size_t k = 0; k < view.length; ++k)
        for (std::size_t i = 0; i < columns; ++i) sums[i].add(static_cast<W>(x[first + k * view.inner + i]));
      for (std::size_t i = 0; i < columns; ++i) store(o * view.inner + from + i, first + i, sums[i].value());
    }
}

/// finish(sum of a deferred array), deferred as well: a sweep finds it on its way.
template <class Real, class Finish> struct DeferredSum : Pending {
  Deferred<Real>* of;
  Real* out;
  Finish finish;
  DeferredSum(Deferred<Real>& array, Real* to, const Finish& f)
      : Pending{[](Pending& self) { static_cast<DeferredSum&>(self).work_out(); }}, of(&array), out(to), finish(f) {}

 private:
  void work_out() {
    if (const double total = of->total(); std::isfinite(total)) [[likely]] {
      *out = static_cast<Real>(finish(total));
    } else {
      if (!of->done) of->values();
      sum_along(AxisView(Shape{of->n}, 0), of->y, out, finish);
    }
    done = true;
  }
};

/// finish(sum of x) for an operand of the result, of which it is the only element.
template <class Real, class Finish> void sum_all(const BasicTensor<Real>& x, BasicResult<Real>& result, const Finish& finish) {
  if constexpr (PlainReal<Real>)
    if (Deferred<Real>* const array = x.deferred()) {
      auto* const deferred = result.tape().template allocate<DeferredSum<Real, Finish>>(1);
      result.defer(*::new (deferred) DeferredSum<Real, Finish>(*array, result.data(), finish));
      return;
    }
  sum_along(AxisView(Shape{x.size()}, 0), x.data(), result.data(), finish);
}

/// Contributes to the adjoint of every entry that of its row, as given(row).
template <class Real, class Given> void spread_along(const AxisView& view, const Target<Real>& target, Given&& given) {
  if constexpr (PlainReal<Real>)
    if (view.inner == 1) {
      for (std::size_t o = 0; o < view.outer; ++o) row_kernels<Real>().spread(given(o), target.to + o * view.length, into_of(target), view.length);
      return;
    }
  for (std::size_t o = 0; o < view.outer; ++o)
    for (std::size_t k = 0; k < view.length; ++k)
      for (std::size_t i = 0; i < view.inner; ++i) target.put((o * view.length + k) * view.inner + i, given(o * view.inner + i));
}

/// Contributes the same part to the adjoint of every element of an operand.
template <class Real> void spread_all(std::size_t n, BasicSweep<Real>& sweep, Destination to, const Real& part) {
  if (!sweep.put_uniform(to, part)) spread_along(AxisView(Shape{n}, 0), sweep.target(to), [&](std::size_t) { return part; });
}

/// Contributes to target element j the sum of column j of a row-major matrix.
template <class Real> void put_column_sums(const Real* x, std::size_t rows, std::size_t columns, const Target<Real>& target) {
  const AxisView view(Shape{rows, columns}, 0);
  if constexpr (PlainReal<Real>)
    if (row_kernels<Real>().column_sums(x, rows, columns, target.to, into_of(target))) return;
  const auto total = [](const auto& sum) { return sum; };
  if (!target.add) return sum_along(view, x, target.to, total);
  const Scratch<Real> sums(columns);
  sum_along(view, x, sums.data(), total);
  for (std::size_t j = 0; j < columns; ++j) target.to[j] += sums[j];
}

}  // namespace gradus
