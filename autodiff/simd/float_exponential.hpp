// exp, expm1 and division by 1 + e for packs of floats, as the activation functions want them: at or below 0, with common parts.
// For processors with fused multiply-add: others work activations of floats out in double.
#pragma once

#include <autodiff/simd/exponential.hpp>

namespace gradus::detail {

/// e^x = power·(1 + p) for x <= 0, with power = 2^k. Below -104 everything is 0.
template <int N> struct FloatExponentialParts {
  Pack<float, N> power, p;
};

template <int N> GRADUS_INLINE FloatExponentialParts<N> float_exponential_parts(const Pack<float, N>& x) {
  using P = Pack<float, N>;
  const P within = larger(P(-104.0), x), k = fma(within, P(1.4426950408889634), P(0x1.8p23)) - 0x1.8p23;
  const P coarse = fma(k, P(-0x1.62e4p-1), within);  // exact: that part of log 2 has 15 bits, k has 8
  const P r = fma(k, P(-0x1.7f7d1cf79abcap-20), coarse), r2 = r * r;
  // Minimax on |r| < 0.3475, error 5e-11.
  const auto pair = [&](double a, double b) __attribute__((always_inline)) { return fma(P(b), r, P(a)); };
  const P q = fma(fma(pair(0x1.6d8ef4p-10, 0x1.9f07ap-13), r2, pair(0x1.55548cp-5, 0x1.111274p-7)), r2, pair(0.5, 0x1.555554p-3));
  P power;
  for (int p = 0; p < P::parts; ++p) {
#if defined(__AVX512F__)
    power.part[p] = _mm512_maskz_scalef_ps(0xffff, P(1.0).part[0], k.part[p]);
#else
    using R = Register<float>;
    // In two factors, as 2^k may be subnormal. Adding 1.5·2^23 leaves a whole number in the low bits.
    const typename R::Values half = (k.part[p] * 0.5F + 0x1.8p23F) - 0x1.8p23F, rest = k.part[p] - half;
    const auto factor = [](R::Values whole) { return reinterpret_cast<R::Values>((reinterpret_cast<R::Bits>(whole + 0x1.8p23F) + 127) << 23); };
    power.part[p] = factor(half) * factor(rest);
#endif
  }
  return {power, fma(r2, q, r)};
}

/// 1/(1 + e) for 0 <= e <= 1.
template <int N> GRADUS_INLINE Pack<float, N> inverse_of_one_plus(const Pack<float, N>& e) {
  using P = Pack<float, N>;
  const P s = e + 1.0;
  P inverse;
#if defined(__AVX512F__)
  for (int p = 0; p < P::parts; ++p) inverse.part[p] = _mm512_maskz_rcp14_ps(0xffff, s.part[p]);  // 14 bits, and all of them below
#else
  inverse = 1.0 / s;
#endif
  const P residue = fma(-e, inverse, 1.0 - inverse);  // of 1 + e rather than of s; 1 - inverse is exact
  return fma(inverse, residue, inverse);
}

}  // namespace gradus::detail

namespace gradus {

template <int N> [[nodiscard]] GRADUS_INLINE Pack<float, N> exp_below_zero(const Pack<float, N>& x) {
  const auto [power, p] = detail::float_exponential_parts(x);
  return fma(power, p, power);
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<float, N> expm1_below_zero(const Pack<float, N>& x) {
  const auto [power, p] = detail::float_exponential_parts(x);
  return detail::signed_below_zero(fma(power, p, power - 1.0), x);
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<float, N> tanh(const Pack<float, N>& x) {
  const auto twice = -2.0 * abs(x);
  return detail::copy_sign(expm1_below_zero(twice) * detail::inverse_of_one_plus(exp_below_zero(twice)), x);
}

// What number.hpp has for plain numbers.
template <class A, int N> [[nodiscard]] GRADUS_INLINE Pack<float, N> over_one_plus(const A& a, const Pack<float, N>& e) {
  return a * detail::inverse_of_one_plus(e);
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<float, N> part_of_one_plus(const Mask<float, N>& is_e, const Pack<float, N>& e) {
  const auto inverse = detail::inverse_of_one_plus(e);
  return where(is_e, e * inverse, inverse);
}
/// As e·h·(1 - e·h) with h = 1/(1 + e): what h is off cancels near e = 1, and e·h needs no correction of its own.
template <int N> [[nodiscard]] GRADUS_INLINE Pack<float, N> logistic_slope(const Pack<float, N>& e) {
  const auto h = detail::inverse_of_one_plus(e);
  return e * fma(-(e * h), h, h);
}

}  // namespace gradus
