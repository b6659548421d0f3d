// The complementary error function.
#pragma once

#include <autodiff/op.hpp>
#include <ops/exp.hpp>
#include <ops/erf.hpp>

namespace gradus {

/// exp(x^2)*erfc(x) for x >= 0: smooth, between 1 and 1/(x*sqrt(pi)). Two rational interpolants at Chebyshev points in the manner of
/// Cody (Math. Comp. 23, 1969), of relative error 3e-18 and 2e-17; every coefficient has the same sign, so nothing cancels;
/// the rounding still adds up to 2 ulps, which evaluating it over Wider<T> avoids.
template <Number T> T erfc_scaled(const T& x) {
  return where(
      x < 4.0,
      [&] {
        return polynomial(x, {1, 2.0125116238222474667, 2.0250526398262243832, 1.2953377779505965146, 0.57296839117330899072, 0.18059481479517171656,
                              0.04047206208531569644, 0.006224081197699235502, 0.00059834950775633409457, 0.000027608292855081715639}) /
               polynomial(x, {1, 3.1408907909177594629, 4.569168374419992299, 4.0624541697433860885, 2.4505324922372105699, 1.0508957764329966853,
                              0.32558758111476652385, 0.072265127159913505881, 0.011056364328556767273, 0.0010605468753260132247,
                              0.000048934425206420702567});
      },
      [&] {
        const T s = 1.0 / (x * x);
        const T rest = s * polynomial(s, {0.5, 12.274335082512145927, 96.532691198435678918, 278.20679123467046774, 237.27835460298244174,
                                          12.798576738674854565}) /
                       polynomial(s, {1, 26.048670165022859951, 228.3883876453654766, 814.43865055765324575, 1122.5845653647703251, 439.26738053999312657});
        return T((T(0.564189583547756286948L) - 0.5641895835477563 * rest) / x);  // 1/sqrt(pi)
      });
}

/// Complementary error function, 1 - erf(x), without its cancellation.
struct Erfc {
  static constexpr OpInfo info{.name = "erfc", .summary = "complementary error function", .formula = "erfc(x)",
                               .derivatives = {"-2/sqrt(pi)*exp(-x^2)"},
                               .rule = "with the rounding error of x^2 put back: exp would turn it into 740 ulps; glibc's own value is 4 ulps off near 1.2",
                               .value_ulps = 2.5, .derivative_ulps = 2,
                               .probes = {{"tail", {1.2328629477214159, 6, 15, 26.5, 27.2}}, {"near 2", {-1, -6, -20}}},
                               .source = "DLMF 7.2(i), 7.10"};
  template <Number T> static auto value(T x) {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      const double z = x;
      return where(z > 0.5, [&] { return static_cast<double>(erfc_scaled(Wider<T>(x)) * exp_of(two_product(-z, z))); }, [&] { return erfc(z); });
    } else {
      return erfc(x);
    }
  }
  static auto derivative(Number auto x, Number auto y) { return -Erf::derivative(x, y); }
};

template <Differentiable X> auto erfc(X&& x, Here here = Here()) { return apply_at(here, Erfc{}, std::forward<X>(x)); }

}  // namespace gradus
