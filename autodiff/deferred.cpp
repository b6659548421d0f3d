// Works out deferred elementwise results: values, the sum, or the contributions to an adjoint, in one pass each.
#include <autodiff/deferred.hpp>

#include <algorithm>

#include <autodiff/scratch.hpp>

namespace gradus {
namespace {
constexpr std::size_t chunk = 1024;  // what passes from one kernel to the next stays in the first cache
}

template <class Real>
Deferred<Real>::Deferred(const gradus_kernels::Unary<Real>* k, const void* o, const Real* in, Real* out, Real* s, std::size_t size)
    : Pending{&compute_values}, kernels(k), op(o), x(in), y(out), slopes(s), n(size) {}

template <class Real> void Deferred<Real>::values() {
  if (slopes == nullptr || has_slopes) {
    kernels->value(op, x, y, n);
  } else {
    kernels->value_and_slope(op, x, y, slopes, n);
    has_slopes = true;
  }
  done = true;
}

template <class Real> double Deferred<Real>::total() {
  if (has_total) return sum;
  gradus_kernels::RunningSum running;
  if (slopes != nullptr) {
    kernels->sum_and_slope(op, x, slopes, n, running);
    has_slopes = true;
  } else {
    const Scratch<Real> unused(chunk);
    for (std::size_t i = 0; i < n; i += chunk) kernels->sum_and_slope(op, x + i, unused.data(), std::min(chunk, n - i), running);
  }
  has_total = true;
  return sum = kernels->total(running);
}

template <class Real> void Deferred<Real>::settle() {
  static_cast<void>(total());
  if (!done) values();
}

template <class Real> void Deferred<Real>::pull(BasicSweep<Real>& sweep, Slot first, Destination to) {
  using gradus_kernels::Into;
  const Target<Real> target = sweep.target(to);
  if (const Real* up = sweep.uniform()) {
    pull_uniform(*up, target);
    return;
  }
  if (slopes == nullptr ? !done : !has_slopes) values();
  kernels->pull(op, x, slopes != nullptr ? slopes : y, sweep.adjoint(first), target.to, target.add ? Into::add : Into::write, n);
}

template <class Real> void Deferred<Real>::pull_uniform(Real up, const Target<Real>& target) {
  using gradus_kernels::Into;
  if (has_slopes) {
    kernels->pull_uniform(op, x, slopes, up, target.to, target.add ? Into::add : Into::write, n);
    return;
  }
  gradus_kernels::RunningSum running;
  if (up == Real(1) && !target.add) {  // slopes are what is to be written
    if (!kernels->sum_and_slope(op, x, target.to, n, running)) kernels->pull_uniform(op, x, target.to, up, target.to, Into::write, n);
  } else {
    const Scratch<Real> scratch(chunk);
    for (std::size_t i = 0; i < n; i += chunk) {
      const std::size_t count = std::min(chunk, n - i);
      kernels->sum_and_slope(op, x + i, scratch.data(), count, running);
      kernels->pull_uniform(op, x + i, scratch.data(), up, target.to + i, target.add ? Into::add : Into::write, count);
    }
  }
  if (has_total) return;
  has_total = true;
  sum = kernels->total(running);
}

template struct Deferred<float>;
template struct Deferred<double>;

}  // namespace gradus
