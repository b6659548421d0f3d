// Softmax along an axis.
#include <ops/softmax.hpp>


#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {

/// add(i, s_i (w_i - sum_k s_k w_k)) for a row of softmax values s(k) and adjoints w(k).
/// Written with differences to a reference adjoint r, it has no cancellation but that of the adjoints themselves, for any r near the mean.
template <class W, class S, class U, class Add> void pull_row(std::size_t n, std::size_t top, S&& s, U&& w, Add&& add) {
  W r = w(top);
  W below = sum_of<W>(n, [&](std::size_t k) { return s(k) * (r - w(k)); });  // the term of the dominant entry is exactly 0
  if (!(s(top) >= 0.5)) {
    r = r - below;
    below = sum_of<W>(n, [&](std::size_t k) { return s(k) * (r - w(k)); });
  }
  for (std::size_t i = 0; i < n; ++i) add(i, s(i) * ((w(i) - r) + below));
}

/// put(i, part) for the contributions of a row.
template <class Real, class Put> void pull(Strided<const Real> z, Strided<const Real> s, Strided<const Real> w, std::size_t n, Put&& put) {
  bool zero = true, easy = true;
  for (std::size_t k = 0; k < n; ++k) {
    zero = zero && is_zero(w[k]);
    easy = easy && is_easy_adjoint(w[k]);
  }
  if (zero) {
    for (std::size_t i = 0; i < n; ++i) put(i, Real(0));
    return;
  }
  const std::size_t top = first_max(z, n);
  const auto add = [&](std::size_t i, const auto& part) { put(i, static_cast<Real>(part)); };
  if (easy && is_easy_row(z, s, n, top)) {
    using W = Work<Real>;
    pull_row<W>(n, top, [&](std::size_t k) { return static_cast<W>(s[k]); }, [&](std::size_t k) { return static_cast<W>(w[k]); }, add);
  } else {
    using W = Wider<Real>;
    const Scratch<W> wide(n);
    soft_row<W>(z, n, Strided<W>{wide.data(), 1});
    pull_row<W>(n, top, [&](std::size_t k) { return wide[k]; }, [&](std::size_t k) { return static_cast<W>(w[k]); }, add);
  }
}

}  // namespace

template <class Real> BasicTensor<Real> softmax(const BasicTensor<Real>& x, int axis) {
  const AxisView view(x.shape(), x.shape().axis(axis, "softmax"));
  BasicResult<Real> result(x.shape(), {&x});
  const Real* in = x.data();
  Real* out = result.data();
  if (view.length != 0)
    for_each_row(view, [&](std::size_t, std::size_t at) {
      if constexpr (PlainReal<Real>)
        if (view.inner == 1) return static_cast<void>(soft_row_by_kernels(in + at, view.length, out + at));
      soft_row<Work<Real>>(Strided<const Real>{in + at, view.inner}, view.length, Strided<Real>{out + at, view.inner});
    });
  return std::move(result).record([&](Slot first) {
    return [view, in, out = static_cast<const Real*>(out), first, to = x.destination()](BasicSweep<Real>& sweep) {
      const Real* const up = sweep.adjoint(first);
      const Target<Real> target = sweep.target(to);
      for_each_row(view, [&](std::size_t, std::size_t at) {
        const std::size_t step = view.inner;
        if constexpr (PlainReal<Real>)
          if (step == 1 && row_kernels<Real>().pull_softmax(in + at, out + at, up + at, target.to + at, into_of(target), view.length)) return;
        pull(Strided<const Real>{in + at, step}, Strided<const Real>{out + at, step}, Strided<const Real>{up + at, step}, view.length,
             [&](std::size_t i, const Real& part) { target.put(at + i * step, part); });
      });
    };
  });
}

BasicTensor<double> Softmax::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis"});
  return softmax(operands[0], attributes.integer("axis", -1));
}

template BasicTensor<float> softmax(const BasicTensor<float>&, int);
template BasicTensor<double> softmax(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> softmax(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
