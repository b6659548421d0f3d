// doctest: CHECK(gradus::check(f, {-1.2, 1.0})).
#pragma once

#include <string>

#include <doctest/doctest.h>

#include <autodiff/verify/check.hpp>

/// The message of describe(), on lines of its own.
template <> struct doctest::StringMaker<gradus::CheckResult> {
  static String convert(const gradus::CheckResult& result) { return ("\n" + gradus::describe(result) + "\n").c_str(); }
};
