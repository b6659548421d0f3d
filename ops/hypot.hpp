// The length of a vector of two components.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// sqrt(x^2 + y^2), without overflow or underflow on the way.
struct Hypot {
  static constexpr OpInfo info{.name = "hypot", .summary = "length of (x, y)", .operands = {"x", "y"}, .formula = "sqrt(x^2 + y^2)",
                               .derivatives = {"x == 0 ? 0 : x/sqrt(x^2 + y^2)", "y == 0 ? 0 : y/sqrt(x^2 + y^2)"},
                               .rule = "x/h; h near the end of the range, where it has few digits, is formed again from scaled operands",
                               .convention = "0 at the origin, the subgradient of smallest norm", .value_ulps = 0.75, .derivative_ulps = 1.5,
                               .probes = {{"quadrants", {3, 4, -3, 4, 5, -12, 1, 1e-9}}, {"range", {1e300, 2e300, 1.5e308, 1.5e308, 1e-310, 3e-310, 1.5e-323, 5e-324}},
                                          {"on the axes", {0, 1, 0, -1, 1, 0, -1, 0}}},
                               .source = "DLMF 4.7(ii)"};
  static auto value(Number auto x, Number auto y) { return hypot(x, y); }
  template <Number T> static auto derivatives(T x, T y, T h) {
    constexpr double edge = std::is_same_v<T, float> ? 1e-30 : 1e-290, scale = std::is_same_v<T, float> ? 0x1p100 : 0x1p900;
    const T a = where(h < edge, T(x * scale), x), b = where(h < edge, T(y * scale), y);
    const T length = where(h < edge, [&] { return T(hypot(a, b)); }, h);
    return Partials<T>{where(x == 0.0, T(y * 0.0), T(a / length)), where(y == 0.0, T(x * 0.0), T(b / length))};
  }
};

template <class X, class Y>
  requires(Differentiable<X> || Differentiable<Y>)
auto hypot(X&& x, Y&& y, Here here = Here()) {
  return apply_at(here, Hypot{}, std::forward<X>(x), std::forward<Y>(y));
}

}  // namespace gradus
