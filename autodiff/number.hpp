// What a formula may be evaluated on: the Number concept, the plain reals, exact error terms and branch-free choice.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace gradus {

// Formulas call the mathematical functions by their bare names; for plain reals these are the standard ones.
using std::abs, std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atan2, std::atanh, std::cbrt, std::cos, std::cosh;
using std::erf, std::erfc, std::exp, std::exp2, std::expm1, std::fma, std::hypot, std::isfinite, std::isnan, std::log, std::log10;
using std::log1p, std::log2, std::pow, std::sin, std::sinh, std::sqrt, std::tan, std::tanh;

/// What a comparison gives: bool, or a mask, for a number that is several side by side (simd/pack.hpp).
template <class C>
concept Condition = std::convertible_to<C, bool> || requires { requires C::is_mask; };

/// Anything that does arithmetic with itself and with double, compares, and can be made from a double: float, double,
/// long double, Dual, Var, Pack, a multiprecision number.
template <class T>
concept Number = std::copyable<T> && requires(const T a, const T b) {
  T(1.0);
  a + b, a - b, a* b, a / b, -a;
  2.0 * a, a + 1.0;
  { a < b } -> Condition;
  { a > 0.0 } -> Condition;
};

/// A plain machine real: carries no derivative.
template <class T>
concept PlainReal = std::floating_point<T>;

/// The real of the same use with a wider exponent range (and more digits): derivatives that leave the range of T are formed in it,
/// so that they meet their upstream adjoint before anything is rounded in the subnormal range.
template <class T> struct WiderReal { using type = T; };
template <> struct WiderReal<float> { using type = double; };
template <> struct WiderReal<double> { using type = long double; };
template <class T> using Wider = typename WiderReal<T>::type;

/// True when |x| is zero, subnormal, near either end of the exponent range, infinite or NaN: multiplying such a partial by an adjoint
/// may round where the exact product would not.
[[nodiscard]] constexpr bool is_extreme(double x) noexcept {
  return ((std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) - 64) >= 1920;  // exponent outside 2^-959 .. 2^960
}
[[nodiscard]] constexpr bool is_extreme(float x) noexcept { return ((std::bit_cast<std::uint32_t>(x) >> 23 & 0xff) - 16) >= 224; }
template <class T> [[nodiscard]] constexpr bool is_extreme(const T&) noexcept { return false; }

/// True when x is 0 in every component (comparison of Duals looks at their values only).
[[nodiscard]] constexpr bool is_zero(float x) noexcept { return x == 0; }
[[nodiscard]] constexpr bool is_zero(double x) noexcept { return x == 0; }
[[nodiscard]] constexpr bool is_zero(long double x) noexcept { return x == 0; }

/// The value of a Number without its derivative information, for reports and decisions.
[[nodiscard]] constexpr double plain(double x) noexcept { return x; }
[[nodiscard]] constexpr double plain(float x) noexcept { return static_cast<double>(x); }
[[nodiscard]] constexpr double plain(long double x) noexcept { return static_cast<double>(x); }

namespace detail {
template <class X> constexpr decltype(auto) force(X&& x) {
  if constexpr (std::invocable<X>) return std::forward<X>(x)();
  else return std::forward<X>(x);
}
}  // namespace detail

/// `yes` where the condition holds, else `no`. Either may be a callable: then it is evaluated only when it is chosen.
template <class Yes, class No> constexpr auto where(bool condition, Yes&& yes, No&& no) {
  using Y = std::remove_cvref_t<decltype(detail::force(yes))>;
  using N = std::remove_cvref_t<decltype(detail::force(no))>;
  using Result = typename std::conditional_t<std::is_arithmetic_v<Y> && std::is_arithmetic_v<N>, std::common_type<Y, N>,
                                    std::conditional<std::is_arithmetic_v<Y>, N, Y>>::type;
  return condition ? static_cast<Result>(detail::force(std::forward<Yes>(yes))) : static_cast<Result>(detail::force(std::forward<No>(no)));
}

/// high + low, exactly, where the type has a fused multiply-add; elsewhere low is 0.
template <class T> struct TwoPart { T high, low; };

/// a*b as high + low. exp(high)*(1 + low) keeps the digits that exp(a*b) would lose: the error of the argument times its size.
template <Number T> [[nodiscard]] TwoPart<T> two_product(const T& a, const T& b) {
  T high = a * b;
  if constexpr (PlainReal<T>) {
    T low = std::fma(a, b, -high);
    return {high, low - low == 0 ? low : T(0)};  // an overflow leaves an infinity or NaN here, which would poison the result
  } else {
    return {high, T(0.0)};
  }
}

/// a+b as high + low (Knuth's two-sum).
template <Number T> [[nodiscard]] TwoPart<T> two_sum(const T& a, const T& b) {
  T high = a + b;
  if constexpr (PlainReal<T>) {
    const T rest = high - a;
    T low = (a - (high - rest)) + (b - rest);
    return {high, low == low ? low : T(0)};
  } else {
    return {high, T(0.0)};
  }
}

/// a/b as high + low, to twice the digits.
template <Number T> [[nodiscard]] TwoPart<T> two_quotient(const T& a, const T& b) {
  T high = a / b;
  if constexpr (PlainReal<T>) {
    T low = std::fma(-high, b, a) / b;
    return {high, std::isfinite(low) ? low : T(0)};
  } else {
    return {high, T(0.0)};
  }
}

/// x itself, but a float as a double: formulas that lose digits on the way lose them there.
template <Number T> [[nodiscard]] constexpr auto at_least_double(const T& x) {
  if constexpr (std::is_same_v<T, float>) return static_cast<double>(x);
  else return x;
}

/// -|x|.
template <Number T> [[nodiscard]] auto minus_abs(const T& x) { return -abs(x); }
/// e^x and e^x - 1 for x <= 0; packs have forms of them that share their parts.
template <Number T> [[nodiscard]] auto exp_below_zero(const T& x) { return exp(x); }
template <Number T> [[nodiscard]] auto expm1_below_zero(const T& x) { return expm1(x); }
/// a/(1 + e), for 0 <= e <= 1.
template <class A, Number T> [[nodiscard]] auto over_one_plus(const A& a, const T& e) { return a / (1.0 + e); }
/// e/(1 + e) where the condition holds, else 1/(1 + e), for 0 <= e <= 1.
template <Condition C, Number T> [[nodiscard]] auto part_of_one_plus(const C& is_e, const T& e) { return over_one_plus(where(is_e, e, 1.0), e); }
/// a/(1 + e)^2, for 0 <= e <= 1; rounds less than dividing by the square.
template <class A, Number T> [[nodiscard]] auto over_square_of_one_plus(const A& a, const T& e) { return a / (1.0 + e * (2.0 + e)); }
/// e/(1 + e)^2, for 0 <= e <= 1: the slope of the logistic function where e is e^-|x|.
template <Number T> [[nodiscard]] auto logistic_slope(const T& e) { return over_square_of_one_plus(e, e); }

template <Number T> [[nodiscard]] T square(const T& x) { return x * x; }

/// c[0] + c[1]*x + c[2]*x^2 + ..., by Horner's rule.
template <Number T, std::size_t N> [[nodiscard]] T polynomial(const T& x, const double (&c)[N]) {
  T sum(c[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

}  // namespace gradus
