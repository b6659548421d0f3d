// The smaller of two numbers.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// The smaller of a and b; NaN if either is.
struct Min {
  static constexpr bool step_derivative = true;
  static constexpr OpInfo info{.name = "min", .summary = "the smaller of two", .operands = {"a", "b"}, .formula = "a < b ? a : b",
                               .derivatives = {"a < b ? 1 : a == b ? 1/2 : 0", "b < a ? 1 : a == b ? 1/2 : 0"},
                               .convention = "a tie gives half to each (PyTorch, JAX)", .value_ulps = 0, .derivative_ulps = 0,
                               .probes = {{"either side", {1, 2, 2, 1, -1, -2, -3, 4}}, {"tie", {1, 1, 0, 0, -2, -2, 1e300, 1e300}},
                                          {"nearly a tie", {1, 1.0000000000000002, 5e-324, 0}}}};
  template <Number T> static T value(T a, T b) { return where(a < b, a, where(a == a, b, a)); }
  template <Number T> static auto derivatives(T a, T b, T y) {
    const auto share = [&](const T& x, const T& other) { return where(x == other, 0.5, where(x < other, 1.0, where(y == y, 0.0, y))); };
    return Partials<decltype(share(a, b))>{share(a, b), share(b, a)};
  }
};

template <class X, class Y>
  requires(Differentiable<X> || Differentiable<Y>)
auto min(X&& a, Y&& b, Here here = Here()) {
  return apply_at(here, Min{}, std::forward<X>(a), std::forward<Y>(b));
}

}  // namespace gradus
