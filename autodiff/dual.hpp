// Forward mode: a value with its tangent. Also the Real of a tape whose adjoints carry tangents (Hessian-vector products).
#pragma once

#include <compare>
#include <type_traits>

#include <autodiff/op.hpp>

namespace gradus {

/// value + tangent·ε with ε² = 0.
template <class T> struct Dual {
  static constexpr bool differentiable = true;
  using value_type = T;
  T value{};
  T tangent{};

  constexpr Dual() = default;
  template <class S>
    requires std::is_arithmetic_v<S>
  constexpr Dual(S v) : value(static_cast<T>(v)) {}  // NOLINT: a constant is a number
  constexpr Dual(T v)
    requires(!std::is_arithmetic_v<T>)
      : value(std::move(v)) {}  // NOLINT
  constexpr Dual(T v, T t) : value(std::move(v)), tangent(std::move(t)) {}

  constexpr Dual& operator+=(const Dual& o) { value += o.value; tangent += o.tangent; return *this; }
  constexpr Dual& operator-=(const Dual& o) { value -= o.value; tangent -= o.tangent; return *this; }
  constexpr Dual& operator*=(const Dual& o) { return *this = *this * o; }
  constexpr Dual& operator/=(const Dual& o) { return *this = *this / o; }

  friend constexpr Dual operator+(const Dual& a) { return a; }
  friend constexpr Dual operator-(const Dual& a) { return {-a.value, -a.tangent}; }
  friend constexpr Dual operator+(const Dual& a, const Dual& b) { return {a.value + b.value, a.tangent + b.tangent}; }
  friend constexpr Dual operator-(const Dual& a, const Dual& b) { return {a.value - b.value, a.tangent - b.tangent}; }
  friend constexpr Dual operator*(const Dual& a, const Dual& b) { return {a.value * b.value, a.tangent * b.value + a.value * b.tangent}; }
  friend constexpr Dual operator/(const Dual& a, const Dual& b) {
    const T quotient = a.value / b.value;
    return {quotient, (a.tangent - quotient * b.tangent) / b.value};
  }
  friend constexpr bool operator==(const Dual& a, const Dual& b) { return a.value == b.value; }  // branches decide on values
  friend constexpr auto operator<=>(const Dual& a, const Dual& b) { return a.value <=> b.value; }
};

template <class X> constexpr bool is_dual = false;
template <class T> constexpr bool is_dual<Dual<T>> = true;

template <class T> [[nodiscard]] constexpr bool is_zero(const Dual<T>& x) noexcept { return is_zero(x.value) && is_zero(x.tangent); }
template <class T> [[nodiscard]] constexpr double plain(const Dual<T>& x) noexcept { return plain(x.value); }
template <class T> [[nodiscard]] bool isnan(const Dual<T>& x) { return isnan(x.value); }
template <class T> [[nodiscard]] bool isfinite(const Dual<T>& x) { return isfinite(x.value); }

/// partial·tangent, with the partial formed in the wider range where it has left that of T; a tangent of 0 contributes 0.
template <class Op, class T> [[nodiscard]] T tangent_of(const Op& op, const T& x, const T& partial, const T& tangent) {
  if (is_zero(tangent)) return tangent;
  if constexpr (PlainReal<T>)
    if (needs_wider<Op>(partial)) [[unlikely]] return static_cast<T>(wide_derivative(op, x) * static_cast<Wider<T>>(tangent));
  return partial * tangent;
}

template <class Op, class T> [[nodiscard]] Dual<T> apply(const Op& op, const Dual<T>& x) {
  const T y = static_cast<T>(op.value(x.value));
  return {y, tangent_of(op, x.value, static_cast<T>(op.derivative(x.value, y)), x.tangent)};
}

template <class Op, class T> [[nodiscard]] Dual<T> apply(const Op& op, const Dual<T>& a, const Dual<T>& b) {
  const T y = static_cast<T>(op.value(a.value, b.value));
  const auto partials = op.derivatives(a.value, b.value, y);
  T da = static_cast<T>(partials.da), db = static_cast<T>(partials.db);
  if constexpr (PlainReal<T>)
    if (needs_wider<Op>(da) || needs_wider<Op>(db)) [[unlikely]] {
      const auto wide = wide_derivatives(op, a.value, b.value);
      const auto part = [](Wider<T> d, T t) { return is_zero(t) ? Wider<T>(0) : d * static_cast<Wider<T>>(t); };
      return {y, static_cast<T>(part(wide.da, a.tangent) + part(wide.db, b.tangent))};
    }
  const auto part = [](const T& d, const T& t) { return is_zero(t) ? t : d * t; };
  return {y, part(da, a.tangent) + part(db, b.tangent)};
}
template <class Op, class T, class S>
  requires std::is_arithmetic_v<S>
[[nodiscard]] Dual<T> apply(const Op& op, const Dual<T>& a, S b) { return apply(op, a, Dual<T>(b)); }
template <class Op, class T, class S>
  requires std::is_arithmetic_v<S>
[[nodiscard]] Dual<T> apply(const Op& op, S a, const Dual<T>& b) { return apply(op, Dual<T>(a), b); }

}  // namespace gradus

template <class T> struct std::numeric_limits<gradus::Dual<T>> : std::numeric_limits<T> {
  static constexpr gradus::Dual<T> min() { return std::numeric_limits<T>::min(); }
  static constexpr gradus::Dual<T> max() { return std::numeric_limits<T>::max(); }
  static constexpr gradus::Dual<T> lowest() { return std::numeric_limits<T>::lowest(); }
  static constexpr gradus::Dual<T> epsilon() { return std::numeric_limits<T>::epsilon(); }
  static constexpr gradus::Dual<T> infinity() { return std::numeric_limits<T>::infinity(); }
  static constexpr gradus::Dual<T> quiet_NaN() { return std::numeric_limits<T>::quiet_NaN(); }
};
