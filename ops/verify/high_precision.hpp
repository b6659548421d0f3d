// Formulas in 400 digits: the truth that values and derivatives are compared with. It shares no code with the ops.
#pragma once

#include <span>
#include <string>

#include <ops/expression/evaluate.hpp>
#include <ops/expression/expression.hpp>
#include <ops/verify/big_float.hpp>

namespace gradus {

/// What formulas may call in 400 digits: the elementary and special functions, every elementwise op by its own formula text, and the vector
/// functions by their textbook forms.
[[nodiscard]] const expression::Functions<BigFloat>& high_precision_functions();

/// The value of a formula of scalars; NaN where it is undefined. Throws expression::Error.
[[nodiscard]] BigFloat evaluate_scalar(const expression::Expression& formula, const expression::Variables<BigFloat>& variables);

/// The nearest double, subnormals correctly rounded, infinite beyond the range.
[[nodiscard]] double nearest_double(const BigFloat& x);

/// |got - truth| in units of the last place of a Real (float or double) at max(|truth|, |scale|); 0 when both are NaN, or infinite alike after rounding.
template <class Real> [[nodiscard]] double error_in_ulps(Real got, const BigFloat& truth, const BigFloat& scale = 0);

}  // namespace gradus
