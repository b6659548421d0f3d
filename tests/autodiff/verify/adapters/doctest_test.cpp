// The adapter for doctest. The skipped test fails on purpose: adapter_test.py reads what it prints.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <autodiff/verify/adapters/doctest.hpp>

#include "functions.hpp"

using namespace adapters;

TEST_CASE("a check that passes passes") {
  CHECK(gradus::check(rosenbrock, {-1.2, 1.0}));
  CHECK_FALSE(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0}));
}

TEST_CASE("a check that fails says why" * doctest::skip()) { CHECK(gradus::check(rosenbrock, wrong_gradient, {-1.2, 1.0})); }
