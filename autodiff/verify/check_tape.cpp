// Every recorded operation on its own.
#include <autodiff/verify/check_tape.hpp>

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

namespace gradus {
namespace {

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
std::string place(const Operation& o, std::size_t k) {
  return o.here.line == 0 ? fmt::format("operation #{} {}", k + 1, o.name) : fmt::format("operation #{} {} at {}:{}", k + 1, o.name, file_name(o.here.file), o.here.line);
}
std::string operand(const Operation& o, std::size_t i) {
  std::size_t which = 0, before = 0;
  if (o.sizes.empty()) which = i;
  else
    while (before + o.sizes[which] <= i) before += o.sizes[which++];
  const std::string number = fmt::format("operand {}", which + 1);
  return i < o.operand_names.size() ? fmt::format("{} ({})", number, o.operand_names[i]) : number;
}

Subject subject_of(const Operation& o) {
  Subject s;
  s.name = o.name;
  s.inputs = o.operand_names;
  s.value = o.value;
  s.pullback = o.pullback;
  s.domain = o.domain;
  // The recorded pullback adds to what is there; `gradient` starts from zeros, so that what it does to a used buffer is not seen here.
  return s;
}

}  // namespace

CheckResult check_operations(const Trace& trace, const CheckOptions& options) {
  CheckResult all;
  all.name = "operations";
  std::map<std::pair<std::string, unsigned>, std::size_t> reported;  // a rule that is wrong at one line is wrong every time it runs
  for (std::size_t k = 0; k < trace.operations().size(); ++k) {
    const Operation& o = trace.operations()[k];
    CheckOptions few = options;
    few.shrink = options.shrink && reported.empty();
    const CheckResult one = check(subject_of(o), o.at, few);
    ++all.points;
    all.numbers += one.numbers;
    all.undecided += one.undecided;
    for (const OracleCount& c : one.oracles) {
      Opinion opinion{.oracle = c.oracle, .note = {}};
      const auto count = [&](std::size_t n, Verdict v) {
        opinion.verdict = v;
        for (std::size_t i = 0; i < n; ++i) all.count(opinion);
      };
      count(c.agreed, Verdict::pass), count(c.abstained, Verdict::inconclusive), count(c.disagreed, Verdict::fail);
    }
    if (one || one.verdict == Verdict::inconclusive) continue;
    if (++reported[{o.name, o.here.line}] > 1) {
      ++all.more_findings;
      continue;
    }
    for (Finding f : one.findings) {
      if (f.verdict <= Verdict::inconclusive) continue;
      std::size_t entry = o.at.size();
      for (std::size_t i = 0; i < o.at.size(); ++i)
        if (f.quantity == fmt::format("d {} / d {}", o.name, i < o.operand_names.size() ? o.operand_names[i] : fmt::format("x[{}]", i))) entry = i;
      f.operation = entry < o.at.size() ? fmt::format("{}: the partial for {} is wrong", place(o, k), operand(o, entry)) : fmt::format("{}: its rule is wrong", place(o, k));
      f.regime.clear();
      if (std::any_of(all.findings.begin(), all.findings.end(), [&](const Finding& g) { return g.operation == f.operation; })) {
        ++all.more_findings;
        continue;
      }
      all.findings.push_back(std::move(f));
      all.verdict = Verdict::fail;
    }
  }
  if (all.verdict != Verdict::fail) all.verdict = all.numbers > 0 && all.undecided == all.numbers ? Verdict::inconclusive : Verdict::pass;
  return all;
}

CheckResult detail::merged(CheckResult operations, CheckResult whole) {
  if (operations.verdict != Verdict::fail) return whole;
  whole.more_findings += operations.more_findings;
  whole.findings.insert(whole.findings.begin(), std::make_move_iterator(operations.findings.begin()), std::make_move_iterator(operations.findings.end()));
  constexpr std::size_t most = 20;
  if (whole.findings.size() > most) {
    whole.more_findings += whole.findings.size() - most;
    whole.findings.resize(most);
  }
  whole.verdict = Verdict::fail;
  return whole;
}

}  // namespace gradus
