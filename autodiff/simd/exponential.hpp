// exp, expm1, tanh and division by 1 + e for packs of doubles: what the activation functions are made of. They share their common parts when a value and
// its derivative are formed together, which calls of a library would not.
#pragma once

#include <autodiff/simd/pack.hpp>

namespace gradus::detail {

template <class T, int N> GRADUS_INLINE Pack<T, N> copy_sign(Pack<T, N> size, const Pack<T, N>& sign) {
  using Values = typename Register<T>::Values;
  using Bits = typename Register<T>::Bits;
  const auto bit = reinterpret_cast<Bits>(-Values{});
  for (int p = 0; p < Pack<T, N>::parts; ++p)
    size.part[p] = reinterpret_cast<Values>((reinterpret_cast<Bits>(size.part[p]) & ~bit) | (reinterpret_cast<Bits>(sign.part[p]) & bit));
  return size;
}
/// A number that is not above 0, with the sign that it has lost if it is -0.
template <class T, int N> GRADUS_INLINE Pack<T, N> signed_below_zero(Pack<T, N> y, const Pack<T, N>& sign) {
  using Values = typename Register<T>::Values;
  using Bits = typename Register<T>::Bits;
  const auto bit = reinterpret_cast<Bits>(-Values{});
  for (int p = 0; p < Pack<T, N>::parts; ++p) y.part[p] = reinterpret_cast<Values>(reinterpret_cast<Bits>(y.part[p]) | (reinterpret_cast<Bits>(sign.part[p]) & bit));
  return y;
}

/// x·2^k for a whole k (2^floor(k) with AVX-512), |k| < 2000. Rounds once where the result is subnormal.
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

/// x held within ±800, beyond which exp is 0 or infinite; NaN stays.
template <int N> GRADUS_INLINE Pack<double, N> within_reach_of_exp(const Pack<double, N>& x) {
  return larger(Pack<double, N>(-800.0), smaller(Pack<double, N>(800.0), x));
}
/// x held above -800.
template <int N> GRADUS_INLINE Pack<double, N> within_reach_below_zero(const Pack<double, N>& x) { return larger(Pack<double, N>(-800.0), x); }

#if defined(__AVX512F__)

/// exp(x) = 2^floor(k/16)·high·(1 + p), with high = 2^(k mod 16/16) and |p| < 0.022: a table in registers, which leaves half of the polynomial.
template <int N> struct ExponentialParts {
  Pack<double, N> k, high, p;
};

/// Of an x that is within reach.
template <int N> GRADUS_INLINE ExponentialParts<N> exponential_parts_of(const Pack<double, N>& within) {
  using P = Pack<double, N>;
  static constexpr double root[16] = {0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
                                      0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
                                      0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
                                      0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0};
  static constexpr double lost[16] = {0,
                                      8.1893176381955144e-17,
                                      -2.7939114859515731e-17,
                                      7.8265732586360759e-17,
                                      3.3484623336251524e-17,
                                      3.7508542013031269e-17,
                                      1.9572585293112037e-17,
                                      5.6864809579117404e-17,
                                      -6.8358086576619225e-17,
                                      -2.3591094770850052e-17,
                                      5.1548301170786786e-17,
                                      1.5341410053603724e-17,
                                      4.8751605262270616e-17,
                                      1.6854872906289732e-17,
                                      1.7901269076045133e-17,
                                      -5.545065618639427e-17};                                                        // the relative rounding errors of these
  const P t = fma(within, P(23.083120654223414518), P(0x1.8p52)), k = t - 0x1.8p52;  // the low bits of t are those of k
  const P r = fma(k, P(-1.4494042586539372597e-18), fma(k, P(-0x1.62e42fefa39efp-5), within));
  // Minimax on |r| < log(2)/32, relative error of r + r²q: 2e-18.
  const P r2 = r * r;
  const auto pair = [&](double a, double b) __attribute__((always_inline)) { return fma(P(b), r, P(a)); };
  const P q = fma(fma(pair(0.001388912167146734989, 0.0001984152848822339048), r2, pair(0.04166666666018042836, 0.008333333332612641519)), r2,
                  pair(0.5000000000000004806, 0.1666666666666667201));
  P high, rest;
  for (int p = 0; p < P::parts; ++p) {
    const __m512i index = reinterpret_cast<__m512i>(t.part[p]);
    high.part[p] = _mm512_permutex2var_pd(_mm512_loadu_pd(root), index, _mm512_loadu_pd(root + 8));
    rest.part[p] = _mm512_permutex2var_pd(_mm512_loadu_pd(lost), index, _mm512_loadu_pd(lost + 8));
  }
  return {k * 0.0625, high, r + fma(r2, q, rest)};
}
template <int N> GRADUS_INLINE ExponentialParts<N> exponential_parts(const Pack<double, N>& x) { return exponential_parts_of(within_reach_of_exp(x)); }
/// exp(x)·2^shift.
template <int N> GRADUS_INLINE Pack<double, N> shifted_exp(const Pack<double, N>& x, double shift) {
  const auto [k, high, p] = exponential_parts(x);
  return times_power_of_two(fma(high, p, high), shift == 0 ? k : k + shift);
}
/// exp(x) - 1, unless |x| is tiny or large.
template <int N> GRADUS_INLINE Pack<double, N> ordinary_expm1(const Pack<double, N>& x) {
  const auto [k, high, p] = exponential_parts(x);
  // (2^(k/16) - 1) + 2^(k/16)·p, halved on the way: 2^1024 is out of range.
  const auto power = times_power_of_two(0.5 * high, k), a = power - 0.5, lost = (power - a) - 0.5, b = power * p;
  const auto sum = a + b, back = sum - a, low = (a - (sum - back)) + (b - back);
  return 2.0 * (sum + (low + (lost + fma(power, p, -b))));
}

#else

/// exp(x) = 2^k·(1 + r + rest), with |r| < 0.35 and rest of about r²/2: what is added last loses nothing.
template <int N> struct ExponentialParts {
  Pack<double, N> k, r, rest;
};

template <int N> GRADUS_INLINE ExponentialParts<N> exponential_parts(const Pack<double, N>& x) {
  using P = Pack<double, N>;
  const P within = within_reach_of_exp(x);
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
/// exp(x) - 1, unless |x| is tiny or large.
template <int N> GRADUS_INLINE Pack<double, N> ordinary_expm1(const Pack<double, N>& x) {
  const auto [k, r, rest] = exponential_parts(x);
  // (2^k - 1) + 2^k·(r + rest), halved on the way: 2^1024 is out of range.
  const auto power = times_power_of_two(Pack<double, N>(0.5), k), a = power - 0.5, lost = (power - a) - 0.5, b = power * r;
  const auto sum = a + b, back = sum - a, low = (a - (sum - back)) + (b - back);
  return 2.0 * (sum + (low + (lost + power * rest)));
}

#endif

/// 1/(1 + e) for 0 <= e <= 1, as high + low.
template <int N> GRADUS_INLINE TwoPart<Pack<double, N>> inverse_of_one_plus(const Pack<double, N>& e) {
  using P = Pack<double, N>;
  const P s = e + 1.0;
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
    const P residue = fma(-e, inverse, 1.0 - inverse), high = fma(inverse, residue, inverse);  // of 1 + e rather than of s; 1 - inverse is exact
    return {high, fma(inverse, residue, inverse - high)};
  } else {
    const P lost = e - (s - 1.0);
    return {inverse - lost * (inverse * inverse), P(0.0)};
  }
}

}  // namespace gradus::detail

namespace gradus {

template <class T, int N> [[nodiscard]] GRADUS_INLINE Pack<T, N> minus_abs(Pack<T, N> x) {
  using Values = typename Register<T>::Values;
  using Bits = typename Register<T>::Bits;
  for (auto& p : x.part) p = reinterpret_cast<Values>(reinterpret_cast<Bits>(p) | reinterpret_cast<Bits>(-Values{}));
  return x;
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> exp(const Pack<double, N>& x) { return detail::shifted_exp(x, 0.0); }
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> expm1(const Pack<double, N>& x) {
  return where(abs(x) < 1e-17, x, where(x > 710.0, std::numeric_limits<double>::infinity(), detail::ordinary_expm1(x)));
}
#if defined(__AVX512F__)
// Subnormal results are rounded twice, and expm1 is an ulp off at worst: less is lost than forming both in full would cost in time.
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> exp_below_zero(const Pack<double, N>& x) {
  const auto [k, high, p] = detail::exponential_parts_of(detail::within_reach_below_zero(x));
  const auto power = detail::times_power_of_two(high, k);
  return fma(power, p, power);
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> expm1_below_zero(const Pack<double, N>& x) {
  const auto [k, high, p] = detail::exponential_parts_of(detail::within_reach_below_zero(x));
  const auto power = detail::times_power_of_two(high, k);
  return detail::signed_below_zero(fma(power, p, power - 1.0), x);
}
#else
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> exp_below_zero(const Pack<double, N>& x) { return exp(x); }
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> expm1_below_zero(const Pack<double, N>& x) { return expm1(x); }
#endif
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> tanh(const Pack<double, N>& x) {
  const auto twice = -2.0 * abs(x);
  return detail::copy_sign(expm1_below_zero(twice) * detail::inverse_of_one_plus(exp_below_zero(twice)).high, x);
}

// What number.hpp has for plain numbers.
template <class A, int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> over_one_plus(const A& a, const Pack<double, N>& e) {
  return a * detail::inverse_of_one_plus(e).high;
}
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> part_of_one_plus(const Mask<double, N>& is_e, const Pack<double, N>& e) {
  const auto inverse = detail::inverse_of_one_plus(e).high;
  return where(is_e, e * inverse, inverse);
}
template <class A, int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> over_square_of_one_plus(const A& a, const Pack<double, N>& e) {
  if constexpr (has_fma) {
    const auto [high, low] = detail::inverse_of_one_plus(e);
    const auto once = a * high;
    return fma(once, high, once * (low + low));
  } else {
    return a / (1.0 + e * (2.0 + e));
  }
}
/// As e·h·(1 - e·h) with h = 1/(1 + e): what h is off cancels near e = 1, and e·h needs no correction of its own.
template <int N> [[nodiscard]] GRADUS_INLINE Pack<double, N> logistic_slope(const Pack<double, N>& e) {
  if constexpr (has_fma) {
    const auto h = detail::inverse_of_one_plus(e).high;
    return e * fma(-(e * h), h, h);
  } else {
    return over_square_of_one_plus(e, e);
  }
}

}  // namespace gradus
