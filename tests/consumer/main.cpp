// The gradient of x*y at (3, 4), from an installed Gradus: exit code 0 when it is (4, 3).
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/ops.hpp>

int main() {
  const auto [value, gradient] = gradus::value_and_gradient([](auto x) { return x[0] * x[1]; }, {3.0, 4.0});
  return value == 12.0 && gradient == std::vector{4.0, 3.0} ? 0 : 1;
}
