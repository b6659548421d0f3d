// The gamma function's logarithm and its derivatives for plain reals. The definitions, with Boost.Math, are compiled once, in gamma.cpp.
#pragma once

#include <autodiff/op.hpp>

namespace gradus {

/// log |gamma(x)|, within 1 ulp where glibc's lgamma has 7 (near -3.92), and free of its global sign.
[[nodiscard]] float log_gamma(float x);
[[nodiscard]] double log_gamma(double x);
[[nodiscard]] long double log_gamma(long double x);

/// The derivative of order+1 of log |gamma|: digamma for order 0, trigamma for 1. -1/x towards an infinity at 0, NaN at the negative integers.
[[nodiscard]] float polygamma(int order, float x);
[[nodiscard]] double polygamma(int order, double x);
[[nodiscard]] long double polygamma(int order, long double x);

/// polygamma as an op of its own, so that lgamma has derivatives of every order.
struct Polygamma {
  int order = 0;
  auto value(Number auto x) const { return polygamma(order, x); }
  auto derivative(Number auto x, Number auto /*y*/) const { return polygamma(order + 1, x); }
};

template <Differentiable X> auto polygamma(int order, X&& x, Here here = Here()) { return apply_at(here, Polygamma{order}, std::forward<X>(x)); }

}  // namespace gradus
