// A linear recurrence of first order.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// h_t = phi h_{t-1} + u_t for a vector u, with h_{-1} = h0: an autoregression, a filter, a discount. phi is one number, or one for each step.
/// Throws ShapeError unless u is a vector, h0 one element, and phi one element or as many as u.
template <class Real> [[nodiscard]] BasicTensor<Real> linear_recurrence(const BasicTensor<Real>& phi, const BasicTensor<Real>& u, const BasicTensor<Real>& h0);

/// linear_recurrence, by name.
struct LinearRecurrence {
  static constexpr ArrayOpInfo info{
      .name = "linear_recurrence", .summary = "linear recurrence of first order (AR(1), scan)", .operands = {"phi", "u", "h0"}, .formula = "h_t = phi h_{t-1} + u_t, h_{-1} = h0",
      .derivative = "a_t = g_t + phi a_{t+1} for u; sum_t a_t h_{t-1} for phi; phi a_0 for h0",
      .rule = "as many steps at once as a register has lanes, by powers of phi; every step may round, which a phi near 1 does not forget: over n steps up to n ulps",
      .value_ulps = 12, .derivative_ulps = 12,
      .cases = {{"normal", {"scalar", "9", "scalar"}, {Fill::positive, Fill::normal, Fill::normal}}, {"long", {"scalar", "40", "scalar"}, {Fill::positive, Fill::normal, Fill::normal}},
                {"signs", {"scalar", "19", "scalar"}, {Fill::normal, Fill::normal, Fill::normal}}, {"a factor a step", {"11", "11", "scalar"}, {Fill::normal, Fill::normal, Fill::normal}},
                {"ties", {"scalar", "8", "scalar"}, {Fill::ties, Fill::ties, Fill::ties}}, {"scattered", {"scalar", "4", "scalar"}, {Fill::scattered, Fill::scattered, Fill::scattered}},
                {"wide", {"scalar", "17", "scalar"}, {Fill::positive, Fill::wide, Fill::normal}}, {"one step", {"1", "1", "1"}, {Fill::normal, Fill::normal, Fill::normal}}},
      .source = "Blelloch, Prefix sums and their applications, 1990"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
