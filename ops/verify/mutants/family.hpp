// What the families of mutants are made of: one formula in double and in 400 digits, the textbook's Jacobian, one right rule and wrong ones.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ops/verify/big_float.hpp>
#include <ops/verify/mutants.hpp>

namespace gradus::mutation {

using Values = Subject::Values;
using View = Subject::View;
using Pullback = std::function<Values(View x, View w)>;
template <class T> using Vector = std::vector<T>;
using BigVector = Vector<BigFloat>;

/// m times n numbers of 400 digits, each with the sum of the |terms| it is made of.
class BigJacobian {
 public:
  BigJacobian(std::size_t results, std::size_t inputs) : inputs_(inputs), entries_(results * inputs) {}
  /// J[j][i] += term: the result j, the input i.
  void add(std::size_t j, std::size_t i, const BigFloat& term) {
    entry(j, i).value += term;
    entry(j, i).scale += abs(term);
  }
  /// A rule in double may be off by `amount` roundings besides those of its terms: it rounds what it hands to a steep function.
  void allow(std::size_t j, std::size_t i, const BigFloat& amount) { entry(j, i).scale += abs(amount); }

  struct Entry {
    BigFloat value = 0, scale = 0;
    double bound = 0;  ///< infinite: unknown
  };
  [[nodiscard]] Entry& entry(std::size_t j, std::size_t i) { return entries_[j * inputs_ + i]; }
  [[nodiscard]] const Entry& entry(std::size_t j, std::size_t i) const { return entries_[j * inputs_ + i]; }
  [[nodiscard]] std::size_t results() const { return inputs_ == 0 ? 0 : entries_.size() / inputs_; }
  [[nodiscard]] std::size_t inputs() const { return inputs_; }

 private:
  std::size_t inputs_;
  std::vector<Entry> entries_;
};

using BigForward = std::function<BigVector(const BigVector& x)>;
using Textbook = std::function<void(const BigVector& x, BigJacobian& jacobian)>;

/// Difference quotients of the forward function in 400 digits; no opinion beside kinks. The textbook, if any, only gives the scale.
/// What is elementwise is evaluated at the element that moves only: e^x in 400 digits is slow.
[[nodiscard]] Subject::Witness high_precision_witness(std::size_t results, BigForward forward, Textbook textbook, bool elementwise = false);
/// The textbook's Jacobian in 400 digits; at kinks it says what the convention is.
[[nodiscard]] Subject::Witness closed_form_witness(std::size_t results, Textbook textbook);

/// A formula of one number, applied to each of any number of them.
template <class F> struct Elementwise {
  F f;
  template <class T> Vector<T> operator()(const Vector<T>& x) const {
    Vector<T> y = x;
    for (T& v : y) v = f(v);
    return y;
  }
};
template <class F> Elementwise<F> map(F f) { return {f}; }
template <class F> constexpr bool is_elementwise = false;
template <class F> constexpr bool is_elementwise<Elementwise<F>> = true;

/// A function, its right rule, and wrong rules.
struct Family {
  std::string name;
  std::size_t inputs, results;
  Subject right;
  std::vector<Values> points = {};
  std::vector<std::pair<std::string, Subject>> wrong = {};

  Family& mutant(const std::string& what, Pullback pullback) {
    return mutant(what, [&](Subject& s) {
      s.pullback = std::move(pullback);
      s.accumulate = {};  // by the right rule: comparing the two would be too easy
      s.record = {};
      s.hessian_vector = {};
    });
  }
  template <class Change>
    requires std::is_invocable_v<Change, Subject&>
  Family& mutant(const std::string& what, Change change) {
    Subject s = right;
    s.name = name + ": " + what;
    change(s);
    wrong.emplace_back(what, std::move(s));
    return *this;
  }
};

/// `forward` maps a vector of doubles, or of BigFloats, to one. Witnesses follow from it.
template <class Forward> Subject subject(const std::string& name, std::size_t results, Forward forward, Pullback pullback, Textbook textbook = {}) {
  Subject s;
  s.name = name;
  s.value = [forward](View x) { return forward(Vector<double>(x.begin(), x.end())); };
  s.pullback = std::move(pullback);
  s.witnesses.push_back(high_precision_witness(results, [forward](const BigVector& x) { return forward(x); }, textbook, is_elementwise<Forward>));
  if (textbook) s.witnesses.push_back(closed_form_witness(results, std::move(textbook)));
  return s;
}
template <class Forward>
Family family(const std::string& name, std::size_t inputs, std::size_t results, Forward forward, Pullback right, Textbook textbook = {}, std::vector<Values> points = {}) {
  return {.name = name, .inputs = inputs, .results = results, .right = subject(name, results, forward, std::move(right), std::move(textbook)), .points = std::move(points)};
}

/// The pullback of a function that acts on every element alone. A cotangent of 0 gives 0, even through an infinite derivative.
inline Pullback each(std::function<double(double)> derivative) {
  return [derivative = std::move(derivative)](View x, View w) {
    Values g(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) g[i] = w[i] == 0 ? 0 : w[i] * derivative(x[i]);
    return g;
  };
}
template <class F> Textbook diagonal(F derivative) {
  return [derivative](const BigVector& x, BigJacobian& jacobian) {
    for (std::size_t i = 0; i < x.size(); ++i) derivative(x[i], [&](const BigFloat& term) { jacobian.add(i, i, term); });
  };
}

/// What a mistaken rule remembers. A copy of the rule remembers nothing.
template <class T> struct Memory {
  std::shared_ptr<T> cell = std::make_shared<T>();
  Memory() = default;
  Memory(const Memory&) {}
  Memory(Memory&&) noexcept = default;
  Memory& operator=(const Memory&) = delete;
  Memory& operator=(Memory&&) = delete;
  ~Memory() = default;
};

// Functions that <cmath> and BigFloat do not both have, or that need care in double.
inline BigFloat exp_minus_1(const BigFloat& x) { return exp(x) - 1; }
inline double exp_minus_1(double x) { return std::expm1(x); }
inline BigFloat log_1_plus(const BigFloat& x) { return log(1 + x); }
inline double log_1_plus(double x) { return std::log1p(x); }
inline double tanh_of(double x) { return std::tanh(x); }
inline BigFloat tanh_of(const BigFloat& x) {
  const BigFloat t = exp(-2 * abs(x));
  return (x < 0 ? -1 : 1) * (1 - t) / (1 + t);
}
template <class T> T sigmoid_of(const T& x) {
  using std::exp;
  if (x < 0) {
    const T t = exp(x);
    return t / (1 + t);
  }
  return 1 / (1 + exp(-x));
}
/// e^(a-b), without what rounding a-b would cost.
inline double exp_of_difference(double a, double b) {
  const double high = a - b, rest = high - a, low = (a - (high - rest)) - (b + rest);
  return std::isfinite(low) ? std::exp(high) * (1 + low) : std::exp(high);
}
inline BigFloat exp_of_difference(const BigFloat& a, const BigFloat& b) { return exp(a - b); }

template <class T> std::size_t first_largest(const T* v, std::size_t n) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < n; ++k)
    if (v[best] < v[k]) best = k;
  return best;
}
/// Softmax of one row.
template <class T> Vector<T> softmax_of(const T* z, std::size_t n) {
  const T top = z[first_largest(z, n)];
  Vector<T> s(n);
  T sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += s[k] = exp_of_difference(z[k], top);
  for (T& v : s) v /= sum;
  return s;
}
/// log(sum of e^z) - z[label].
template <class T> T cross_entropy_of(const T* z, std::size_t n, std::size_t label) {
  const std::size_t top = first_largest(z, n);
  T rest = 0;
  for (std::size_t k = 0; k < n; ++k)
    if (k != top) rest += exp_of_difference(z[k], z[top]);
  return (z[top] - z[label]) + log_1_plus(rest);
}

// The families, by source.
void add_sigmoid_and_tanh(std::vector<Family>& all);
void add_rectifiers(std::vector<Family>& all);
void add_softmax(std::vector<Family>& all);
void add_cross_entropy(std::vector<Family>& all);
void add_arithmetic(std::vector<Family>& all);
void add_structural(std::vector<Family>& all);
[[nodiscard]] std::vector<TrickyCase> make_tricky_cases();

/// Numbers from where rules break: ordinary, tails to ±60, zeros and subnormals, few distinct ones, every magnitude.
[[nodiscard]] Values hard_numbers(std::size_t n, const std::vector<Domain>& domain, Random& random);

}  // namespace gradus::mutation
