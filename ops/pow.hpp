// Powers.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>
#include <ops/log.hpp>

namespace gradus {

/// a^b, of negative a for whole b only.
struct Pow {
  static constexpr OpInfo info{.name = "pow", .summary = "a to the power of b", .operands = {"a", "b"}, .formula = "a^b",
                               .derivatives = {"b == 0 ? 0 : b*a^(b - 1)", "a != 0 ? a^b*log(a) : b >= 0 ? 0 : a^b*log(a)"},
                               .rule = "b*y/a while y has all its digits; beyond, a^(b-1) with the rounding error of b - 1 put back",
                               .domain = {{.low = 0}, {}},
                               .convention = "for a: 0 at b = 0; for b: 0 at a = 0 <= b, NaN for negative a (PyTorch)",
                               .value_ulps = 0.75, .derivative_ulps = 2.5,
                               .probes = {{"whole exponents", {2, 3, -2, 3, -1.5, -2, 0.5, 2, 3, 1, 3, 0}}, {"a = 0", {0, 2, 0, 1, 0, 0.5, 0, 0, 0, -1}},
                                          {"range", {1e-200, 1.55, 1e-300, 0.3, 1e300, 1.05, 1e-300, 1.08, 1e-300, 1e-17}},
                                          {"near 1", {1.0000000000000002, 1e15, 0.9999999999999999, 6e18, 1.0000001, -2e8}}},
                               .source = "DLMF 4.7(ii)"};
  template <Number T> static auto value(T a, T b) {
    return where(b == 1.0, a, [&] { return T(pow(a, b)); });  // vector functions overflow just below the largest number
  }
  template <Number T> static auto derivatives(T a, T b, T y) {
    constexpr double smallest = std::is_same_v<T, float> ? 1e-30 : 1e-290, largest = std::is_same_v<T, float> ? 1e38 : 1e308;
    const T size = abs(y);
    const auto ordinary = !(size < smallest || size > largest);  // NaN too
    const T da = where(ordinary, [&] { return T(b * (y / a)); }, [&] { return slope(a, b); });
    const T db = where(a == 0.0 && b >= 0.0, T(0.0), [&] { return T(y * log(a)); });
    return Partials<T>{where(b == 0.0, T(0.0), da), db};
  }

 private:
  template <Number T> static T slope(const T& a, const T& b) {
    const TwoPart<T> less = two_sum(b, T(-1.0));
    const T power = T(b * pow(a, less.high));
    return where(less.low != 0.0 && a != 0.0, [&] { return T(power * pow(T(abs(a)), less.low)); }, power);
  }
};

template <class X, class Y>
  requires(Differentiable<X> || Differentiable<Y>)
auto pow(X&& a, Y&& b, Here here = Here()) {
  return apply_at(here, Pow{}, std::forward<X>(a), std::forward<Y>(b));
}

}  // namespace gradus
