// The error function.
#pragma once

#include <autodiff/op.hpp>
#include <ops/exp.hpp>

namespace gradus {

/// Error function.
struct Erf {
  static constexpr OpInfo info{.name = "erf", .summary = "error function", .formula = "erf(x)", .derivatives = {"2/sqrt(pi)*exp(-x^2)"},
                               .rule = "with the rounding error of x^2 put back: exp would turn it into 740 ulps",
                               .value_ulps = 1.25, .derivative_ulps = 2,
                               .probes = {{"saturated", {6, -15, 26.5, -27.2}}, {"tiny", {1e-300, -1e-9}}}, .source = "DLMF 7.2(i), 7.10"};
  static auto value(Number auto x) { return erf(x); }
  static auto derivative(Number auto x, Number auto /*y*/) {
    const auto wide = at_least_double(x);
    return 1.1283791670955126 * exp_of(two_product(-wide, wide));  // 2/sqrt(pi)
  }
};

template <Differentiable X> auto erf(X&& x, Here here = Here()) { return apply_at(here, Erf{}, std::forward<X>(x)); }

}  // namespace gradus
