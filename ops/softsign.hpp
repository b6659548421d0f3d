// The rational squashing function.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>

namespace gradus {

/// x/(1 + |x|).
struct SoftSign {
  static constexpr OpInfo info{.name = "softsign", .summary = "rational squashing function", .formula = "x/(1 + abs(x))",
                               .derivatives = {"1/(1 + abs(x))^2"},
                               .value_ulps = 1.75, .derivative_ulps = 2.75,
                               .probes = {{"large", {1e15, -1e17, 1e160, -1e300}}}, .source = "Bergstra et al. 2009"};
  static auto value(Number auto given) {
    const auto x = where(given > 1e30, 1e30, where(given < -1e30, -1e30, given));  // there it is 1; inf/inf is not
    return x / (1.0 + abs(x));
  }
  template <Number T> static auto derivative(T x, T /*y*/) {
    const auto size = two_sum(T(1.0), T(abs(x)));  // its rounding error would count twice
    return 1.0 / (size.high * (size.high + 2.0 * size.low));
  }
};

template <Operand X> auto softsign(X&& x, Here here = Here()) { return apply_at(here, SoftSign{}, std::forward<X>(x)); }

}  // namespace gradus
