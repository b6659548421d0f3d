// The logarithm of a sum of exponentials.
#include <ops/log_sum_exp.hpp>

#include <limits>

#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/rows.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> log_sum_exp(const BasicTensor<Real>& x, int axis) {
  using W = Work<Real>;
  const std::size_t a = x.shape().axis(axis, "log_sum_exp");
  const AxisView view(x.shape(), a);
  BasicResult<Real> result(x.shape().without(a), {&x});
  const Real* in = x.data();
  Real* out = result.data();
  constexpr std::size_t beyond = gradus_kernels::Rows<double>::beyond * sizeof(double) / sizeof(float);  // of either type
  Real* soft = result.is_recorded() ? result.scratch(x.size() + beyond) : nullptr;
  const Scratch<Real> own(soft == nullptr && view.inner == 1 ? view.length + beyond : 0);
  // By kernels `soft` has exponentials, and these what they are to be divided by; 0 where a row needs a wider range.
  auto* totals = result.is_recorded() && view.inner == 1 ? result.tape().template allocate<double>(result.size()) : nullptr;
  for_each_row(view, [&](std::size_t row, std::size_t at) {
    if (view.length == 0) {
      out[row] = Real(-std::numeric_limits<double>::infinity());
      return;
    }
    const Strided<const Real> z{in + at, view.inner};
    if constexpr (PlainReal<Real>)
      if (view.inner == 1) {
        const auto of = row_kernels<Real>().exponentials(in + at, soft == nullptr ? own.data() : soft + at, view.length);
        if (soft != nullptr) totals[row] = of.is_easy() ? 1 + of.rest() : 0;
        if (of.is_ordinary()) {
          out[row] = static_cast<Real>(of.top + log_of_total(of.rest()));
          return;
        }
      }
    const auto [top, rest] = soft_row<W>(z, view.length, Strided<Real>{soft == nullptr ? nullptr : soft + at, view.inner});
    const bool finite = plain(z[top]) - plain(z[top]) == 0;
    out[row] = finite ? static_cast<Real>(W(z[top]) + log1p(rest)) : z[top];
  });
  return std::move(result).record([&](Slot first) {
    return [view, in, soft = static_cast<const Real*>(soft), totals = static_cast<const double*>(totals), first,
            to = x.destination()](BasicSweep<Real>& sweep) {
      const Target<Real> target = sweep.target(to);
      for_each_row(view, [&](std::size_t row, std::size_t at) {
        const Real up = sweep.adjoint(first)[row];
        const auto put = [&](std::size_t k, const Real& part) { target.put(at + k * view.inner, part); };
        if constexpr (PlainReal<Real>)
          if (view.inner == 1 && view.length != 0 && totals[row] != 0)
            return row_kernels<Real>().scale(soft + at, static_cast<Real>(static_cast<double>(up) / totals[row]), target.to + at, into_of(target), view.length);
        if (is_zero(up)) {
          for (std::size_t k = 0; k < view.length; ++k) put(k, up);
          return;
        }
        const Strided<const Real> z{in + at, view.inner}, s{soft + at, view.inner};
        if (!(PlainReal<Real> && view.inner == 1) && is_easy_row(z, s, view.length, first_max(z, view.length))) {
          for (std::size_t k = 0; k < view.length; ++k) put(k, s[k] * up);
        } else {
          const Scratch<Wider<Real>> wide(view.length);
          soft_row<Wider<Real>>(z, view.length, Strided<Wider<Real>>{wide.data(), 1});
          for (std::size_t k = 0; k < view.length; ++k) put(k, static_cast<Real>(wide[k] * static_cast<Wider<Real>>(up)));
        }
      });
    };
  });
}

BasicTensor<double> LogSumExp::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"axis"});
  return log_sum_exp(operands[0], attributes.integer("axis", -1));
}

template BasicTensor<float> log_sum_exp(const BasicTensor<float>&, int);
template BasicTensor<double> log_sum_exp(const BasicTensor<double>&, int);
template BasicTensor<Dual<double>> log_sum_exp(const BasicTensor<Dual<double>>&, int);

}  // namespace gradus
