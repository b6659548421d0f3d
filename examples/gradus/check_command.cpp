// gradus check [op…|all]
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <ops/verify/check_op.hpp>

#include "command.hpp"

namespace gradus::cli {
namespace {

std::string agreement(const CheckResult& r, std::string_view oracle) {
  for (const OracleCount& o : r.oracles)
    if (o.oracle == oracle) return o.agreed + o.disagreed == 0 ? fmt::format("0 of {}", o.abstained) : fmt::format("{}/{}", o.agreed, o.agreed + o.disagreed);
  return "-";
}

std::string summary(const std::vector<CheckResult>& results, Verdict verdict, double seconds) {
  std::size_t points = 0, numbers = 0, passed = 0;
  for (const CheckResult& r : results) {
    points += r.points;
    numbers += r.numbers;
    passed += r ? 1u : 0u;
  }
  std::string text = fmt::format("\n{} of {} ops agree: {} points, {} values and derivatives, {:.1f} s\n", passed, results.size(), points, numbers, seconds);
  if (verdict == Verdict::pass)
    text += "Columns: agreed/decided for each oracle; an oracle that cannot tell at a point does not count. Errors in ulps against 400 digits, over all regimes.\n";
  return text;
}

}  // namespace

int check_ops_command(const std::vector<std::string>& names, const Common& common, bool verbose) {
  std::vector<std::string> chosen = names;
  if (chosen.empty() || std::find(chosen.begin(), chosen.end(), "all") != chosen.end()) chosen = op_names();
  const auto start = std::chrono::steady_clock::now();
  const std::vector<CheckResult> results = check_ops(chosen, {.seed = common.seed}, [&](const CheckResult& r, std::size_t done) { progress(fmt::format("checking {}/{}  {}", done, chosen.size(), r.name)); });
  progress("");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Verdict verdict = Verdict::pass;
  for (const CheckResult& r : results) verdict = std::max(verdict, r ? Verdict::pass : r.verdict);

  if (common.format == Format::json) {
    print(to_json(results, verdict));
    return exit_code(verdict);
  }
  std::vector<std::vector<std::string>> rows{{"op", "verdict", "points", "regimes", "closed form", "high precision", "difference", "value ulp", "derivative ulp", "worst derivative at"}};
  for (const CheckResult& r : results)
    rows.push_back({r.name, colored(r.verdict, 0, common), std::to_string(r.points), std::to_string(r.regimes.size()), agreement(r, "closed form"), agreement(r, "high precision"),
                    agreement(r, "difference"), ulps_text(r.value.ulps), ulps_text(r.derivative.ulps), r.derivative.where});
  std::string text = table(rows, {false, false, true, true, true, true, true, true, true, false});
  for (CheckResult r : results) {
    constexpr std::size_t shown = 3;  // the JSON has more, and so has --verbose
    if (!verbose && r.findings.size() > shown) {
      r.more_findings += r.findings.size() - shown;
      r.findings.resize(shown);
    }
    if (!r || verbose) text += "\n" + describe(r) + "\n";
  }
  print(text + summary(results, verdict, seconds));
  return exit_code(verdict);
}

}  // namespace gradus::cli
