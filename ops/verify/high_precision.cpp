// The elementary and special functions of 400 digits, by their defining series where Boost.Multiprecision has none.
#include <ops/verify/high_precision.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <ops/registry.hpp>

namespace gradus {
namespace {

using namespace gradus::expression;
using Operands = std::span<const Value<BigFloat>>;

const BigFloat& pi() {
  static const BigFloat value = BigFloat::pi();
  return value;
}

/// The series of positive terms, DLMF 7.6.2; beyond 45 the complement is below 1e-800.
BigFloat erf_of(const BigFloat& x) {
  if (isnan(x)) return x;
  if (abs(x) > 45) return x > 0 ? 1 : -1;
  const BigFloat twice_square = 2 * x * x;
  const BigFloat epsilon = BigFloat::epsilon();
  BigFloat term = x, sum = x;
  for (int n = 1; abs(term) > abs(sum) * epsilon; ++n) sum += term *= twice_square / (2 * n + 1);
  return 2 / sqrt(pi()) * exp(-x * x) * sum;
}

/// The Bernoulli numbers B(2k) for k = 1, 2, ..., as fractions.
constexpr std::array<std::array<double, 2>, 15> bernoulli{{{1, 6}, {-1, 30}, {1, 42}, {-1, 30}, {5, 66}, {-691, 2730}, {7, 6}, {-3617, 510},
    {43867, 798}, {-174611, 330}, {854513, 138}, {-236364091, 2730}, {8553103, 6}, {-23749461029, 870}, {8615841276005, 14322}}};

/// Stirling's series, DLMF 5.11.1 and 5.11.2, beyond 200, where 15 terms give 60 digits; the recurrence and the reflection below.
BigFloat lgamma_of(const BigFloat& x) {
  if (x == 1 || x == 2) return 0;
  if (x < 0.5) return log(abs(pi() / sin(pi() * x))) - lgamma_of(1 - x);
  BigFloat z = x, product = 1;
  for (; z < 200; z += 1) product *= z;
  BigFloat sum = (z - 0.5) * log(z) - z + log(2 * pi()) / 2 - log(product);
  BigFloat power = 1 / z;
  for (std::size_t k = 1; k <= 15; power /= z * z, ++k) sum += power * bernoulli[k - 1][0] / bernoulli[k - 1][1] / (2 * k * (2 * k - 1));
  return sum;
}
BigFloat digamma_of(const BigFloat& x) {
  if (x < 0.5) return digamma_of(1 - x) - pi() / tan(pi() * x);
  BigFloat z = x, sum = 0;
  for (; z < 200; z += 1) sum -= 1 / z;
  sum += log(z) - 1 / (2 * z);
  BigFloat power = 1 / (z * z);
  for (std::size_t k = 1; k <= 15; power /= z * z, ++k) sum -= power * bernoulli[k - 1][0] / bernoulli[k - 1][1] / (2 * k);
  return sum;
}

BigFloat tanh_of(const BigFloat& x) {
  const BigFloat t = exp(-2 * abs(x)), y = (1 - t) / (1 + t);
  return x < 0 ? BigFloat(-y) : y;
}
Function<BigFloat> unary(BigFloat (*f)(const BigFloat&)) {
  return {1, 1, [f](Operands x) { return Value<BigFloat>(f(x[0].scalar())); }};
}
Function<BigFloat> binary(BigFloat (*f)(const BigFloat&, const BigFloat&)) {
  return {2, 2, [f](Operands x) { return Value<BigFloat>(f(x[0].scalar(), x[1].scalar())); }};
}

// ---- Vector functions, as textbooks have them: in 400 digits nothing overflows and nothing cancels.

using Vector = std::vector<BigFloat>;
BigFloat sum_of(const Vector& v) {
  BigFloat s = 0;
  for (const BigFloat& x : v) s += x;
  return s;
}
Vector exponentials(const Vector& v) {
  Vector e;
  for (const BigFloat& x : v) e.push_back(exp(x));
  return e;
}
BigFloat dot_of(const Vector& a, const Vector& b) {
  if (a.size() != b.size()) throw std::invalid_argument("vectors of one length are needed, not " + std::to_string(a.size()) + " and " + std::to_string(b.size()));
  BigFloat s = 0;
  for (std::size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
  return s;
}
const Vector& not_empty(const Vector& v) {
  if (v.empty()) throw std::invalid_argument("the vector is empty");
  return v;
}
Vector softmax_of(const Vector& v) {
  Vector e = exponentials(v);
  const BigFloat s = sum_of(e);
  for (BigFloat& x : e) x /= s;
  return e;
}
/// A number is a vector of one element where either will do.
Vector elements_of(const Value<BigFloat>& v) { return v.is_vector() ? v.elements() : Vector{v.scalar()}; }
/// Element i, or the only one.
const BigFloat& one_of(const Vector& v, std::size_t i) { return not_empty(v).size() == 1 ? v[0] : v.at(i); }
BigFloat log_sum_exp_of(const Vector& v) { return log(sum_of(exponentials(not_empty(v)))); }
BigFloat cross_entropy_of(const Vector& labels, const Vector& s) {
  Vector logs;
  for (std::size_t i = 0; i < s.size(); ++i) logs.push_back(i < labels.size() && labels[i] == 0 ? BigFloat(0) : BigFloat(log(s[i])));
  return -dot_of(labels, logs);
}

Functions<BigFloat> vector_functions() {
  const auto reduce = [](BigFloat (*f)(const Vector&)) { return Function<BigFloat>{1, 1, [f](Operands x) { return Value<BigFloat>(f(x[0].elements())); }, false}; };
  const auto transform = [](Vector (*f)(const Vector&)) { return Function<BigFloat>{1, 1, [f](Operands x) { return Value<BigFloat>(f(x[0].elements())); }, false}; };
  const auto pair = [](BigFloat (*f)(const Vector&, const Vector&)) {
    return Function<BigFloat>{2, 2, [f](Operands x) { return Value<BigFloat>(f(x[0].elements(), x[1].elements())); }, false};
  };
  const auto triple = [](Vector (*f)(const Vector&, const Vector&, const Vector&), bool gives_vector = false) {
    return Function<BigFloat>{3, 3, [f, gives_vector](Operands x) {
                                Vector y = f(elements_of(x[0]), elements_of(x[1]), elements_of(x[2]));
                                return gives_vector ? Value<BigFloat>(std::move(y)) : Value<BigFloat>(y[0]);
                              }, false};
  };
  return {{"sum", reduce(sum_of)},
          {"mean", reduce([](const Vector& v) -> BigFloat { return sum_of(not_empty(v)) / v.size(); })},
          {"maxout", reduce([](const Vector& v) -> BigFloat { return *std::max_element(not_empty(v).begin(), v.end()); })},
          {"log_sum_exp", reduce(log_sum_exp_of)},
          {"softmax", transform(softmax_of)},
          {"log_softmax", transform([](const Vector& v) {
             Vector logs = v;
             const BigFloat lse = log_sum_exp_of(v);
             for (BigFloat& x : logs) x -= lse;
             return logs;
           })},
          {"dot", pair(dot_of)},
          {"cross_entropy", pair(cross_entropy_of)},
          {"softmax_cross_entropy", pair([](const Vector& z, const Vector& labels) -> BigFloat {
             const BigFloat lse = log_sum_exp_of(z);
             return lse * sum_of(labels) - dot_of(z, labels);
           })},
          {"mean_squared_error", pair([](const Vector& p, const Vector& t) -> BigFloat {
             Vector error = not_empty(p);
             for (std::size_t i = 0; i < error.size() && i < t.size(); ++i) error[i] -= t[i];
             return dot_of(error, error) / dot_of(Vector(p.size(), BigFloat(1)), Vector(t.size(), BigFloat(1)));
           })},
          {"normal_log_density", triple([](const Vector& x, const Vector& mu, const Vector& sigma) {
             BigFloat sum = 0;
             for (std::size_t i = 0; i < std::max({x.size(), mu.size(), sigma.size()}); ++i) {
               const BigFloat s = one_of(sigma, i), z = (one_of(x, i) - one_of(mu, i)) / s;
               sum -= z * z / 2 + log(s) + log(2 * pi()) / 2;
             }
             return Vector{sum};
           })},
          {"linear_recurrence", triple([](const Vector& phi, const Vector& u, const Vector& h0) {
             Vector h = u;
             for (std::size_t t = 0; t < h.size(); ++t) h[t] += one_of(phi, t) * (t == 0 ? one_of(h0, 0) : h[t - 1]);
             return h;
           }, true)}};
}

#define PLAIN(name) {#name, unary([](const BigFloat& x) -> BigFloat { return name(x); })}

Functions<BigFloat> elementary_functions() {
  return {
      PLAIN(abs), PLAIN(exp), PLAIN(log), PLAIN(sqrt), PLAIN(sin), PLAIN(cos), PLAIN(tan), PLAIN(asin), PLAIN(acos), PLAIN(atan),
      {"cbrt", unary([](const BigFloat& x) -> BigFloat { return x == 0 ? x : x < 0 ? BigFloat(-exp(log(-x) / 3)) : BigFloat(exp(log(x) / 3)); })},
      {"tanh", unary(tanh_of)},
      {"asinh", unary([](const BigFloat& x) -> BigFloat { return x < 0 ? BigFloat(-log(-x + sqrt(x * x + 1))) : BigFloat(log(x + sqrt(x * x + 1))); })},
      {"acosh", unary([](const BigFloat& x) -> BigFloat { return log(x + sqrt(x * x - 1)); })},
      {"atanh", unary([](const BigFloat& x) -> BigFloat { return log((1 + x) / (1 - x)) / 2; })},
      {"erf", unary(erf_of)},
      {"erfc", unary([](const BigFloat& x) -> BigFloat { return 1 - erf_of(x); })},
      {"lgamma", unary(lgamma_of)},
      {"digamma", unary(digamma_of)},
      {"atan2", binary([](const BigFloat& y, const BigFloat& x) -> BigFloat { return atan2(y, x); })},
      {"pow", binary([](const BigFloat& a, const BigFloat& b) -> BigFloat { return pow(a, b); })}};
}

Functions<BigFloat> make_functions() {
  Functions<BigFloat> table = elementary_functions();
  table.merge(vector_functions());
  for (const ElementwiseEntry& op : elementwise_ops()) {
    const OpInfo& info = *op.info;
    if (table.contains(info.name)) continue;
    std::vector<std::string> names(info.operands.begin(), info.operands.end());
    for (const Parameter& p : info.parameters) names.emplace_back(p.name);
    const auto call = [formula = Expression::parse(info.formula), names, &info](Operands x) {
      Variables<BigFloat> variables;
      for (std::size_t i = 0; i < names.size(); ++i)
        variables.emplace(names[i], i < x.size() ? x[i] : Value<BigFloat>(BigFloat(info.parameters[i - info.operands.size()].value)));
      return evaluate(formula, variables, high_precision_functions());
    };
    table.emplace(info.name, Function<BigFloat>{info.operands.size(), names.size(), call});
  }
  return table;
}

}  // namespace

const Functions<BigFloat>& high_precision_functions() {
  static const Functions<BigFloat> table = make_functions();
  return table;
}

BigFloat evaluate_scalar(const Expression& formula, const Variables<BigFloat>& variables) { return evaluate(formula, variables, high_precision_functions()).scalar(); }

double nearest_double(const BigFloat& x) {
  if (isnan(x) || isinf(x) || x == 0) return static_cast<double>(x);
  int exponent = 0;
  frexp(x, &exponent);  // x = f·2^exponent, 1/2 <= |f| < 1
  if (exponent > 1025) return x > 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  const int digits = exponent < -1021 ? std::max(0, exponent + 1074) : 53;  // fewer in the subnormal range: round once
  const BigFloat scaled = ldexp(x, digits - exponent);
  BigFloat whole = floor(scaled);
  const BigFloat rest = scaled - whole;
  if (rest > 0.5 || (rest == 0.5 && fmod(whole, BigFloat(2)) != 0)) whole += 1;
  return std::ldexp(static_cast<double>(whole), exponent - digits);
}

template <class Real> double error_in_ulps(Real got, const BigFloat& truth, const BigFloat& scale) {
  using Limits = std::numeric_limits<Real>;
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (isnan(truth) || std::isnan(got)) return isnan(truth) && std::isnan(got) ? 0 : wrong;
  const auto last_place = [](const BigFloat& x) {
    int exponent = Limits::min_exponent;
    if (x != 0) frexp(x, &exponent);
    return BigFloat(ldexp(BigFloat(1), std::max(exponent, Limits::min_exponent) - Limits::digits));
  };
  const BigFloat largest = Limits::max();
  if (abs(truth) >= largest + last_place(largest) / 2) return std::isinf(got) && (truth > 0) == (got > 0) ? 0 : wrong;
  if (std::isinf(got)) return wrong;
  return static_cast<double>(BigFloat(abs(BigFloat(got) - truth) / last_place(std::max(BigFloat(abs(truth)), BigFloat(abs(scale))))));
}
template double error_in_ulps(float, const BigFloat&, const BigFloat&);
template double error_in_ulps(double, const BigFloat&, const BigFloat&);

}  // namespace gradus
