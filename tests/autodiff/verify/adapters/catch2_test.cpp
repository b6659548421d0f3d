// The adapter for Catch2. The hidden tests fail on purpose: adapter_test.py reads what they print.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#endif

#include <autodiff/verify/adapters/catch2.hpp>

#include "functions.hpp"

using namespace adapters;

TEST_CASE("a check that passes passes") {
  CHECK(gradus::check(rosenbrock, {-1.2, 1.0}));
  CHECK_THAT(gradus::check(rosenbrock, {-1.2, 1.0}), gradus::Passes());
  CHECK_THAT(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0}), !gradus::Passes());
  CHECK_FALSE(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0}));
}

TEST_CASE("a check that fails says why", "[.][failing]") { CHECK(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0})); }

TEST_CASE("a mismatch says why", "[.][mismatch]") { CHECK_THAT(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0}), gradus::Passes()); }
