// The adapter for GoogleTest. The disabled tests fail on purpose: adapter_test.py reads what they print.
#include <autodiff/verify/adapters/googletest.hpp>

#include "functions.hpp"

using namespace adapters;

TEST(Adapter, a_check_that_passes_passes) {
  EXPECT_TRUE(gradus::passes(gradus::check(rosenbrock, {-1.2, 1.0})));
  EXPECT_TRUE(gradus::check(rosenbrock, {-1.2, 1.0}));
  EXPECT_FALSE(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0}));
}

TEST(Adapter, DISABLED_a_check_that_fails_says_why) { EXPECT_TRUE(gradus::passes(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0}))); }
