// The log density of the normal distribution: by two moments for one sigma, element by element for many.
#include <ops/normal_log_density.hpp>

#include <cmath>
#include <limits>

#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/log.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {
constexpr long double half_log_two_pi = 0.918938533204672741780329736405617640L;

/// Which elements of the three operands belong together.
struct Together {
  std::size_t n;
  BroadcastMap x_mu, x_sigma;
  Together(const Shape& all, const Shape& x, const Shape& mu, const Shape& sigma) : n(all.size()), x_mu(all, x, mu), x_sigma(all, x, sigma) {}
  /// f(index in x, in mu, in sigma) for every observation.
  template <class F> void for_each(F&& f) const {
    const auto& e = x_mu.extents;
    const auto at = [](const auto& stride, std::size_t i, std::size_t j, std::size_t k) { return i * stride[0] + j * stride[1] + k * stride[2]; };
    for (std::size_t i = 0; i < e[0]; ++i)
      for (std::size_t j = 0; j < e[1]; ++j)
        for (std::size_t k = 0; k < e[2]; ++k) {
          const std::size_t a = at(x_mu.stride_a, i, j, k), b = at(x_mu.stride_b, i, j, k), c = at(x_sigma.stride_b, i, j, k);
          for (std::size_t l = 0; l < e[3]; ++l) f(a + l * x_mu.stride_a[3], b + l * x_mu.stride_b[3], c + l * x_sigma.stride_b[3]);
        }
  }
};

template <class Real> struct Density {
  Together together;
  const Real *x, *mu, *sigma;
  bool by_moments;                    ///< one sigma, and x in order
  std::size_t step_mu;
  Destination to_x{}, to_mu{}, to_sigma{};
  Slot first = 0;
  gradus_kernels::Moments moments{};  ///< of x - mu

  template <class W> [[nodiscard]] static W undefined() { return W(std::numeric_limits<double>::quiet_NaN()); }
  template <class W> [[nodiscard]] static W log_scale(const W& s) { return log(s) + static_cast<double>(half_log_two_pi); }

  /// In type W, element by element.
  template <class W> [[nodiscard]] W value() const {
    Compensated<W> sum;
    together.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
      const W s(sigma[k]), z = (W(x[i]) - W(mu[j])) / s;
      sum.add(s > 0.0 ? -0.5 * z * z : undefined<W>());
      sum.add(-log(s));
    });
    return sum.value() - static_cast<double>(together.n) * static_cast<W>(half_log_two_pi);
  }
  [[nodiscard]] Real by_elements() const {
    const auto v = value<Work<Real>>();
    if constexpr (std::is_same_v<Real, double>)
      if (!std::isfinite(v)) return static_cast<Real>(value<Wider<Real>>());
    return static_cast<Real>(v);
  }
  /// From the moments; false, and by_moments with it, where they have left the range.
  [[nodiscard]] bool take_moments(Real& result) {
    if constexpr (PlainReal<Real>) {
      const double s = static_cast<double>(*sigma), n = static_cast<double>(together.n);
      if (by_moments && s > 0 && std::isfinite(s)) {
        moments = difference_kernels<Real>().moments(x, mu, step_mu, together.n);
        const double squares = moments.second / s / s;
        // Squares below the range would count for nothing, although divided by that of sigma they may not be small.
        if (moments.second < 0x1p900 && (moments.second > 0x1p-900 || s > 0x1p-300)) {
          result = static_cast<Real>(-0.5 * squares - n * (std::log(s) + static_cast<double>(half_log_two_pi)));
          return std::isfinite(squares);
        }
      }
    }
    return by_moments = false;
  }

  void operator()(BasicSweep<Real>& sweep) const {
    const Real up = sweep.adjoint(first)[0];
    if constexpr (PlainReal<Real>)
      if (by_moments) {
        const double s = static_cast<double>(*sigma), g = static_cast<double>(up), n = static_cast<double>(together.n), factor = g / s / s;
        if (!is_extreme(factor) && !is_extreme(s)) [[likely]] {
          const auto& kernels = difference_kernels<Real>();
          const auto scale = [&](Destination to, double by) {
            const Target<Real> target = sweep.target(to);
            kernels.scale(x, mu, step_mu, by, target.to, into_of(target), together.n);
          };
          if (to_x) scale(to_x, -factor);
          if (to_mu && step_mu != 0) scale(to_mu, factor);
          else if (to_mu) sweep.target(to_mu).put(0, static_cast<Real>(factor * moments.first));
          if (to_sigma) sweep.target(to_sigma).put(0, static_cast<Real>(g * ((moments.second / s / s - n) / s)));
          return;
        }
      }
    pull_by_elements(sweep, up);
  }

  /// Adds up the parts of each operand in the wider range.
  void pull_by_elements(BasicSweep<Real>& sweep, const Real& up) const {
    using W = Wider<Real>;
    const auto pull = [&](Destination to, std::size_t size, auto&& part) {
      if (!to) return;
      const Scratch<Compensated<W>> sums(size);
      together.for_each([&](std::size_t i, std::size_t j, std::size_t k) {
        const W s(sigma[k]), z = (W(x[i]) - W(mu[j])) / s;
        part([&](std::size_t at, const W& p) { sums[at].add(s > 0.0 ? W(p * W(up)) : undefined<W>()); }, i, j, k, z, s);
      });
      const Target<Real> target = sweep.target(to);
      for (std::size_t i = 0; i < size; ++i) target.put(i, static_cast<Real>(sums[i].value()));
    };
    const auto size = [&](const auto& stride) {  // how many elements the operand has
      std::size_t last = 0;
      for (std::size_t axis = 0; axis < Shape::max_rank; ++axis) last += stride[axis] * (together.x_mu.extents[axis] - 1);
      return last + 1;
    };
    pull(to_x, size(together.x_mu.stride_a), [](auto add, std::size_t i, std::size_t, std::size_t, const W& z, const W& s) { add(i, -z / s); });
    pull(to_mu, size(together.x_mu.stride_b), [](auto add, std::size_t, std::size_t j, std::size_t, const W& z, const W& s) { add(j, z / s); });
    pull(to_sigma, size(together.x_sigma.stride_b), [](auto add, std::size_t, std::size_t, std::size_t k, const W& z, const W& s) {
      add(k, z * z / s);
      add(k, -1.0 / s);
    });
  }
};
}  // namespace

template <class Real> BasicTensor<Real> normal_log_density(const BasicTensor<Real>& x, const BasicTensor<Real>& mu, const BasicTensor<Real>& sigma) {
  const Shape all = broadcast(broadcast(x.shape(), mu.shape(), "normal_log_density"), sigma.shape(), "normal_log_density");
  const std::size_t n = all.size();
  BasicResult<Real> result(Shape{}, {&x, &mu, &sigma});
  Density<Real> density{.together = Together(all, x.shape(), mu.shape(), sigma.shape()), .x = x.data(), .mu = mu.data(), .sigma = sigma.data(),
                        .by_moments = sigma.size() == 1 && x.size() == n && (mu.size() == 1 || mu.size() == n), .step_mu = mu.size() == 1 ? 0U : 1U};
  density.to_x = x.destination(), density.to_mu = mu.destination(), density.to_sigma = sigma.destination();
  if (n == 0) result.data()[0] = Real(0);
  else if (!density.take_moments(result.data()[0])) result.data()[0] = density.by_elements();
  return std::move(result).record([&](Slot first) {
    density.first = first;
    return density;
  });
}

BasicTensor<double> NormalLogDensity::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return normal_log_density(operands[0], operands[1], operands[2]);
}

template BasicTensor<float> normal_log_density(const BasicTensor<float>&, const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> normal_log_density(const BasicTensor<double>&, const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> normal_log_density(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
