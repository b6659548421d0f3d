// The mean squared error of predictions.
#include <ops/mean_squared_error.hpp>

#include <cmath>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/prediction.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {
template <class W, class Real> W mean_of_squares(const Real* p, const Real* t, std::size_t n) {
  return sum_of<W>(n, [&](std::size_t k) { return square(W(p[k]) - W(t[k])); }) / static_cast<double>(n);
}

template <class Real> struct SquaredErrorPullback {
  const Real *p, *t;
  std::size_t n;
  Slot first;
  Destination to_p, to_t;
  bool near;  ///< no difference has left the range

  void operator()(BasicSweep<Real>& sweep) const {
    const Real up = sweep.adjoint(first)[0];
    if (to_p) pull(sweep.target(to_p), up);
    if (to_t) pull(sweep.target(to_t), -up);
  }
  void pull(const Target<Real>& target, const Real& up) const {
    if constexpr (PlainReal<Real>) {
      const double factor = 2 * static_cast<double>(up) / static_cast<double>(n);
      if (near && !is_extreme(factor)) [[likely]] return difference_kernels<Real>().scale(p, t, 1, factor, target.to, into_of(target), n);
    }
    using W = Wider<Real>;
    const W factor = W(up) * 2.0 / static_cast<double>(n);
    for (std::size_t k = 0; k < n; ++k) target.put(k, static_cast<Real>(factor * (W(p[k]) - W(t[k]))));
  }
};

/// The same of a linear model.
template <class Real> struct ResidualPullback {
  const Residuals<Real>* residuals;
  Slot first;
  Destination to_p, to_t;

  void operator()(BasicSweep<Real>& sweep) const {
    const Real up = sweep.adjoint(first)[0];
    const auto factor = static_cast<Real>(2 * static_cast<double>(up) / static_cast<double>(residuals->n));
    if (is_extreme(factor) || !sweep.put_multiple(to_p, {factor, residuals})) pull(sweep.target(to_p), up, factor);
    if (to_t) pull(sweep.target(to_t), -up, -factor);
  }
  void pull(const Target<Real>& target, Real up, Real factor) const {
    const Real* const e = residuals->elements;
    const std::size_t n = residuals->n;
    if (!is_extreme(factor)) [[likely]] return row_kernels<Real>().scale(e, factor, target.to, into_of(target), n);
    const Wider<Real> exact = Wider<Real>(up) * 2 / static_cast<double>(n);
    for (std::size_t k = 0; k < n; ++k) target.put(k, static_cast<Real>(exact * e[k]));
  }
};
}  // namespace

template <class Real> BasicTensor<Real> mean_squared_error(const BasicTensor<Real>& prediction, const BasicTensor<Real>& target) {
  if (prediction.shape() != target.shape())
    throw ShapeError(fmt::format("mean_squared_error: shapes differ: prediction is {}, target is {}", prediction.shape().text(), target.shape().text()));
  BasicResult<Real> result(Shape{}, {&prediction, &target});
  if constexpr (PlainReal<Real>)
    if (prediction.is_pending())
      if (const Residuals<Real>* const r = residuals(result, prediction, target.data())) {
        result.data()[0] = static_cast<Real>(r->squares / static_cast<double>(r->n));
        return std::move(result).record([&](Slot first) { return ResidualPullback<Real>{r, first, prediction.destination(), target.destination()}; });
      }
  const Real *p = prediction.data(), *t = target.data();
  const std::size_t n = prediction.size();
  bool near = true;
  if constexpr (PlainReal<Real>) {
    const double total = difference_kernels<Real>().moments(p, t, 1, n).second;
    near = std::isfinite(total);
    if (near) [[likely]] result.data()[0] = static_cast<Real>(total / static_cast<double>(n));
    else result.data()[0] = static_cast<Real>(mean_of_squares<long double>(p, t, n));
  } else {
    result.data()[0] = mean_of_squares<Work<Real>>(p, t, n);
  }
  return std::move(result).record([&](Slot first) {
    return SquaredErrorPullback<Real>{p, t, n, first, prediction.destination(), target.destination(), near};
  });
}

BasicTensor<double> MeanSquaredError::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return mean_squared_error(operands[0], operands[1]);
}

template BasicTensor<float> mean_squared_error(const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> mean_squared_error(const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> mean_squared_error(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
