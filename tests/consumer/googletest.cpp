// A gradient checked in a test of GoogleTest, from an installed Gradus.
#include <autodiff/verify/adapters/googletest.hpp>

TEST(Product, has_a_right_gradient) {
  EXPECT_TRUE(gradus::passes(gradus::check([](const auto& x) { return x[0] * x[1]; }, {3.0, 4.0})));
}
