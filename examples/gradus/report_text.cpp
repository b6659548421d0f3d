// What the formats of reports share: totals, table, clean text; annotations for GitHub.
#include "report.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gradus::cli {
namespace {

std::string agreement(const CheckResult& r, std::string_view oracle) {
  for (const OracleCount& o : r.oracles)
    if (o.oracle == oracle) return o.agreed + o.disagreed == 0 ? fmt::format("0 of {}", o.abstained) : fmt::format("{}/{}", o.agreed, o.agreed + o.disagreed);
  return "-";
}

/// The length of the UTF-8 sequence at the beginning of text, or 0: overlong forms, surrogates and what lies beyond Unicode are not valid.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

}  // namespace

bool was_checked(const CheckResult& result) { return result.points > 0 || result.numbers > 0; }

Verdict worst_of(const std::vector<CheckResult>& results) {
  Verdict worst = Verdict::pass;
  for (const CheckResult& r : results) worst = std::max(worst, r.verdict);
  return worst;
}

SummaryTable summary_table(const std::vector<CheckResult>& results) {
  SummaryTable t{{false, false, true, true, true, true, true, true, true, false},
                 {{"op", "verdict", "points", "regimes", "closed form", "high precision", "difference", "value ulp", "derivative ulp", "worst derivative at"}}};
  for (const CheckResult& r : results)
    t.rows.push_back({r.name, verdict_text(r), std::to_string(r.points), std::to_string(r.regimes.size()), agreement(r, "closed form"), agreement(r, "high precision"),
                      agreement(r, "difference"), ulps_text(r.value.ulps), ulps_text(r.derivative.ulps), r.derivative.where});
  return t;
}

std::string verdict_text(const CheckResult& result) { return was_checked(result) ? name_of(result.verdict) : "NOT CHECKED"; }

std::string totals(const std::vector<CheckResult>& results, double seconds) {
  std::size_t points = 0, numbers = 0, passed = 0;
  std::vector<std::string> left_out;
  for (const CheckResult& r : results) {
    points += r.points;
    numbers += r.numbers;
    passed += r ? 1u : 0u;
    if (!was_checked(r)) left_out.push_back(r.name);
  }
  std::string text = fmt::format("{} of {} {}: {} points, {} values and derivatives", passed, results.size(), results.size() == 1 ? "agrees" : "ops agree", points, numbers);
  if (seconds >= 0) text += fmt::format(", {:.1f} s", seconds);
  if (!left_out.empty()) text += fmt::format("; not checked, as the budget was spent: {}", fmt::join(left_out, ", "));
  return text;
}

std::string headline(const CheckResult& r) {
  for (const Finding& f : r.findings) {
    if (f.verdict == Verdict::inconclusive && r.verdict != Verdict::inconclusive) continue;
    std::string text = fmt::format("{} at {}: got {}", f.quantity, f.where, number_text(f.got));
    const auto decided = std::find_if(f.opinions.begin(), f.opinions.end(), [](const Opinion& o) { return o.verdict == Verdict::fail; });
    if (decided != f.opinions.end()) text += fmt::format(", expected {} ({})", number_text(decided->expected), decided->oracle);
    return one_line(text);
  }
  return one_line(r.advice.empty() ? fmt::format("{}: {}", r.name, name_of(r.verdict)) : r.advice.front());
}

std::string clean(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const std::size_t length = sequence_length(rest);
    const auto c = static_cast<unsigned char>(rest[0]);
    const bool control = (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || (length == 2 && c == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0);
    const bool no_character = rest.starts_with("\xef\xbf\xbe") || rest.starts_with("\xef\xbf\xbf");  // U+FFFE, U+FFFF: XML refuses them
    if (length == 0 || control || no_character) result += "\ufffd";
    else result += rest.substr(0, length);
    i += std::max<std::size_t>(length, 1);
  }
  return result;
}

std::string one_line(std::string_view text) {
  std::string line = clean(text);
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string markup(std::string_view text) {
  std::string escaped;
  for (const char c : clean(text)) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;  // "]]>" may not stand in the content of XML
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string quoted(std::string_view text) {
  std::string attribute = "\"";
  for (const char c : markup(text)) attribute += c == '\n' ? std::string("&#10;") : c == '\t' ? std::string("&#9;") : std::string(1, c);  // would else become blanks
  return attribute + "\"";
}

std::string annotations(const std::vector<CheckResult>& results, const std::vector<Verdict>& fail_on) {
  const auto escape = [](std::string_view text, std::string_view special) {
    std::string escaped;
    for (const char c : clean(text)) {
      if (special.find(c) == std::string_view::npos) escaped += c;
      else escaped += fmt::format("%{:02X}", static_cast<unsigned>(c));
    }
    return escaped;
  };
  std::string lines;
  for (const CheckResult& r : results)
    if (std::find(fail_on.begin(), fail_on.end(), r.verdict) != fail_on.end())
      lines += fmt::format("::error title={}::{}\n", escape(fmt::format("gradus check {}: {}", r.name, name_of(r.verdict)), "%\r\n:,"), escape(describe(r), "%\r\n"));
  return lines;
}

}  // namespace gradus::cli
