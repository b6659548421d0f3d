// GoogleTest: EXPECT_TRUE(gradus::passes(gradus::check(f, {-1.2, 1.0}))).
#pragma once

#include <gtest/gtest.h>

#include <autodiff/verify/check.hpp>

namespace gradus {

/// Success for a check that passed; otherwise a failure with the message of describe(). EXPECT_TRUE(check(…)) works too, but shows only "false".
[[nodiscard]] inline testing::AssertionResult passes(const CheckResult& result) {
  return result ? testing::AssertionSuccess() : testing::AssertionFailure() << '\n' << describe(result) << '\n';
}

}  // namespace gradus
