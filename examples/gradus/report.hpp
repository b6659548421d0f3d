// Reports of `gradus check`: what is told, in which format, where to, and the exit code that follows.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <autodiff/verify/report.hpp>

#include "command.hpp"

namespace gradus::cli {

/// Options of `gradus check` that concern the report.
struct Reporting {
  bool verbose = false;
  std::vector<Verdict> fail_on{Verdict::inconclusive, Verdict::oracles_disagree, Verdict::nondeterministic, Verdict::fail};
  std::size_t max_failures = static_cast<std::size_t>(-1);  ///< findings shown of all results together
  double budget = 0;                                        ///< seconds; 0: none
  std::string output;                                       ///< the file for the report; stdout if empty
};

/// "fail,kink" as verdicts. Throws UsageError.
[[nodiscard]] std::vector<Verdict> parse_verdicts(const std::string& list);

// ---- Each format, from results alone. README.md describes them.
[[nodiscard]] std::string to_json(const std::vector<CheckResult>& results);
[[nodiscard]] std::string to_junit(const std::vector<CheckResult>& results);
[[nodiscard]] std::string to_markdown(const std::vector<CheckResult>& results);
[[nodiscard]] std::string to_html(const std::vector<CheckResult>& results);
/// A line of commands for GitHub's log for each result whose verdict is listed: an annotation with the whole message.
[[nodiscard]] std::string annotations(const std::vector<CheckResult>& results, const std::vector<Verdict>& fail_on);

// ---- What they share.
/// False for an op that the budget left out.
[[nodiscard]] bool was_checked(const CheckResult& result);
[[nodiscard]] Verdict worst_of(const std::vector<CheckResult>& results);
/// The summary table, header first: which columns are numbers, and the cells.
struct SummaryTable {
  std::vector<bool> right;
  std::vector<std::vector<std::string>> rows;
};
[[nodiscard]] SummaryTable summary_table(const std::vector<CheckResult>& results);
/// "65 of 66 ops agree: 2640 points, 5214 values and derivatives, 9.8 s", and the names of those not checked. Without the time if it is negative.
[[nodiscard]] std::string totals(const std::vector<CheckResult>& results, double seconds = -1);
/// The name of the verdict, or that there is none.
[[nodiscard]] std::string verdict_text(const CheckResult& result);
/// The first thing that is wrong, on one line.
[[nodiscard]] std::string headline(const CheckResult& result);
/// Valid UTF-8 without control characters but tab and line feed; others become U+FFFD.
[[nodiscard]] std::string clean(std::string_view text);
[[nodiscard]] std::string one_line(std::string_view text);
/// Clean text as content of XML and HTML, and as an attribute with its quotes.
[[nodiscard]] std::string markup(std::string_view text);
[[nodiscard]] std::string quoted(std::string_view text);

// ---- Telling it.
/// Keeps at most `each` findings of a result and `all` of all results; the rest is only counted.
void limit_findings(std::span<CheckResult> results, std::size_t each, std::size_t all);
/// Throws UsageError unless the report can be written there. Called before the work, which may take minutes.
void check_writable(const std::string& file);
/// The report goes to the file if there is one, and `summary` to stdout; else the report to stdout. `text` is the report in text format.
/// Returns the exit code.
[[nodiscard]] int publish(const std::vector<CheckResult>& results, const std::string& text, const std::string& summary, const Common& common, const Reporting& reporting);

}  // namespace gradus::cli
