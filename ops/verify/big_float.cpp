// A number of 400 digits: arithmetic and most functions by Boost.Multiprecision, exp and log by series of our own.
#include <ops/verify/big_float.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <new>
#include <vector>

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

// Boost's exp divides two numbers of 400 digits for every term of its series, and its log calls it again and again: nearly all of the time that the
// checks took. These two only multiply, and are 8 times as fast.

/// e^x - 1 for |x| < 1/2, to nearly all digits of itself: the series at x/2^32, by Horner's rule, then doubled 32 times.
Number exp_minus_1(const Number& x) {
  constexpr int doublings = 32, terms = 38;  // (2^-33)^38/39! is below 2^-1400
  static const std::vector<Number> coefficients = [] {
    std::vector<Number> c{Number(1)};  // 1/(k + 1)!
    for (int k = 1; k < terms; ++k) c.push_back(c.back() / (k + 1));
    return c;
  }();
  const Number r = boost::multiprecision::ldexp(x, -doublings);
  Number sum = coefficients.back();
  for (std::size_t k = coefficients.size() - 1; k-- > 0;) {
    sum *= r;
    sum += coefficients[k];
  }
  sum *= r;
  for (int i = 0; i < doublings; ++i) sum *= sum + 2;
  return sum;
}

const Number& ln_2() {
  static const Number value = boost::math::constants::ln_two<Number>();
  return value;
}

Number exp_of(const Number& x) {
  if (!(boost::multiprecision::abs(x) < 1e8)) return boost::multiprecision::exp(x);  // out of range soon, infinite, NaN
  const double twos = std::nearbyint(static_cast<double>(x) * 1.4426950408889634);
  return boost::multiprecision::ldexp(exp_minus_1(x - twos * ln_2()) + 1, static_cast<int>(twos));
}

/// Halley's iteration on e^y = x, whose digits triple: 53, 159, 477, 1431 bits.
Number log_of(const Number& x) {
  if (!(x > 0) || !boost::multiprecision::isfinite(x)) return boost::multiprecision::log(x);
  int twos = 0;
  Number m = boost::multiprecision::frexp(x, &twos);
  if (m < 0.7071067811865476) {
    m *= 2;
    --twos;
  }
  const Number above = m - 1;  // exact, so that no digits of the logarithm of a number near 1 are lost
  Number y = std::log1p(static_cast<double>(above));
  for (int i = 0; i < 3; ++i) {
    const Number e = exp_minus_1(y);
    y += 2 * (above - e) / (above + e + 2);
  }
  return y + twos * ln_2();
}

/// f(x), looked up if it was asked for not long ago: textbook forms repeat themselves (s*(1 - s)), and a difference quotient changes one of many operands.
template <Number (*f)(const Number&)> BigFloat remembered(const BigFloat& x) {
  struct Entry { Number x = std::numeric_limits<Number>::quiet_NaN(), y; };
  thread_local std::vector<Entry> entries(256);
  const auto& bits = number(x).backend().bits();
  auto hash = static_cast<std::uint64_t>(number(x).backend().exponent());
  for (unsigned i = 0; i < bits.size(); ++i) hash = (hash ^ bits.limbs()[i]) * 0x9e3779b97f4a7c15u;
  Entry& entry = entries[hash >> 56];
  if (entry.x != number(x)) entry = {number(x), f(number(x))};
  return big(entry.y);
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
BigFloat exp(const BigFloat& x) { return remembered<exp_of>(x); }
BigFloat log(const BigFloat& x) { return remembered<log_of>(x); }
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
