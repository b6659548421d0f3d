// A number of 400 digits. Boost.Multiprecision does the arithmetic, in one source file: its templates are heavy to compile.
#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <ops/expression/evaluate.hpp>

namespace gradus {

/// 400 digits and an exponent of 32 bits: 1 - tanh(x)^2 loses 320 digits where it is subnormal in double, and nothing overflows.
class BigFloat {
 public:
  BigFloat() noexcept : BigFloat(0.0) {}
  template <class S>
    requires std::is_arithmetic_v<S>
  BigFloat(S x) noexcept : BigFloat(FromDouble{}, static_cast<double>(x)) {  // NOLINT: numbers are numbers
    static_assert(sizeof(S) <= 8 && (std::is_floating_point_v<S> || sizeof(S) <= 4 || std::integral<S>));
  }
  /// From decimal digits, all of which count. Throws std::runtime_error when it is no number.
  explicit BigFloat(const char* digits);
  BigFloat(const BigFloat& o) noexcept;
  BigFloat& operator=(const BigFloat& o) noexcept;
  ~BigFloat() = default;
  explicit operator double() const;

  BigFloat& operator+=(const BigFloat& o);
  BigFloat& operator-=(const BigFloat& o);
  BigFloat& operator*=(const BigFloat& o);
  BigFloat& operator/=(const BigFloat& o);
  friend BigFloat operator+(BigFloat a, const BigFloat& b) { return a += b; }
  friend BigFloat operator-(BigFloat a, const BigFloat& b) { return a -= b; }
  friend BigFloat operator*(BigFloat a, const BigFloat& b) { return a *= b; }
  friend BigFloat operator/(BigFloat a, const BigFloat& b) { return a /= b; }
  friend BigFloat operator-(const BigFloat& a);
  friend std::partial_ordering operator<=>(const BigFloat& a, const BigFloat& b);
  friend bool operator==(const BigFloat& a, const BigFloat& b) { return (a <=> b) == 0; }

  /// The bytes of the Boost number, for big_float.cpp.
  [[nodiscard]] void* storage() noexcept { return storage_.data(); }
  [[nodiscard]] const void* storage() const noexcept { return storage_.data(); }

  static BigFloat pi();
  static BigFloat epsilon();
  static BigFloat infinity();
  static BigFloat quiet_NaN();

 private:
  struct FromDouble {};
  BigFloat(FromDouble, double x) noexcept;
  alignas(16) std::array<std::byte, 208> storage_;
};

// The functions of <cmath>, as far as they exist for such numbers; erf, lgamma and the like are in high_precision.cpp.
BigFloat abs(const BigFloat& x);
BigFloat exp(const BigFloat& x);
BigFloat log(const BigFloat& x);
BigFloat sqrt(const BigFloat& x);
BigFloat sin(const BigFloat& x);
BigFloat cos(const BigFloat& x);
BigFloat tan(const BigFloat& x);
BigFloat asin(const BigFloat& x);
BigFloat acos(const BigFloat& x);
BigFloat atan(const BigFloat& x);
BigFloat atan2(const BigFloat& y, const BigFloat& x);
BigFloat pow(const BigFloat& a, const BigFloat& b);
BigFloat floor(const BigFloat& x);
BigFloat trunc(const BigFloat& x);
BigFloat fmod(const BigFloat& a, const BigFloat& b);
BigFloat frexp(const BigFloat& x, int* exponent);
BigFloat ldexp(const BigFloat& x, int exponent);
bool isnan(const BigFloat& x);
bool isinf(const BigFloat& x);
bool isfinite(const BigFloat& x);

namespace expression {
template <> struct Constants<BigFloat> {
  static BigFloat literal(double value) { return BigFloat(value); }
  static BigFloat pi() { return BigFloat::pi(); }
  static BigFloat e() { return exp(BigFloat(1)); }
};
}  // namespace expression

}  // namespace gradus
