// The gamma function's logarithm and its derivatives: computed with 64 bits, rounded once.
#include <ops/gamma.hpp>

#include <limits>

#include <math.h>

#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/polygamma.hpp>

namespace gradus {

namespace {
using namespace boost::math::policies;
using Quiet = policy<domain_error<ignore_error>, pole_error<ignore_error>, overflow_error<ignore_error>, underflow_error<ignore_error>,
                     evaluation_error<ignore_error>, promote_double<false>>;

bool is_pole(long double x) { return x <= 0 && x == floorl(x); }
}  // namespace

long double log_gamma(long double x) {
  int sign = 0;
  return lgammal_r(x, &sign);
}
double log_gamma(double x) { return static_cast<double>(log_gamma(static_cast<long double>(x))); }
float log_gamma(float x) { return static_cast<float>(log_gamma(static_cast<double>(x))); }

long double polygamma(int order, long double x) {
  constexpr long double infinity = std::numeric_limits<long double>::infinity();
  if (x == 0) return order % 2 == 0 ? -1 / x : infinity;
  if (x != x || is_pole(x)) return std::numeric_limits<long double>::quiet_NaN();
  if (x == infinity) return order == 0 ? infinity : 0;
  return order == 0 ? boost::math::digamma(x, Quiet()) : boost::math::polygamma(order, x, Quiet());
}
double polygamma(int order, double x) { return static_cast<double>(polygamma(order, static_cast<long double>(x))); }
float polygamma(int order, float x) { return static_cast<float>(polygamma(order, static_cast<long double>(x))); }

}  // namespace gradus
