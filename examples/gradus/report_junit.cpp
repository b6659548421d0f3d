// Results as JUnit XML, which CI systems show as tests: one test an op.
#include <fmt/format.h>

#include "report.hpp"

namespace gradus::cli {
namespace {

/// How a verdict is told: the element inside a testcase; none for what agrees.
const char* element(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
    case Verdict::kink: return nullptr;
    case Verdict::inconclusive: return "skipped";
    case Verdict::oracles_disagree: return "error";  // not the op's fault
    case Verdict::nondeterministic:
    case Verdict::fail: return "failure";
  }
  return "failure";
}

}  // namespace

std::string to_junit(const std::vector<CheckResult>& results) {
  std::string cases;
  std::size_t failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
  for (const CheckResult& r : results) {
    seconds += r.seconds;
    cases += fmt::format("    <testcase classname=\"gradus.check\" name={} time=\"{:.6f}\">\n", quoted(r.name), r.seconds);
    const char* name = element(r.verdict);
    const std::string_view kind = name == nullptr ? "" : name;
    if (kind == "skipped") cases += fmt::format("      <skipped message={}/>\n", quoted(headline(r)));
    else if (!kind.empty()) cases += fmt::format("      <{0} type=\"{1}\" message={2}>{3}</{0}>\n", kind, name_of(r.verdict), quoted(headline(r)), markup(describe(r)));
    if (kind.empty() || kind == "skipped") cases += fmt::format("      <system-out>{}</system-out>\n", markup(describe(r)));
    cases += "    </testcase>\n";
    failures += kind == "failure" ? 1u : 0u;
    errors += kind == "error" ? 1u : 0u;
    skipped += kind == "skipped" ? 1u : 0u;
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"gradus\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6f}\">\n{}  </testsuite>\n</testsuites>\n",
                     results.size(), failures, errors, skipped, seconds, cases);
}

}  // namespace gradus::cli
