// Results as Markdown: the table, and below it what did not agree.
#include <algorithm>

#include <fmt/format.h>

#include "report.hpp"

namespace gradus::cli {
namespace {

/// The longest row of backticks: a fence must be longer.
std::size_t longest_run(std::string_view text) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

/// As code, in which nothing but a bar has a meaning, and that only in a table.
std::string code(std::string_view text, bool in_table) {
  const std::string line = one_line(text);
  if (line.empty()) return {};
  const std::string fence(longest_run(line) + 1, '`');
  const char* pad = line.front() == '`' || line.back() == '`' ? " " : "";
  std::string inside;
  for (const char c : line) inside += c == '|' && in_table ? std::string("\\|") : std::string(1, c);
  return fence + pad + inside + pad + fence;
}

std::string block(std::string_view text) {
  const std::string inside = clean(text), fence(std::max<std::size_t>(3, longest_run(inside) + 1), '`');
  return fmt::format("{}text\n{}\n{}\n", fence, inside, fence);
}

}  // namespace

std::string to_markdown(const std::vector<CheckResult>& results) {
  const SummaryTable summary = summary_table(results);
  std::string text = fmt::format("# Gradients: {}\n\n{}.\n\n", name_of(worst_of(results)), one_line(totals(results)));
  for (std::size_t i = 0; i < summary.rows.size(); ++i) {
    for (std::size_t c = 0; c < summary.right.size(); ++c) {
      const std::string& cell = summary.rows[i][c];
      const bool from_user = c == 0 || c + 1 == summary.right.size();
      text += fmt::format("{} {}", c == 0 ? "|" : " |", i == 0 ? cell : from_user ? code(cell, true) : c == 1 && !results[i - 1] ? fmt::format("**{}**", cell) : cell);
    }
    text += " |\n";
    if (i > 0) continue;
    for (const bool right : summary.right) text += right ? "|---:" : "|---";
    text += "|\n";
  }
  for (const CheckResult& r : results)
    if (!r || !r.advice.empty()) text += fmt::format("\n## {} {}\n\n{}", verdict_text(r), code(r.name, false), block(describe(r)));
  return text;
}

}  // namespace gradus::cli
