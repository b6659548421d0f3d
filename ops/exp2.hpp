// Two to the power of x.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// 2^x.
struct Exp2 {
  static constexpr OpInfo info{.name = "exp2", .summary = "power of two", .formula = "2^x", .derivatives = {"2^x*log(2)"},
                               .value_ulps = 1, .derivative_ulps = 1.75,
                               .probes = {{"overflow", {1023.5, 1024.5}}, {"subnormal", {-1022.5, -1050.25, -1074, -1080}}},
                               .source = "DLMF 4.7(ii)"};
  static auto value(Number auto x) { return exp2(x); }
  static auto derivative(Number auto /*x*/, Number auto y) { return 0.6931471805599453 * y; }
};

template <Differentiable X> auto exp2(X&& x, Here here = Here()) { return apply_at(here, Exp2{}, std::forward<X>(x)); }

}  // namespace gradus
