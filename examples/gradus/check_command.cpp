// gradus check [op…|all]
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <ops/verify/check_op.hpp>

#include "report.hpp"

namespace gradus::cli {
namespace {

std::string summary_text(const std::vector<CheckResult>& results, double seconds) {
  std::string text = "\n" + totals(results, seconds) + "\n";
  if (std::all_of(results.begin(), results.end(), [](const CheckResult& r) { return static_cast<bool>(r); }))
    text += "Columns: agreed/decided for each oracle; an oracle that cannot tell at a point does not count. Errors in ulps against 400 digits, over all regimes.\n";
  return text;
}

/// The messages of the ops that do not agree, or of all; once no more findings may be shown, only their names.
std::string messages(const std::vector<CheckResult>& results, const Reporting& reporting) {
  std::string text, unshown;
  std::size_t left = reporting.max_failures;
  for (const CheckResult& r : results) {
    if (!was_checked(r) || (r && !reporting.verbose)) continue;
    if (!r && left == 0) unshown += (unshown.empty() ? "" : ", ") + r.name;
    else text += "\n" + describe(r) + "\n";
    left -= std::min(left, r.findings.size());
  }
  return text + (unshown.empty() ? "" : fmt::format("\nnot shown, as --max-failures is {}: {}\n", reporting.max_failures, unshown));
}

}  // namespace

int check_ops_command(const std::vector<std::string>& names, const Common& common, const Reporting& reporting) {
  std::vector<std::string> chosen = names;
  if (chosen.empty() || std::find(chosen.begin(), chosen.end(), "all") != chosen.end()) chosen = op_names();
  check_writable(reporting.output);
  const auto start = std::chrono::steady_clock::now();
  std::vector<CheckResult> results = check_ops(chosen, {.seed = common.seed, .budget = reporting.budget}, [&](const CheckResult& r, std::size_t done) { progress(fmt::format("checking {}/{}  {}", done, chosen.size(), r.name)); });
  progress("");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  constexpr std::size_t everything = static_cast<std::size_t>(-1);
  const bool brief = common.format == Format::text && !reporting.verbose;
  limit_findings(results, brief ? 3 : everything, reporting.max_failures);

  SummaryTable summary = summary_table(results);
  Common colors = common;
  if (!reporting.output.empty()) colors.color = "never";
  for (std::size_t i = 0; i < results.size(); ++i) summary.rows[i + 1][1] = was_checked(results[i]) ? colored(results[i].verdict, 0, colors) : verdict_text(results[i]);
  const std::string details = messages(results, reporting) + summary_text(results, seconds);
  return publish(results, table(summary.rows, summary.right) + details, details, common, reporting);
}

}  // namespace gradus::cli
