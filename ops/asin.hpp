// The inverse sine.
#pragma once

#include <autodiff/op.hpp>
#include <ops/sqrt.hpp>

namespace gradus {

/// Inverse sine.
struct Asin {
  static constexpr OpInfo info{.name = "asin", .summary = "inverse sine", .formula = "asin(x)", .derivatives = {"1/sqrt(1 - x^2)"},
                               .rule = "1 - x^2 as (1-x)(1+x): x^2 rounds away the distance to 1",
                               .domain = {{.low = -1, .high = 1, .closed_low = true, .closed_high = true}}, .convention = "inf at both ends",
                               .value_ulps = 1, .derivative_ulps = 2.25,
                               .probes = {{"near the ends", {0.9999999999999999, -0.9999999999999999, 0.999999, -0.999}}}, .source = "DLMF 4.24(ii)"};
  static auto value(Number auto x) { return asin(at_least_double(x)); }  // glibc's own for float is 0.85 ulps off
  static auto derivative(Number auto x, Number auto /*y*/) { return 1.0 / sqrt((1.0 - x) * (1.0 + x)); }
};

template <Differentiable X> auto asin(X&& x, Here here = Here()) { return apply_at(here, Asin{}, std::forward<X>(x)); }

}  // namespace gradus
