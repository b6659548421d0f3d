// Division of an array by one number: through its inverse, rounded as a division is.
#pragma once

#include <cmath>

#include <autodiff/simd/elementwise.hpp>
#include <autodiff/simd/pack.hpp>

namespace gradus {

/// Quotients by a divisor of ordinary size. A division of registers takes as long as eight multiplications or more.
/// With y = 1/b rounded to nearest and q within a last place of x/b, fma(fma(-q, b, x), y, q) is x/b rounded to nearest, provided that nothing
/// underflows (Markstein, IBM J. Res. Dev. 34, 1990): the first step brings q so near, the second rounds it.
class Divisor {
 public:
  static constexpr int lanes = Register<double>::lanes;
  using P = Pack<double, lanes>;

  explicit Divisor(double b) : b_(b), inverse_(1 / b) {}
  /// False: divide instead.
  static bool is_worth_it(double b) { return has_fma && std::abs(b) >= 0x1p-400 && std::abs(b) <= 0x1p400; }

  GRADUS_INLINE P inverse() const { return inverse_; }
  /// Within 0.51 ulp where nothing underflows.
  GRADUS_INLINE P near_quotient(const P& x) const {
    const P q = x * inverse_;
    return fma(fma(-q, b_, x), inverse_, q);
  }
  GRADUS_INLINE P quotient(const P& x) const {
    const P size = abs(x);
    if (!all(size >= 0x1p-500 && size <= 0x1p500)) [[unlikely]] return x / b_;  // a 0 has a sign, too
    const P q = near_quotient(x);
    return fma(fma(-q, b_, x), inverse_, q);
  }
  /// Of floats, whose quotients are never so near the middle between two floats that a last place of a double matters.
  GRADUS_INLINE Pack<float, 2 * lanes> quotient(const Pack<float, 2 * lanes>& x) const { return join(low_half(x) * inverse_, high_half(x) * inverse_); }

 private:
  P b_, inverse_;
};

template <class Real, class F> GRADUS_INLINE void for_each_register(std::size_t n, F f) {
  constexpr std::size_t lanes = Register<Real>::lanes;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(i, lanes);
  if (i < n) f(i, n - i);
}
template <class Real> GRADUS_INLINE Pack<Real, Register<Real>::lanes> load_register(const Real* from, std::size_t count) {
  using X = Pack<Real, Register<Real>::lanes>;
  return count == static_cast<std::size_t>(X::lanes) ? X::load(from) : X::load(from, count);
}
template <class X, class Real> GRADUS_INLINE void store_register(const X& x, Real* to, std::size_t count) {
  if (count == static_cast<std::size_t>(X::lanes)) x.store(to);
  else x.store(to, count);
}

/// y = a/b; false, and nothing is done, where a plain division is to be preferred.
template <class Real> bool divide_by_one(const Real* a, Real b, Real* y, std::size_t n) {
  if (!Divisor::is_worth_it(static_cast<double>(b))) return false;
  const Divisor divisor(static_cast<double>(b));
  for_each_register<Real>(n, [&](std::size_t i, std::size_t count) __attribute__((always_inline)) {
    store_register(divisor.quotient(load_register(a + i, count)), y + i, count);
  });
  return true;
}

/// The pullback of y = a/b, of which y is given: up/b for a, the sum of -up·y/b for b, which is added to `sum`.
/// False, and nothing is done, where some part needs more care.
template <class Sum>
bool pull_division_by_one(const double* a, const double* y, double b, const double* up, double* to, gradus_kernels::Into into, Sum& sum, std::size_t n) {
  using P = Divisor::P;
  if (!Divisor::is_worth_it(b)) return false;
  const Divisor divisor(b);
  auto careful = P(0.0) != P(0.0);
  for_each_register<double>(n, [&](std::size_t i, std::size_t count) __attribute__((always_inline)) {
    const P at = abs(load_register(y + i, count)), adjoint = abs(load_register(up + i, count));
    careful = careful || (!(at >= 0x1p-500 && at <= 0x1p500) && adjoint != 0.0 && at != 0.0);
    const auto zero = at == 0.0 && adjoint != 0.0;
    if (any(zero)) careful = careful || (zero && load_register(a + i, count) != 0.0);  // the quotient has underflowed
  });
  if (any(careful)) return false;
  for_each_register<double>(n, [&](std::size_t i, std::size_t count) __attribute__((always_inline)) {
    const P at = load_register(y + i, count), adjoint = load_register(up + i, count);
    const auto nothing = adjoint == 0.0;
    sum.add(where(nothing, P(0.0), -(divisor.near_quotient(at) * adjoint)));
    if (into == gradus_kernels::Into::none) return;
    P part = where(nothing, adjoint, divisor.inverse() * adjoint);
    if (into == gradus_kernels::Into::add) part += load_register(to + i, count);
    store_register(part, to + i, count);
  });
  return true;
}

}  // namespace gradus
