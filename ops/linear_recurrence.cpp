// A linear recurrence of first order: forward, and in reverse for the adjoints.
#include <ops/linear_recurrence.hpp>

#include <fmt/format.h>

#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {
/// a·b, where an adjoint b of 0 contributes 0 even through an infinity.
template <class Real> Real contribution_of(const Real& a, const Real& b) { return is_zero(b) ? b : a * b; }

template <class Real> struct RecurrencePullback {
  const Real *phi, *h0, *h;
  std::size_t step, n;  // step: that of phi, 0 or 1
  Slot first;
  Destination to_phi, to_u, to_h0;

  /// a_t = up_t + phi_{t+1} a_{t+1}
  void run_back(const Real* up, Real* a) const {
    if constexpr (PlainReal<Real>)
      if (step == 0) return recurrence_kernels<Real>().backward(static_cast<double>(*phi), 0, up, a, n);
    a[n - 1] = up[n - 1];
    for (std::size_t t = n - 1; t-- > 0;) a[t] = up[t] + contribution_of(phi[(t + 1) * step], a[t + 1]);
  }
  [[nodiscard]] const Real& before(std::size_t t) const { return t == 0 ? *h0 : h[t - 1]; }

  void operator()(BasicSweep<Real>& sweep) const {
    const Real* const up = sweep.adjoint(first);
    const Target<Real> target = to_u ? sweep.target(to_u) : Target<Real>{nullptr, false};
    const bool in_place = target.to != nullptr && !target.add;
    const Scratch<Real> own(in_place ? 0 : n);
    Real* const a = in_place ? target.to : own.data();
    run_back(up, a);
    if (to_u && !in_place)
      for (std::size_t t = 0; t < n; ++t) target.to[t] += a[t];
    const Real for_h0 = contribution_of(phi[0], a[0]);  // now: where phi is u, a is what its part is added to
    if (to_phi) pull_phi(sweep.target(to_phi), a);
    if (to_h0) sweep.target(to_h0).put(0, for_h0);
  }
  void pull_phi(const Target<Real>& target, const Real* a) const {
    if (step != 0) {
      for (std::size_t t = 0; t < n; ++t) target.put(t, contribution_of(before(t), a[t]));
      return;
    }
    if constexpr (PlainReal<Real>) {
      const double total = static_cast<double>(contribution_of(*h0, a[0])) + row_kernels<Real>().dot(a + 1, h, n - 1);
      if (!is_extreme(total) || total == 0) [[likely]] return target.put(0, static_cast<Real>(total));
    }
    using W = Wider<Real>;
    target.put(0, static_cast<Real>(sum_of<W>(n, [&](std::size_t t) { return contribution_of(W(before(t)), W(a[t])); })));
  }
};
}  // namespace

template <class Real> BasicTensor<Real> linear_recurrence(const BasicTensor<Real>& phi, const BasicTensor<Real>& u, const BasicTensor<Real>& h0) {
  const std::size_t n = u.size();
  if (u.rank() != 1 || h0.size() != 1 || (phi.size() != 1 && phi.shape() != u.shape()))
    throw ShapeError(fmt::format("linear_recurrence: u must be a vector, h0 one element, and phi one element or of u's shape: phi is {}, u is {}, h0 is {}",
                                 phi.shape().text(), u.shape().text(), h0.shape().text()));
  BasicResult<Real> result(u.shape(), {&phi, &u, &h0});
  const Real *factors = phi.data(), *in = u.data(), *start = h0.data();
  Real* h = result.data();
  const std::size_t step = phi.size() == 1 ? 0 : 1;
  const auto run = [&] {
    if constexpr (PlainReal<Real>)
      if (step == 0) return recurrence_kernels<Real>().forward(static_cast<double>(*factors), static_cast<double>(*start), in, h, n);
    for (std::size_t t = 0; t < n; ++t) h[t] = factors[t * step] * (t == 0 ? *start : h[t - 1]) + in[t];
  };
  run();
  return std::move(result).record([&](Slot first) {
    return RecurrencePullback<Real>{factors, start, h, step, n, first, phi.destination(), u.destination(), h0.destination()};
  });
}

BasicTensor<double> LinearRecurrence::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return linear_recurrence(operands[0], operands[1], operands[2]);
}

template BasicTensor<float> linear_recurrence(const BasicTensor<float>&, const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> linear_recurrence(const BasicTensor<double>&, const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> linear_recurrence(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
