// The continuously differentiable exponential linear unit.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/error.hpp>
#include <ops/abs.hpp>
#include <ops/exp.hpp>
#include <ops/expm1.hpp>

namespace gradus {

/// x, or alpha*(e^(x/alpha) - 1) where x is negative: an elu whose derivative is 1 on both sides of 0.
struct Celu {
  double alpha = 1;
  static constexpr OpInfo info{.name = "celu", .summary = "continuously differentiable exponential linear unit",
                               .formula = "x > 0 ? x : alpha*(exp(x/alpha) - 1)", .derivatives = {"x > 0 ? 1 : exp(x/alpha)"},
                               .rule = "with the rounding error of x/alpha put back: exp would turn it into 740 ulps",
                               .parameters = {{.name = "alpha", .value = 1, .also = {0.3, 2.5, 0.07}, .meaning = "minus the limit on the left"}},
                               .kinks = {"0"}, .convention = "1 at 0, from both sides", .value_ulps = 3, .derivative_ulps = 2.25,
                               .probes = {{"saturated", {-37, -40, -708, -745}}, {"tiny", {-1e-300, -1e-9}},
                                          {"worst seen", {-0x1.42e72b0507ddcp-2, -0x1.be55ed6729dedp-5, -0x1.b5c2e5b10ca94p-1, -0x1.ff683a75e2ec7p-10}}},
                               .source = "Barron 2017, arXiv:1704.07483"};
  /// Throws ArgumentError when the parameters make no sense.
  void validate() const {
    if (alpha == 0 || alpha != alpha) throw ArgumentError("celu: alpha must not be 0 or NaN");
  }
  template <Number T> auto value(T x) const {
    return where(x > 0.0, x, [&] {
      const auto scaled = quotient(x);
      const auto y = expm1(scaled.high);
      const auto result = alpha * where(y - y == 0.0, y + scaled.low * (y + 1.0), y);
      return where(abs(scaled.high) < 1e-20, x, result);  // a subnormal x/alpha has few digits
    });
  }
  template <Number T> auto derivative(T x, T /*y*/) const {
    return where(x > 0.0, 1.0, [&] {
      const auto scaled = quotient(x);
      return exp(scaled.high) * (1.0 + scaled.low);
    });
  }

 private:
  template <Number T> auto quotient(const T& x) const {
    const auto wide = at_least_double(x);
    return two_quotient(wide, decltype(at_least_double(x))(alpha));
  }
};

template <Operand X> auto celu(X&& x, double alpha = 1, Here here = Here()) {
  const Celu op{alpha};
  op.validate();
  return apply_at(here, op, std::forward<X>(x));
}

}  // namespace gradus
