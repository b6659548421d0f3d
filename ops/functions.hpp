// Every op by name, as functions of the expression language.
#pragma once

#include <autodiff/var.hpp>
#include <ops/expression/evaluate.hpp>
#include <ops/pow.hpp>  // ^ of Vars

namespace gradus {

/// The elementwise ops (parameters as further arguments: leaky_relu(x, slope)) and the vector functions sum, mean, dot, softmax, log_softmax,
/// log_sum_exp, maxout, cross_entropy(y, s), softmax_cross_entropy(z, y), mean_squared_error(p, t), normal_log_density(x, mu, sigma) and
/// linear_recurrence(phi, u, h0). For double nothing is recorded; for Var everything is.
template <class T> [[nodiscard]] const expression::Functions<T>& functions();
template <> const expression::Functions<double>& functions<double>();
template <> const expression::Functions<Var>& functions<Var>();

}  // namespace gradus
