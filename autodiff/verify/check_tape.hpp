// Finds the operation whose rule is wrong: BOOST_TEST(gradus::check_tape(f, {-1.2, 1.0})).
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <autodiff/trace/trace.hpp>
#include <autodiff/verify/check.hpp>

namespace gradus {

/// Checks the rule of every recorded operation against that operation's own values, at the operands it was recorded with. A finding names the
/// operation, the line that called it, the operand, and what its partial should be.
[[nodiscard]] CheckResult check_operations(const Trace& trace, const CheckOptions& options = {});

namespace detail {
/// A recording of f at some point: its operations, and which values are its results.
struct TracedCall {
  Trace trace;
  std::vector<std::uint32_t> results;  ///< Operation::constant for one that depends on no input
  std::vector<double> values;          ///< of the results
};
template <class F> TracedCall traced_call(F& f, std::span<const double> x) {
  TracedCall call;
  const TraceScope scope(call.trace);
  std::vector<Traced> inputs;
  for (const double v : x) inputs.push_back(Traced::input(v));
  for (const auto& y : results_of(f(std::as_const(inputs)))) {
    call.results.push_back(Traced(y).id());
    call.values.push_back(Traced(y).value());
  }
  return call;
}

/// Lets what is wrong with single operations stand before what follows from it.
[[nodiscard]] CheckResult merged(CheckResult operations, CheckResult whole);

/// For a gradient that is wrong although every rule is right: names the operation at which the dot product of adjoints and slopes stops to hold, and
/// why. `call` records f at a point, `gradient` is the tape's for a cotangent.
void blame_structure(CheckResult& whole, const std::function<TracedCall(std::span<const double>)>& call,
                     const std::function<std::vector<double>(std::span<const double> cotangent)>& gradient, std::span<const double> x, const CheckOptions& options);
}  // namespace detail

/// What `check` does, and if the gradient is wrong, which operation is to blame: every operation that f performs at x is checked on its own. When all
/// their rules are right the fault is structural, as a value that was taken out of the recording, and dot products find where.
/// f is a callable over a vector of any Number.
template <class F> [[nodiscard]] CheckResult check_tape(F&& f, std::span<const double> x, const CheckOptions& options = {}) {
  CheckResult whole = check(f, x, options);
  const CheckResult operations = check_operations(detail::traced_call(f, x).trace, options);
  if ((whole.verdict == Verdict::fail || whole.verdict == Verdict::oracles_disagree) && operations.verdict != Verdict::fail)
    detail::blame_structure(whole, [&f](std::span<const double> at) { return detail::traced_call(f, at); }, [&](std::span<const double> w) { return detail::by_the_tape(f, x, w); }, x, options);
  return detail::merged(operations, std::move(whole));
}
template <class F> [[nodiscard]] CheckResult check_tape(F&& f, std::initializer_list<double> x, const CheckOptions& options = {}) {
  return check_tape(std::forward<F>(f), std::span(x.begin(), x.size()), options);
}

}  // namespace gradus
