// The Gaussian error linear unit.
#pragma once

#include <autodiff/op.hpp>
#include <ops/erf.hpp>
#include <ops/erfc.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// x*Phi(x), where Phi is the distribution function of the standard normal distribution.
struct Gelu {
  static constexpr bool scalar_only = true;  // erfc_scaled over doubles would cost 7 ulps
  static constexpr OpInfo info{.name = "gelu", .summary = "Gaussian error linear unit", .formula = "x*erfc(-x/sqrt(2))/2",
                               .derivatives = {"erfc(-x/sqrt(2))/2 + x*exp(-x^2/2)/sqrt(2*pi)"},
                               .rule = "Phi(-|x|) = exp(-x^2/2)*s(|x|) with a smooth s, and the rounding error of x^2 put back: erfc(x/sqrt(2)) loses 700 ulps of the tail",
                               .value_ulps = 2.25, .derivative_ulps = 3,
                               .cancels = {"erfc(-x/sqrt(2))/2 + abs(x)*exp(-x^2/2)/sqrt(2*pi)"},
                               .probes = {{"root of the derivative", {-0.7517915246935645, -0.75}}, {"tail", {-5.5, -8.5, -37, -37.6, -38.4, 8.5}}},
                               .source = "Hendrycks and Gimpel 2016, arXiv:1606.08415"};
  template <Number T> static auto value(T given) {
    const auto x = within_reach(given);
    return where(x > -0.5, [&] { return x * (0.5 + 0.5 * erf(0.7071067811865476 * x)); },
                 [&] {
                   using Wide = Wider<T>;
                   const Wide tail = 0.5 * erfc_scaled(Wide(Wide(-0.707106781186547524401L) * x));
                   return decltype(at_least_double(given))((x * tail) * bell(x));
                 });
  }
  template <Number T> static auto derivative(T given, T /*y*/) {
    const auto x = where(given > 200.0, 200.0, within_reach(given));
    return where(x > -0.5, [&] { return 0.5 + (0.5 * erf(0.7071067811865476 * x) + x * (0.3989422804014327 * bell(x))); },  // 1/sqrt(2 pi)
                 [&] {
                   const auto exponent = two_product(decltype(at_least_double(given))(-0.5 * x), x);
                   const auto line = 0.3989422804014327 * x, tail = 0.5 * erfc_scaled(-0.7071067811865476 * x);
                   return exp(exponent.high) * ((tail + (tail + line) * exponent.low) + line);
                 });
  }

 private:
  /// x, but not below -200, where value and derivative are 0 in every range of exponents; -inf*0 is not.
  template <Number T> static auto within_reach(const T& x) { return where(x < -200.0, -200.0, at_least_double(x)); }
  /// exp(-x^2/2).
  template <Number T> static T bell(const T& x) { return exp_of(two_product(T(-0.5 * x), x)); }
};

template <Operand X> auto gelu(X&& x, Here here = Here()) { return apply_at(here, Gelu{}, std::forward<X>(x)); }

}  // namespace gradus
