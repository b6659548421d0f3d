// The logarithm of the logistic function.
#pragma once

#include <autodiff/op.hpp>
#include <ops/softplus.hpp>

namespace gradus {

/// log(sigmoid(x)) = -softplus(-x).
struct LogSigmoid {
  static constexpr OpInfo info{.name = "logsigmoid", .summary = "logarithm of the logistic function", .formula = "-log(1 + exp(-x))",
                               .derivatives = {"1/(1 + exp(x))"}, .rule = "-softplus(-x), stable on both sides",
                               .value_ulps = 1.75, .derivative_ulps = 2.5,
                               .probes = {{"saturated", {20.5, 37, -37, 709.5, 745}}}, .source = "DLMF 4.34"};
  static auto value(Number auto x) { return -Softplus::value(-x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return Sigmoid::value(-x); }
};

template <Operand X> auto logsigmoid(X&& x, Here here = Here()) { return apply_at(here, LogSigmoid{}, std::forward<X>(x)); }

}  // namespace gradus
