// A function with a right and a wrong gradient, for the tests of all adapters.
#pragma once

#include <vector>

namespace adapters {

inline const auto rosenbrock = [](const auto& x) {
  const auto a = 1.0 - x[0];
  const auto b = x[1] - x[0] * x[0];
  return a * a + 100.0 * (b * b);
};

/// The entry of x[1] should be -88 at (-1.2, 1).
inline std::vector<double> wrong_gradient(const std::vector<double>& x) {
  const double b = x[1] - x[0] * x[0];
  return {-2 * (1 - x[0]) - 400 * x[0] * b, 2 * b};
}

}  // namespace adapters
