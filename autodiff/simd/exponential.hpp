// exp, expm1, tanh and division by 1 + e for packs of doubles: what the activation functions are made of. They share their common parts when a value and
// its derivative are formed together, which calls of a library would not.
#pragma once

#include <autodiff/simd/pack.hpp>

namespace gradus::detail {

template <int N> GRADUS_INLINE Pack<double, N> copy_sign(Pack<double, N> size, const Pack<double, N>& sign) {
  using R = Register<double>;
  const auto bit = reinterpret_cast<R::Bits>(-R::Values{});
  for (int p = 0; p < Pack<double, N>::parts; ++p)
    size.part[p] = reinterpret_cast<R::Values>((reinterpret_cast<R::Bits>(size.part[p]) & ~bit) | (reinterpret_cast<R::Bits>(sign.part[p]) & bit));
  return size;
}

/// x·2^k for a whole k, |k| < 2000. Rounds once where the result is subnormal.
template <int N> GRADUS_INLINE Pack<double, N> times_power_of_two(Pack<double, N> x, const Pack<double, N>& k) {
  for (int p = 0; p < Pack<double, N>::parts; ++p) {
#if defined(__AVX512F__)
    x.part[p] = _mm512_maskz_scalef_pd(0xff, x.part[p], k.part[p]);
#else
    using R = Register<double>;
    // In two factors, as 2^k itself may be out of range. Adding 1.5·2^52 leaves a whole number in the low bits.
    const R::Values half = (k.part[p] * 0.5 + 0x1.8p52) - 0x1.8p52, rest = k.part[p] - half;
    const auto power = [](R::Values whole) { return reinterpret_cast<R::Values>((reinterpret_cast<R::Bits>(whole + 0x1.8p52) + 1023) << 52); };
    x.part[p] = x.part[p] * power(half) * power(rest);
#endif
  }
  return x;
}

/// exp(x) = 2^k·(1 + r + rest), with |r| < 0.35 and rest of about r²/2: what is added last loses nothing.
template <int N> struct ExponentialParts { Pack<double, N> k, r, rest; };

template <int N> GRADUS_INLINE ExponentialParts<N> exponential_parts(const Pack<double, N>& x) {
  using P = Pack<double, N>;
  P within = x;  // results are 0 or infinite beyond; NaN stays
  within = where(P(800.0) < within, 800.0, within);
  within = where(P(-800.0) > within, -800.0, within);
  const P k = multiply_add(within, P(1.4426950408889634), P(0x1.8p52)) - 0x1.8p52;
  const P coarse = within - k * 0x1.62e42fefa38p-1;  // exact: that part of log 2 has 42 bits, k has 11
  const P fine = k * -5.497923018708371e-14, r = coarse + fine, lost = (coarse - r) + fine;
  // Minimax on |r| < log(2)/2, relative error 8e-18.
  const P r2 = r * r, r4 = r2 * r2;
  const auto pair = [&](double a, double b) { return multiply_add(P(b), r, P(a)); };
  const P low = multiply_add(pair(4.166666666652199074e-2, 8.333333333322207296e-3), r2, pair(0.5000000000000010224, 0.1666666666666667453));
  const P high = multiply_add(pair(2.48014872600123423e-5, 2.755724233668041298e-6), r2, pair(1.388888894782089141e-3, 1.984126988659099928e-4));
  const P q = multiply_add(multiply_add(pair(2.763265575933008487e-7, 2.511004989583967958e-8), r4, high), r4, low);
  return {k, r, multiply_add(r2, q, lost)};
}

/// exp(x)·2^shift.
template <int N> GRADUS_INLINE Pack<double, N> shifted_exp(const Pack<double, N>& x, double shift) {
  const auto [k, r, rest] = exponential_parts(x);
  const auto one = r + 1.0;
  return times_power_of_two(one + ((r - (one - 1.0)) + rest), k + shift);
}

/// 1/(1 + e) for 0 <= e <= 1, as high + low: what is lost in 1 + e is put back.
template <int N> GRADUS_INLINE TwoPart<Pack<double, N>> inverse_of_one_plus(const Pack<double, N>& e) {
  using P = Pack<double, N>;
  const P s = e + 1.0, lost = e - (s - 1.0);
  P inverse;
#if defined(__AVX512F__)
  // From 14 bits to 42 and, below, to all of them: a division takes three times as long.
  for (int p = 0; p < P::parts; ++p) inverse.part[p] = _mm512_maskz_rcp14_pd(0xff, s.part[p]);
  const P error = fma(-s, inverse, P(1.0));
  inverse = fma(inverse, fma(error, error, error), inverse);
#else
  inverse = 1.0 / s;
#endif
  if constexpr (has_fma) {
    const P residue = fma(-lost, inverse, fma(-s, inverse, P(1.0))), high = fma(inverse, residue, inverse);
    return {high, fma(inverse, residue, inverse - high)};
  } else {
    return {inverse - lost * (inverse * inverse), P(0.0)};
  }
}

}  // namespace gradus::detail

namespace gradus {

template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> exp(const Pack<double, N>& x) {
  return detail::shifted_exp(x, 0.0);
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> expm1(const Pack<double, N>& x) {
  const auto [k, r, rest] = detail::exponential_parts(x);
  // (2^k - 1) + 2^k·(r + rest), halved on the way: 2^1024 is out of range.
  const auto power = detail::times_power_of_two(Pack<double, N>(0.5), k), a = power - 0.5, lost = (power - a) - 0.5, b = power * r;
  const auto sum = a + b, back = sum - a, low = (a - (sum - back)) + (b - back);
  const auto result = 2.0 * (sum + (low + (lost + power * rest)));
  return where(abs(x) < 1e-17, x, where(x > 710.0, std::numeric_limits<double>::infinity(), result));
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> tanh(const Pack<double, N>& x) {
  const auto twice = -2.0 * abs(x);
  return detail::copy_sign(expm1(twice) * detail::inverse_of_one_plus(exp(twice)).high, x);
}

// What number.hpp has for plain numbers.
template <class A, int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> over_one_plus(const A& a, const Pack<double, N>& e) { return a * detail::inverse_of_one_plus(e).high; }
template <class A, int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> over_square_of_one_plus(const A& a, const Pack<double, N>& e) {
  if constexpr (has_fma) {
    const auto [high, low] = detail::inverse_of_one_plus(e);
    const auto square = high * high, rest = fma(2.0 * high, low, fma(high, high, -square));
    return fma(Pack<double, N>(a), square, a * rest);
  } else {
    return a / (1.0 + e * (2.0 + e));
  }
}

}  // namespace gradus
