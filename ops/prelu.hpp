// The rectifier with a learnt slope on the negative side.
#pragma once

#include <string>
#include <vector>

#include <autodiff/op.hpp>
#include <autodiff/tensor.hpp>

namespace gradus {

/// x, or a*x where x is negative: leaky_relu with a differentiable slope.
struct Prelu {
  static constexpr bool flat = true;
  static constexpr OpInfo info{.name = "prelu", .summary = "parametric rectifier", .operands = {"x", "a"}, .formula = "x > 0 ? x : a*x",
                               .derivatives = {"x > 0 ? 1 : a", "x > 0 ? 0 : x"},
                               .convention = "the derivative of the negative side at x = 0 (PyTorch)", .value_ulps = 0.5, .derivative_ulps = 0,
                               .probes = {{"either side", {1.5, 0.25, -1.5, 0.25, 3, -0.5, -3, -0.5}}, {"slopes 0 and 1", {2, 0, -2, 0, 2, 1, -2, 1}},
                                          {"kink", {0, 0.25, -0.0, 0.25, 1e-300, 0.25, -1e-300, 0.25}}},
                               .source = "He et al. 2015, arXiv:1502.01852"};
  template <Number T> static T value(T x, T a) { return where(x > 0.0, x, a * x); }
  template <Number T> static Partials<T> derivatives(T x, T a, T /*y*/) {
    return {where(x > 0.0, T(1.0), where(x <= 0.0, a, x)), where(x > 0.0, T(0.0), x)};
  }
};

template <Operand X, Operand A>
  requires(!is_tensor<std::remove_cvref_t<X>> || !is_tensor<std::remove_cvref_t<A>>)
auto prelu(X&& x, A&& a, Here here = Here()) {
  return apply_at(here, Prelu{}, std::forward<X>(x), std::forward<A>(a));
}

/// With a vector of slopes and x of two or more axes there is one slope for each channel, and channels are axis 1 (PyTorch); otherwise a broadcasts.
/// Throws ShapeError when the number of slopes is neither 1 nor that of the channels.
template <class Real> [[nodiscard]] BasicTensor<Real> prelu(const BasicTensor<Real>& x, const BasicTensor<Real>& a) {
  if (a.rank() != 1 || a.size() == 1 || x.rank() < 2) return apply(Prelu{}, x, a);
  if (a.size() != x.shape()[1]) throw ShapeError("prelu: " + std::to_string(a.size()) + " slopes for x of shape " + x.shape().text() + ": one, or one for each channel of axis 1");
  std::vector<std::size_t> extents(x.rank() - 1, 1);
  extents[0] = a.size();
  return apply(Prelu{}, x, a.reshape(Shape(extents)));
}

}  // namespace gradus
