// Catch2, versions 2 and 3: CHECK(gradus::check(f, {-1.2, 1.0})) or CHECK_THAT(gradus::check(f, {-1.2, 1.0}), gradus::Passes()).
#pragma once

#include <string>

#if __has_include(<catch2/matchers/catch_matchers.hpp>)  // version 3
#include <catch2/catch_tostring.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#elif !defined(CATCH_VERSION_MAJOR)  // version 2; whoever keeps a copy of its header elsewhere includes it first
#include <catch2/catch.hpp>
#endif

#include <autodiff/verify/check.hpp>

/// The message of describe(), on lines of its own.
template <> struct Catch::StringMaker<gradus::CheckResult> {
  static std::string convert(const gradus::CheckResult& result) { return "\n" + gradus::describe(result) + "\n"; }
};

namespace gradus {
namespace detail {
namespace catch_names {  // where either version has the base of matchers
using namespace Catch;
using namespace Catch::Matchers;
template <class T> using Matcher = MatcherBase<T>;
}  // namespace catch_names
}  // namespace detail

/// Matches a check that passed; a mismatch shows the message of describe().
class Passes : public detail::catch_names::Matcher<CheckResult> {
 public:
  bool match(const CheckResult& result) const override { return static_cast<bool>(result); }

 protected:
  std::string describe() const override { return "passes"; }
};

}  // namespace gradus
