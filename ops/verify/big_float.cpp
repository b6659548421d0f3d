// A number of 400 digits, by Boost.Multiprecision.
#include <ops/verify/big_float.hpp>

#include <new>

#include <boost/math/constants/constants.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>

namespace gradus {
namespace {

using Number = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<400>, boost::multiprecision::et_off>;
static_assert(sizeof(Number) == sizeof(BigFloat) && alignof(Number) <= alignof(BigFloat) && std::is_trivially_destructible_v<Number>);

Number& number(BigFloat& x) { return *std::launder(static_cast<Number*>(x.storage())); }
const Number& number(const BigFloat& x) { return *std::launder(static_cast<const Number*>(x.storage())); }
BigFloat big(const Number& x) {
  BigFloat b;
  number(b) = x;
  return b;
}

}  // namespace

BigFloat::BigFloat(FromDouble, double x) noexcept { ::new (storage()) Number(x); }
BigFloat::BigFloat(const char* digits) { ::new (storage()) Number(digits); }
BigFloat::BigFloat(const BigFloat& o) noexcept { ::new (storage()) Number(number(o)); }
BigFloat& BigFloat::operator=(const BigFloat& o) noexcept {
  number(*this) = number(o);
  return *this;
}
BigFloat::operator double() const { return static_cast<double>(number(*this)); }

BigFloat& BigFloat::operator+=(const BigFloat& o) { number(*this) += number(o); return *this; }
BigFloat& BigFloat::operator-=(const BigFloat& o) { number(*this) -= number(o); return *this; }
BigFloat& BigFloat::operator*=(const BigFloat& o) { number(*this) *= number(o); return *this; }
BigFloat& BigFloat::operator/=(const BigFloat& o) { number(*this) /= number(o); return *this; }
BigFloat operator-(const BigFloat& a) { return big(-number(a)); }
std::partial_ordering operator<=>(const BigFloat& a, const BigFloat& b) {
  if (isnan(a) || isnan(b)) return std::partial_ordering::unordered;
  const int order = number(a).compare(number(b));
  return order < 0 ? std::partial_ordering::less : order > 0 ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

BigFloat BigFloat::pi() { return big(boost::math::constants::pi<Number>()); }
BigFloat BigFloat::epsilon() { return big(std::numeric_limits<Number>::epsilon()); }
BigFloat BigFloat::infinity() { return big(std::numeric_limits<Number>::infinity()); }
BigFloat BigFloat::quiet_NaN() { return big(std::numeric_limits<Number>::quiet_NaN()); }

BigFloat abs(const BigFloat& x) { return big(boost::multiprecision::abs(number(x))); }
BigFloat exp(const BigFloat& x) { return big(boost::multiprecision::exp(number(x))); }
BigFloat log(const BigFloat& x) { return big(boost::multiprecision::log(number(x))); }
BigFloat sqrt(const BigFloat& x) { return big(boost::multiprecision::sqrt(number(x))); }
BigFloat sin(const BigFloat& x) { return big(boost::multiprecision::sin(number(x))); }
BigFloat cos(const BigFloat& x) { return big(boost::multiprecision::cos(number(x))); }
BigFloat tan(const BigFloat& x) { return big(boost::multiprecision::tan(number(x))); }
BigFloat asin(const BigFloat& x) { return big(boost::multiprecision::asin(number(x))); }
BigFloat acos(const BigFloat& x) { return big(boost::multiprecision::acos(number(x))); }
BigFloat atan(const BigFloat& x) { return big(boost::multiprecision::atan(number(x))); }
BigFloat atan2(const BigFloat& y, const BigFloat& x) { return big(boost::multiprecision::atan2(number(y), number(x))); }
BigFloat pow(const BigFloat& a, const BigFloat& b) {
  if (b == 0) return 1;
  if (isnan(a) || isnan(b)) return BigFloat::quiet_NaN();
  if (a == 0) return b > 0 ? BigFloat(0) : BigFloat::infinity();
  const bool whole = b == trunc(b);
  if (whole && abs(b) < 1000) return big(boost::multiprecision::pow(number(a), static_cast<int>(static_cast<double>(b))));
  if (a > 0) return exp(b * log(a));
  return whole ? exp(b * log(-a)) * (fmod(b, 2) == 0 ? 1 : -1) : BigFloat::quiet_NaN();
}
BigFloat floor(const BigFloat& x) { return big(boost::multiprecision::floor(number(x))); }
BigFloat trunc(const BigFloat& x) { return big(boost::multiprecision::trunc(number(x))); }
BigFloat fmod(const BigFloat& a, const BigFloat& b) { return big(boost::multiprecision::fmod(number(a), number(b))); }
BigFloat frexp(const BigFloat& x, int* exponent) { return big(boost::multiprecision::frexp(number(x), exponent)); }
BigFloat ldexp(const BigFloat& x, int exponent) { return big(boost::multiprecision::ldexp(number(x), exponent)); }
bool isnan(const BigFloat& x) { return boost::multiprecision::isnan(number(x)); }
bool isinf(const BigFloat& x) { return boost::multiprecision::isinf(number(x)); }
bool isfinite(const BigFloat& x) { return boost::multiprecision::isfinite(number(x)); }

}  // namespace gradus
