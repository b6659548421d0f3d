// The logarithm of softmax along an axis.
#include <ops/log_softmax.hpp>


#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {

/// add(i, w_i - s_i sum_k w_k) for a row of softmax values s(k) and adjoints w(k).
template <class W, class S, class U, class Add> void pull_row(std::size_t n, std::size_t top, S&& s, U&& w, Add&& add) {
  const W others = sum_of<W>(n, [&](std::size_t k) { return k == top ? W(0) : w(k); });
  const W rest = sum_of<W>(n, [&](std::size_t k) { return k == top ? W(0) : s(k); });
  const W total = others + w(top);
  for (std::size_t i = 0; i < n; ++i) add(i, i == top ? w(i) * rest - s(i) * others : w(i) - s(i) * total);
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

template <class Real> BasicTensor<Real> log_softmax(const BasicTensor<Real>& x, int axis) {
  using W = Work<Real>;
  const AxisView view(x.shape(), x.shape().axis(axis, "log_softmax"));
  BasicResult<Real> result(x.shape(), {&x});
  const Real* in = x.data();
  Real* out = result.data();
  Real* soft = result.is_recorded() ? result.scratch(x.size()) : nullptr;  // exp(y) is off by |y| ulps: the pullback needs the softmax itself
  const std::size_t step = view.inner;
  if (view.length != 0)
    for_each_row(view, [&](std::size_t, std::size_t at) {
      const Strided<const Real> z{in + at, step};
      if constexpr (PlainReal<Real>)
        if (step == 1) {
          const auto row = row_kernels<Real>().softmax(in + at, soft == nullptr ? out + at : soft + at, view.length);
          if (row.is_ordinary()) return row_kernels<Real>().log_softmax(in + at, row, std::log1p(row.rest()), out + at, view.length);
        }
      const auto [top, rest] = soft_row<W>(z, view.length, Strided<Real>{soft == nullptr ? nullptr : soft + at, step});
      const W log_sum = log1p(rest);
      for (std::size_t k = 0; k < view.length; ++k) {
        const auto difference = two_sum(W(z[k]), -W(z[top]));
        out[at + k * step] = static_cast<Real>(k == top ? -log_sum : (difference.high - log_sum) + difference.low);
      }
    });
  return std::move(result).record([&](Slot first) {
    return [view, in, soft = static_cast<const Real*>(soft), first, to = x.destination()](BasicSweep<Real>& sweep) {
      const Real* const up = sweep.adjoint(first);
      const Target<Real> target = sweep.target(to);
      for_each_row(view, [&](std::size_t, std::size_t at) {
        if constexpr (PlainReal<Real>)
          if (view.inner == 1 && row_kernels<Real>().pull_log_softmax(in + at, soft + at, up + at, target.to + at, into_of(target), view.length)) return;
        pull(Strided<const Real>{in + at, view.inner}, Strided<const Real>{soft + at, view.inner}, Strided<const Real>{up + at, view.inner}, view.length,
             [&](std::size_t i, const Real& part) { target.put(at + i * view.inner, part); });
      });
    };
  });
}

BasicTensor<double> LogSoftmax::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis"});
  return log_softmax(operands[0], attributes.integer("axis", -1));
}

template BasicTensor<float> log_softmax(const BasicTensor<float>&, int);
template BasicTensor<double> log_softmax(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> log_softmax(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
