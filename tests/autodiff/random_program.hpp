// Random programs over any scalar type: the same seed makes the same program, whatever it runs on.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <autodiff/dual.hpp>
#include <autodiff/tensor.hpp>
#include <ops/exp.hpp>
#include <ops/sqrt.hpp>
#include <ops/tanh.hpp>

namespace gradus::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  std::size_t below(std::size_t n) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<std::size_t>((state_ >> 33) % n);
  }
  double constant() { return 0.25 * static_cast<double>(static_cast<int>(below(17)) - 8); }

 private:
  std::uint64_t state_;
};

/// A Dual with the sum of the |terms| that its tangent is made of: what rounding errors are measured by.
struct Scaled {
  Dual<double> dual;
  double scale = 0;
  Scaled() = default;
  Scaled(double v) : dual(v) {}  // NOLINT
  Scaled(Dual<double> d, double s) : dual(d), scale(s) {}
  [[nodiscard]] double value() const { return dual.value; }
  friend Scaled operator-(const Scaled& a) { return {-a.dual, a.scale}; }
  friend Scaled operator+(const Scaled& a, const Scaled& b) { return {a.dual + b.dual, a.scale + b.scale}; }
  friend Scaled operator-(const Scaled& a, const Scaled& b) { return {a.dual - b.dual, a.scale + b.scale}; }
  friend Scaled operator*(const Scaled& a, const Scaled& b) { return {a.dual * b.dual, std::abs(a.value()) * b.scale + std::abs(b.value()) * a.scale}; }
  friend Scaled operator/(const Scaled& a, const Scaled& b) {
    return {a.dual / b.dual, (a.scale + std::abs(a.value() / b.value()) * b.scale) / std::abs(b.value())};
  }
  Scaled& operator+=(const Scaled& o) { return *this = *this + o; }
  Scaled& operator-=(const Scaled& o) { return *this = *this - o; }
  Scaled& operator*=(const Scaled& o) { return *this = *this * o; }
  Scaled& operator/=(const Scaled& o) { return *this = *this / o; }
  /// What results of exp, tanh and sqrt are multiplied by: other than 1 to see how far a program magnifies their errors.
  static inline double rounding = 1;
  friend Scaled through(const Dual<double>& exact, const Scaled& x) {
    const Dual<double> y(exact.value * rounding, exact.tangent * rounding);
    return {y, y.tangent == 0 ? x.scale : std::abs(y.tangent / x.dual.tangent) * x.scale};
  }
  friend Scaled exp(const Scaled& x) { return through(gradus::exp(x.dual), x); }
  friend Scaled tanh(const Scaled& x) { return through(gradus::tanh(x.dual), x); }
  friend Scaled sqrt(const Scaled& x) { return through(gradus::sqrt(x.dual), x); }
};

/// What only a recording can do. For other scalars: nothing, or the same values.
template <class T> struct Extras {
  void mark_and_forget(const std::vector<T>&, std::uint64_t) {}
  void mark() {}
  std::vector<T> through_a_stack(std::vector<T> elements) { return elements; }
  T through_a_scalar_tensor(const T& x) { return x; }
};

template <> struct Extras<Var> {
  Tape& tape;
  void mark_and_forget(const std::vector<Var>& v, std::uint64_t seed);
  void mark() { static_cast<void>(tape.mark()); }
  std::vector<Var> through_a_stack(const std::vector<Var>& elements) {
    const Tensor stacked = Tensor::stack(elements);
    std::vector<Var> out;
    for (std::size_t i = 0; i < stacked.size(); ++i) out.push_back(stacked[i]);
    return out;
  }
  Var through_a_scalar_tensor(const Var& x) { return Tensor(x)[0]; }
};

/// One statement: chosen by `r` alone, never by what T is.
template <class T> void random_statement(std::vector<T>& v, Random& r, Extras<T>& extras) {
  const std::size_t i = r.below(v.size()), j = r.below(v.size()), k = r.below(v.size()), l = r.below(v.size());
  const double c = r.constant();
  switch (r.below(36)) {
    case 0: v[i] = v[j] + v[k]; break;
    case 1: v[i] = v[j] - v[k]; break;
    case 2: v[i] = v[j] * v[k]; break;
    case 3: v[i] = v[j] / (v[k] * v[k] + 1.0); break;
    case 4: v[i] += v[j]; break;
    case 5: v[i] -= v[j]; break;
    case 6: v[i] *= v[j]; break;
    case 7: v[i] /= v[j] * v[j] + 2.0; break;
    case 8: v[i] += v[j] * v[k]; break;
    case 9: v[i] -= v[j] * c; break;
    case 10: v[i] += std::move(v[j]); if (i != j) v[j] = T(c); break;
    case 11: v[i] -= std::move(v[j]); if (i != j) v[j] = v[i] * c; break;
    case 12: v[i] *= std::move(v[j]); if (i != j) v[j] = T(1.0); break;
    case 13: std::swap(v[i], v[j]); break;
    case 14: {
      T taken = std::move(v[j]);
      v[j] = c;
      v[i] = std::move(taken);
      break;
    }
    case 15: {
      T copy = v[j];
      v[i] = std::move(copy) * v[k];
      break;
    }
    case 16: v[i] = (v[i] + v[j]) * (v[k] - v[l]); break;
    case 17: v[i] = 1.0 / (1.0 + exp(-v[j])); break;
    case 18: v.push_back(v[i]); break;
    case 19: v.push_back(v[i] * v[j]); v.shrink_to_fit(); break;
    case 20: if (v.size() > 4) v.erase(v.begin() + static_cast<std::ptrdiff_t>(i)); break;
    case 21: v[i] = v[j] * T(c) + T(1.0); break;
    case 22: v[i] = T(c) - v[j]; break;
    case 23: v[i] = c; break;
    case 24: v[i] = tanh(v[j] * v[k] - c); break;
    case 25: v[i] = sqrt(v[j] * v[j] + 1.0); break;
    case 26: v[i] = -(-(v[j] * c) + 0.5); break;
    case 27: v[i] = std::move(v[i]) + v[j]; break;
    case 28: extras.mark_and_forget(v, r.below(1000000)); break;
    case 29: extras.mark(); break;
    case 30: {
      const auto out = extras.through_a_stack({v[i], v[j], T(c), v[i]});
      v[k] = out[0] * out[1] + out[2] - out[3] * v[l];
      break;
    }
    case 31: {
      const T element = extras.through_a_scalar_tensor(v[i]);
      v[i] += v[j];
      v[k] = element * v[i];
      break;
    }
    case 32: {
      T copy = v[i];
      copy += v[j];
      v[i] -= v[k];
      v[l] += copy * v[i];
      break;
    }
    case 33: {
      T sum = v[i] * v[j];
      sum += v[k];
      v[l] = std::move(sum) * 0.5 - v[i];
      break;
    }
    case 34: {
      T product = v[i] * v[j];
      v[k] = product + std::move(product);
      break;
    }
    default:
      if (i != k && i != l) v[i] = std::move(v[i]) * (v[j] * 0.5) + (v[k] + 1.0) * v[l];  // else the right side might read what was moved from
      else v[i] = v[i] * (v[j] * 0.5) + (v[k] + 1.0) * v[l];
      break;
  }
  for (T& x : v)
    if (!(x < 8.0 && -8.0 < x)) x = x * 0.0625;  // on values: the same decision everywhere
}
inline bool operator<(const Scaled& a, double b) { return a.value() < b; }
inline bool operator<(double a, const Scaled& b) { return a < b.value(); }

template <class T> T random_program(std::uint64_t seed, std::vector<T> v, Extras<T> extras) {
  Random r(seed);
  for (std::size_t n = 3 + r.below(20); n-- > 0;) random_statement(v, r, extras);
  T y = 0.0;
  for (T& x : v) {
    if (r.below(2) == 0) y += x;
    else y = std::move(y) + x * x;
  }
  return y;
}

inline void Extras<Var>::mark_and_forget(const std::vector<Var>& v, std::uint64_t seed) {
  const auto start = tape.mark();
  std::vector<Var> copies = v;
  Random r(seed);
  Extras<Var> nothing{tape};
  for (std::size_t n = r.below(4); n-- > 0;) random_statement(copies, r, nothing);
  tape.rewind(start);
}

}  // namespace gradus::testing
