// Finds the operation whose rule is wrong: BOOST_TEST(gradus::check_tape(f, {-1.2, 1.0})).
#pragma once

#include <autodiff/trace/trace.hpp>
#include <autodiff/verify/check.hpp>

namespace gradus {

/// Checks the rule of every recorded operation against that operation's own values, at the operands it was recorded with. A finding names the
/// operation, the line that called it, the operand, and what its partial should be.
[[nodiscard]] CheckResult check_operations(const Trace& trace, const CheckOptions& options = {});

namespace detail {
/// Lets what is wrong with single operations stand before what follows from it.
[[nodiscard]] CheckResult merged(CheckResult operations, CheckResult whole);
}  // namespace detail

/// What `check` does, and if the gradient is made of wrong pieces, which: every operation that f performs at x is checked on its own.
/// f is a callable over a vector of any Number.
template <class F> [[nodiscard]] CheckResult check_tape(F&& f, std::span<const double> x, const CheckOptions& options = {}) {
  CheckResult whole = check(f, x, options);
  Trace trace;
  {
    const TraceScope scope(trace);
    std::vector<Traced> inputs;
    for (const double v : x) inputs.push_back(Traced::input(v));
    static_cast<void>(f(std::as_const(inputs)));
  }
  return detail::merged(check_operations(trace, options), std::move(whole));
}
template <class F> [[nodiscard]] CheckResult check_tape(F&& f, std::initializer_list<double> x, const CheckOptions& options = {}) {
  return check_tape(std::forward<F>(f), std::span(x.begin(), x.size()), options);
}

}  // namespace gradus
