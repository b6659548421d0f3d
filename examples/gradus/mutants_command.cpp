// gradus check --mutants
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ops/verify/mutation_score.hpp>

#include "command.hpp"

namespace gradus::cli {
namespace {

/// How many mutants an oracle caught, and how many of them it alone.
struct Catch { std::size_t killed = 0, alone = 0; };
std::map<std::string, Catch> by_oracle(const MutationMode& mode) {
  std::map<std::string, Catch> counts;
  for (const MutantFate& fate : mode.fates)
    for (const std::string& oracle : fate.oracles) {
      ++counts[oracle].killed;
      if (fate.oracles.size() == 1) ++counts[oracle].alone;
    }
  return counts;
}

nlohmann::json as_json(const MutationScore& score) {
  nlohmann::json modes = nlohmann::json::array();
  for (const MutationMode& mode : score.modes) {
    nlohmann::json oracles = nlohmann::json::object(), mutants = nlohmann::json::array();
    for (const auto& [name, count] : by_oracle(mode)) oracles[name] = {{"killed", count.killed}, {"alone", count.alone}};
    for (const MutantFate& fate : mode.fates) mutants.push_back({{"family", fate.mutant->family}, {"mutant", fate.mutant->name}, {"killed", fate.killed}, {"oracles", fate.oracles}});
    modes.push_back({{"mode", mode.name}, {"killed", mode.killed()}, {"total", mode.fates.size()}, {"oracles", oracles}, {"mutants", mutants}});
  }
  nlohmann::json alarms = nlohmann::json::array();
  for (const FalseAlarm& a : score.examples)
    alarms.push_back({{"name", a.name}, {"verdict", a.verdict}, {"where", a.where}, {"message", a.message}, {"oracles", a.oracles}, {"x", a.x}, {"seed", a.seed}, {"witnesses", a.witnesses}});
  return {{"schema", 1}, {"modes", modes}, {"trials", score.trials}, {"undecided", score.undecided}, {"false_alarms", score.alarms}, {"alarms", alarms}, {"seconds", score.seconds}, {"perfect", score.perfect()}};
}

std::string as_text(const MutationScore& score) {
  std::vector<std::vector<std::string>> rows{{"wrong rules", "caught", "by"}};
  for (const MutationMode& mode : score.modes) {
    std::vector<std::pair<std::string, Catch>> oracles;
    for (const auto& entry : by_oracle(mode)) oracles.push_back(entry);
    std::stable_sort(oracles.begin(), oracles.end(), [](const auto& a, const auto& b) { return a.second.killed > b.second.killed; });
    std::string by;
    for (const auto& [name, count] : oracles) by += fmt::format("{}{} {}{}", by.empty() ? "" : ", ", name, count.killed, count.alone > 0 ? fmt::format(" ({} alone)", count.alone) : "");
    rows.push_back({mode.name, fmt::format("{}/{}", mode.killed(), mode.fates.size()), by});
  }
  std::string text = table(rows, {false, true, false});
  for (const MutationMode& mode : score.modes) {
    if (mode.killed() == mode.fates.size()) continue;
    text += fmt::format("\nnot caught, {}:\n", mode.name);
    for (const MutantFate& fate : mode.fates)
      if (!fate.killed) text += fmt::format("  {}: {}\n", fate.mutant->family, fate.mutant->name);
  }
  text += fmt::format("\nright rules  {} blamed in {} checks on hard inputs, {} of which were left undecided\n", score.alarms, score.trials, score.undecided);
  for (const FalseAlarm& a : score.examples) {
    text += fmt::format("  {} {}, {}, seed {}{}\n", a.verdict, a.name, a.where, a.seed, a.witnesses ? "" : ", black box");
    if (!a.message.empty()) text += "    " + a.message + "\n";
  }
  return text + fmt::format("{:.1f} s\n", score.seconds);
}

}  // namespace

int mutants_command(const MutantOptions& options, const Common& common) {
  MutationOptions run;
  run.seed = common.seed;
  if (options.quick) run.trials = 2000;
  if (options.trials != 0) run.trials = options.trials;
  std::size_t shown = 0;
  run.progress = [&shown](std::size_t done, std::size_t total) {
    if (const std::size_t percent = done * 100 / total; percent != shown) {
      shown = percent;
      progress(fmt::format("checking the checker: {} %", percent));
    }
  };
  const MutationScore score = run_mutants(run);
  progress("");
  print(common.format == Format::json ? as_json(score).dump(2) + "\n" : as_text(score));
  return score.perfect() ? agree : wrong;
}

}  // namespace gradus::cli
