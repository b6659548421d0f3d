// The Gaussian error linear unit in its tanh approximation.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// x*(1 + tanh(u))/2 = x*sigmoid(2u) with u = sqrt(2/pi)*(x + 0.044715*x^3).
struct GeluTanh {
  static constexpr bool scalar_only = true;  // the derivative without Wider would be 6 ulps off
  static constexpr OpInfo info{.name = "gelu_tanh", .summary = "Gaussian error linear unit, tanh form",
                               .formula = "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))",
                               .derivatives = {"(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))/2 + "
                                               "x/2*(1 - tanh(sqrt(2/pi)*(x + 0.044715*x^3))^2)*sqrt(2/pi)*(1 + 3*0.044715*x^2)"},
                               .rule = "x*sigmoid(2u) with 2u to twice the digits: exp would turn its rounding error into 1000 ulps",
                               .value_ulps = 3.25, .derivative_ulps = 2,
                               .cancels = {"(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))/2 + "
                                           "abs(x)/2*(1 - tanh(sqrt(2/pi)*(x + 0.044715*x^3))^2)*sqrt(2/pi)*(1 + 3*0.044715*x^2)"},
                               .probes = {{"root of the derivative", {-0.7524614220710162, -0.75}}, {"tail", {-5.5, -8.5, -20.5, -21.4, -21.8, 8.5}}},
                               .source = "Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2"};
  template <Number T> static auto value(T given) {
    const auto part = parts(given);
    return where(part.x < 0.0 && part.twice.high < -690.0,
                 [&] {  // e alone is subnormal here
                   const auto root = exp(0.5 * part.twice.high);
                   return part.x * (root + root * part.twice.low) * root;
                 },
                 [&] {
                   const auto e = exp(part.twice.high);
                   return where(part.x < 0.0, part.x * e / (1.0 + (e - part.twice.low)), part.x / (1.0 + (e + e * part.twice.low)));
                 });
  }
  template <Number T> static auto derivative(T given, T /*y*/) {
    using Wide = Wider<T>;  // the many roundings here would add up to 4 ulps
    const auto part = parts(given);
    const Wide e = Wide(exp(part.twice.high)) * Wide(1.0 + Wide(part.twice.low)), size(part.size);
    const Wide growth = size * (1.5957691216057308 + 0.21406444881780073 * (size * size));  // |x|*(2u)'
    return where(part.x > 0.0, (1.0 + e) + growth * e, e * ((1.0 + e) - growth)) / ((1.0 + e) * (1.0 + e));
  }

 private:
  template <class T> struct Parts { T x, size; TwoPart<T> twice; };  // size is |x|, twice is -2|u|
  template <Number T> static auto parts(const T& given) {
    using Wide = decltype(at_least_double(given));
    const Wide x = where(given < -100.0, Wide(-100.0), at_least_double(given));  // there both are 0 in every range; -inf*0 is not
    const Wide size = where(x > 100.0, Wide(100.0), Wide(abs(x)));
    const auto squared = two_product(size, size);
    const auto cubic = two_product(squared.high, Wide(0.044715));
    const auto factor = two_sum(Wide(1.0), cubic.high);
    const auto product = two_product(size, factor.high);
    const auto twice = two_product(product.high, Wide(-1.5957691216057308));  // -2*sqrt(2/pi), and its rounding error below
    const auto rest = size * (factor.low + (cubic.low + 0.044715 * squared.low)) + product.low;
    return Parts<Wide>{x, size, {twice.high, twice.low - 1.5957691216057308 * rest + 9.96930880911092e-17 * product.high}};
  }
};

template <Operand X> auto gelu_tanh(X&& x, Here here = Here()) { return apply_at(here, GeluTanh{}, std::forward<X>(x)); }

}  // namespace gradus
