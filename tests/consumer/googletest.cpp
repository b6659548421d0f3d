// A gradient checked in a test of GoogleTest, from an installed Gradus.
#include <autodiff/verify/adapters/googletest.hpp>
#include <ops/exp.hpp>

TEST(Product, has_a_right_gradient) {
  EXPECT_TRUE(gradus::passes(gradus::check([](const auto& x) { return x[0] * x[1]; }, {3.0, 4.0})));
}

// Nothing else is included: whoever has tensors can apply an op to them.
TEST(Exponential, of_an_array_needs_no_other_header) {
  const gradus::Tensor y = exp(gradus::Tensor({2}, {0.0, 1.0}));
  EXPECT_EQ(y.values()[0], 1.0);
  EXPECT_DOUBLE_EQ(y.values()[1], 2.718281828459045);
}
