// The cross-entropy between given probabilities and labels.
#include <ops/cross_entropy.hpp>

#include <fmt/format.h>

#include <ops/array_call.hpp>
#include <ops/log.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {

template <class W, class Real> W value_of_row(const Real* s, const Real* y, std::size_t n) {
  return sum_of<W>(n, [&](std::size_t k) {
    if (is_zero(y[k])) return s[k] == s[k] ? W(0) : W(s[k]);
    return -(W(y[k]) * log(W(s[k])));
  });
}

/// -up·y/s; the product may leave the range of Real although the quotient does not.
template <class Real> Real share_of_s(const Real& up, const Real& y, const Real& s) {
  using W = Work<Real>;
  if (is_zero(y) && s == s) return Real(0);
  const W product = W(up) * W(y), quotient = product / W(s);
  if constexpr (std::is_same_v<Real, double>)
    if (is_extreme(product) || is_extreme(quotient)) return static_cast<Real>(-(Wider<Real>(up) * Wider<Real>(y) / Wider<Real>(s)));
  return static_cast<Real>(-quotient);
}

}  // namespace

template <class Real> BasicTensor<Real> cross_entropy(const BasicTensor<Real>& s, const BasicTensor<Real>& y) {
  if (s.shape() != y.shape()) throw ShapeError(fmt::format("cross_entropy: shapes differ: s is {}, y is {}", s.shape().text(), y.shape().text()));
  const std::size_t axis = s.shape().axis(-1, "cross_entropy"), n = s.shape()[axis];
  BasicResult<Real> result(s.shape().without(axis), {&s, &y});
  const Real *ps = s.data(), *py = y.data();
  const std::size_t rows = result.size();
  for (std::size_t r = 0; r < rows; ++r) {
    const auto value = value_of_row<Work<Real>>(ps + r * n, py + r * n, n);
    result.data()[r] = static_cast<Real>(value);
    if constexpr (std::is_same_v<Real, double>)
      if (is_extreme(value)) result.data()[r] = static_cast<Real>(value_of_row<Wider<Real>>(ps + r * n, py + r * n, n));
  }
  return std::move(result).record([&](Slot first) {
    return [ps, py, n, rows, first, to_s = s.destination(), to_y = y.destination()](BasicSweep<Real>& sweep) {
      const auto pull = [&](Destination to, auto&& part) {
        const Target<Real> target = sweep.target(to);
        for (std::size_t r = 0; r < rows; ++r) {
          const Real up = sweep.adjoint(first)[r];
          for (std::size_t k = r * n; k < (r + 1) * n; ++k) target.put(k, is_zero(up) ? up : part(up, k));
        }
      };
      if (to_s) pull(to_s, [&](const Real& up, std::size_t k) { return share_of_s(up, py[k], ps[k]); });
      if (to_y) pull(to_y, [&](const Real& up, std::size_t k) { return static_cast<Real>(-(Work<Real>(up) * log(Work<Real>(ps[k])))); });
    };
  });
}

BasicTensor<double> CrossEntropy::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes);
  return cross_entropy(operands[0], operands[1]);
}

template BasicTensor<float> cross_entropy(const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> cross_entropy(const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> cross_entropy(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
