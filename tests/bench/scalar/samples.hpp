// Workloads as functions of one sample, for programs that are recorded once and replayed.
#pragma once

#include <vector>

#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/max.hpp>

#include "workloads.hpp"

namespace bench {

/// The mixture as a function of one sample; what depends on the parameters only is a share of the prior and of the norm of the weights.
struct MixtureSample {
  static constexpr std::size_t d = Mixture::d, k = Mixture::k, n = Mixture::n, triangle = Mixture::triangle;
  template <class T> static T log_sum_exp(const std::vector<T>& x) {
    using gradus::max;
    T largest = x[0];
    for (std::size_t i = 1; i < x.size(); ++i) largest = max(largest, x[i]);
    T sum = 0.0;
    for (const T& v : x) sum += exp(v - largest);
    return log(sum) + largest;
  }
  template <class T> T operator()(const std::vector<T>& x, const std::vector<T>& p) const {
    const T *alpha = p.data(), *mean = alpha + k, *icf = mean + k * d;
    std::vector<T> alphas(alpha, alpha + k), q(k * d), centred(d), term(k);
    T prior = 0.0;
    for (std::size_t j = 0; j < k; ++j) {
      const T* own = icf + j * (d + triangle);
      T sum_q = 0.0, size = 0.0;
      for (std::size_t i = 0; i < d; ++i) {
        sum_q += own[i];
        q[j * d + i] = exp(own[i]);
        size += q[j * d + i] * q[j * d + i];
      }
      for (std::size_t i = 0; i < triangle; ++i) size += own[d + i] * own[d + i];
      prior += 0.5 * size - sum_q;

      for (std::size_t i = 0; i < d; ++i) centred[i] = x[i] - mean[j * d + i];
      const T* lower = own + d;
      T squares = 0.0;
      for (std::size_t i = 0; i < d; ++i) {
        T row = q[j * d + i] * centred[i];
        for (std::size_t c = 0; c < i; ++c) row += *lower++ * centred[c];
        squares += row * row;
      }
      term[j] = (alpha[j] + sum_q) - 0.5 * squares;
    }
    return log_sum_exp(term) + (prior * (1.0 / static_cast<double>(n)) - log_sum_exp(alphas));
  }
};

/// The normal density as a function of one observation.
struct NormalSample {
  template <class T> T operator()(const std::vector<T>& x, const std::vector<T>& p) const {
    const T z = (x[0] - p[0]) / p[1];
    return -0.5 * z * z - log(p[1]);
  }
};

}  // namespace bench
