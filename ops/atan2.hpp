// The angle of a point in the plane.
#pragma once

#include <autodiff/op.hpp>
#include <ops/abs.hpp>

namespace gradus {

/// The angle of the point (x, y), in (-pi, pi].
struct Atan2 {
  static constexpr OpInfo info{.name = "atan2", .summary = "angle of the point (x, y)", .operands = {"y", "x"}, .formula = "atan2(y, x)",
                               .derivatives = {"x/(x^2 + y^2)", "-y/(x^2 + y^2)"},
                               .rule = "with r = smaller/larger, 1/(larger + r*smaller): x^2 + y^2 leaves the range at 1e154 and 1e-154",
                               .convention = "NaN at the origin, as PyTorch", .value_ulps = 1.25, .derivative_ulps = 2.75,
                               .probes = {{"quadrants", {1, 2, 1, -2, -1, -2, -1, 2, 3, 1}}, {"range", {1e200, 1e199, 1e-200, 3e-200, 1e-300, 1}},
                                          {"on the axes", {0, 1, 0, -1, 1, 0, -1, 0}}},
                               .source = "DLMF 4.23(iv)"};
  static auto value(Number auto y, Number auto x) { return atan2(y, x); }
  template <Number T> static auto derivatives(T b, T a, T /*angle*/) {
    const auto y = at_least_double(b), x = at_least_double(a);
    const auto steep = abs(y) > abs(x);
    const auto larger = where(steep, y, x), smaller = where(steep, x, y);
    const auto ratio = smaller / larger, inverse = 1.0 / (larger + ratio * smaller);
    return Partials<std::remove_const_t<decltype(inverse)>>{where(steep, ratio * inverse, inverse), -where(steep, inverse, ratio * inverse)};
  }
};

template <class X, class Y>
  requires(Differentiable<X> || Differentiable<Y>)
auto atan2(X&& y, Y&& x, Here here = Here()) {
  return apply_at(here, Atan2{}, std::forward<X>(y), std::forward<Y>(x));
}

}  // namespace gradus
