// The self-normalising exponential linear unit.
#pragma once

#include <autodiff/op.hpp>
#include <ops/exp.hpp>
#include <ops/expm1.hpp>

namespace gradus {

/// An elu scaled so that activations keep mean 0 and variance 1.
struct Selu {
  static constexpr double scale = 1.0507009873554804934, scaled_alpha = 1.758099340847376859940217520812;  // the product rounded once
  static constexpr OpInfo info{.name = "selu", .summary = "self-normalising exponential linear unit",
                               .formula = "1.0507009873554804934193349852946*(x > 0 ? x : 1.6732632423543772848170429916717*(exp(x) - 1))",
                               .derivatives = {"1.0507009873554804934193349852946*(x > 0 ? 1 : 1.6732632423543772848170429916717*exp(x))"},
                               .rule = "expm1; and exp(x) again for the derivative: y + alpha is 0 for x < -37",
                               .kinks = {"0"}, .convention = "the derivative of the negative side at 0 (PyTorch)",
                               .value_ulps = 2.5, .derivative_ulps = 2.25,
                               .probes = {{"saturated", {-37, -40, -708, -745}}, {"tiny", {-1e-300, -1e-9}}},
                               .source = "Klambauer et al. 2017, arXiv:1706.02515"};
  static auto value(Number auto x) { return where(x > 0.0, scale * x, [&] { return scaled_alpha * expm1(x); }); }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x > 0.0, scale, [&] { return scaled_alpha * exp(x); }); }
};

template <Operand X> auto selu(X&& x, Here here = Here()) { return apply_at(here, Selu{}, std::forward<X>(x)); }

}  // namespace gradus
