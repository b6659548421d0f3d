// The logarithm of softmax along an axis.
#pragma once

#include <autodiff/array_op.hpp>

namespace gradus {

/// x_i - log sum_k exp(x_k) along an axis. NaN if the largest entry is infinite or NaN. Throws ShapeError when there is no such axis.
template <class Real> [[nodiscard]] BasicTensor<Real> log_softmax(const BasicTensor<Real>& x, int axis = -1);

/// log_softmax, by name. Attribute axis (default -1).
struct LogSoftmax {
  static constexpr ArrayOpInfo info{
      .name = "log_softmax", .summary = "logarithm of softmax along an axis", .operands = {"x"}, .formula = "x_i - log(sum_k exp(x_k))",
      .derivative = "g_i - s_i sum_k g_k",
      .rule = "forward: (x_i - x_m) - log1p(rest), rest = sum over k != m of exp(x_k - x_m), m the largest; "
              "backward for m: g_m sum over k != m of s_k, minus s_m sum over k != m of g_k: g_m (1 - s_m) loses every digit when s_m -> 1",
      .parameters = {{.name = "axis", .value = -1, .meaning = "the axis of the classes"}},
      .cases = {{"normal", {"3x5"}, {Fill::normal}}, {"first axis", {"4x3"}, {Fill::normal}, "axis=0"}, {"middle axis", {"2x3x4"}, {Fill::normal}, "axis=1"},
                {"wide", {"3x4"}, {Fill::wide}}, {"saturated", {"4x4"}, {Fill::saturated}}, {"ties", {"3x4"}, {Fill::ties}},
                {"two classes", {"4x2"}, {Fill::normal}}, {"one class", {"3x1"}, {Fill::normal}}, {"vector", {"7"}, {Fill::normal}}}};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
