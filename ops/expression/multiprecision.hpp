// Lets formulas be evaluated with pi and e in all the digits of a Boost.Multiprecision number.
#pragma once

#include <boost/math/constants/constants.hpp>
#include <boost/multiprecision/number.hpp>

#include "ops/expression/evaluate.hpp"

namespace gradus::expression {

template <class Backend, boost::multiprecision::expression_template_option Templates>
struct Constants<boost::multiprecision::number<Backend, Templates>> {
  using Number = boost::multiprecision::number<Backend, Templates>;
  static Number literal(double value) { return Number(value); }
  static Number pi() { return boost::math::constants::pi<Number>(); }
  static Number e() { return boost::math::constants::e<Number>(); }
};

}  // namespace gradus::expression
