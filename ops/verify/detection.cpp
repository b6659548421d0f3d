// Measures the smallest error that the checker sees.
#include <ops/verify/detection.hpp>

#include <algorithm>
#include <cmath>

#include <autodiff/verify/ladder.hpp>
#include <autodiff/verify/regimes.hpp>
#include <ops/verify/mutants.hpp>

namespace gradus {
namespace {

using Values = Subject::Values;
using View = Subject::View;

/// The smallest power of 10 for which `sees` is true.
template <class Sees> double smallest_seen(Sees&& sees) {
  for (int digits = 15; digits > 0; --digits)
    if (const double error = std::pow(10.0, -digits); sees(error)) return error;
  return 1;
}

double limit_at(const Subject& right, View x, const CheckOptions& options) {
  if (check(right, x, options).verdict != Verdict::pass) return 0;  // a kink, or nothing to judge by: says nothing of errors
  Values cotangent(right.value(x).size());
  for (std::size_t j = 0; j < cotangent.size(); ++j) cotangent[j] = 1 + static_cast<double>(j);
  const Values slopes = right.pullback(x, cotangent);
  if (std::all_of(slopes.begin(), slopes.end(), [](double v) { return v == 0; })) return 0;  // nothing to multiply
  return smallest_seen([&](double error) {
    Subject wrong = right;
    wrong.accumulate = {};  // by the right rule: comparing the two would be too easy
    wrong.record = {};
    wrong.hessian_vector = {};
    wrong.pullback = [&right, error](View at, View w) {
      Values g = right.pullback(at, w);
      for (double& v : g) v *= 1 + error;
      return g;
    };
    return check(wrong, x, options).verdict == Verdict::fail;
  });
}

}  // namespace

std::vector<DetectionLimit> detection_limits(std::uint64_t seed, std::size_t points) {
  std::vector<DetectionLimit> limits;
  for (const TrickyCase& c : right_rules()) {
    if (c.subject.witnesses.size() < 2) continue;  // the families of structural faults
    DetectionLimit limit{c.name, c.inputs, 0, 0};
    for (const GeneratedPoint& p : generate_points(c.inputs, c.subject.domain, seed, points, false)) {
      limit.differences = std::max(limit.differences, limit_at(c.subject, p.x, {.seed = seed, .witnesses = false, .shrink = false}));
      limit.witnesses = std::max(limit.witnesses, limit_at(c.subject, p.x, {.seed = seed, .shrink = false}));
    }
    if (limit.differences > 0 && limit.witnesses > 0) limits.push_back(std::move(limit));
  }
  return limits;
}

double wrong_entry_limit(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  Values matrix(n * n), x(n);
  for (double& v : matrix) v = random.uniform(-1, 1);
  for (double& v : x) v = random.normal();
  const std::size_t row = random.below(n), column = random.below(n);
  Subject s;
  s.name = "x -> tanh(M x / n)";
  s.operations = 64;
  const double scale = 1 / static_cast<double>(n);
  const auto products = [&](View at) {
    Values y(n, 0.0);
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t i = 0; i < n; ++i) y[j] += matrix[j * n + i] * at[i];
    for (double& v : y) v = std::tanh(v * scale);
    return y;
  };
  s.value = products;
  return smallest_seen([&](double error) {
    s.pullback = [&, error](View at, View w) {
      const Values y = products(at);
      Values g(n, 0.0);
      for (std::size_t j = 0; j < n; ++j) {
        const double slope = w[j] * (1 - y[j] * y[j]) * scale;
        for (std::size_t i = 0; i < n; ++i) g[i] += slope * matrix[j * n + i];
        if (j == row) g[column] += slope * error;
      }
      return g;
    };
    return check(s, x, {.seed = seed, .shrink = false}).verdict == Verdict::fail;
  });
}

}  // namespace gradus
