// gradus check --limits
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ops/verify/detection.hpp>

#include "command.hpp"

namespace gradus::cli {

int limits_command(const Common& common) {
  constexpr std::size_t n = 1024;
  progress("making right gradients wrong…");
  const std::vector<DetectionLimit> limits = detection_limits(common.seed);
  const double entry = wrong_entry_limit(n, common.seed);
  progress("");
  if (common.format == Format::json) {
    nlohmann::json rows = nlohmann::json::array();
    for (const DetectionLimit& l : limits) rows.push_back({{"name", l.name}, {"inputs", l.inputs}, {"differences", l.differences}, {"witnesses", l.witnesses}});
    print(nlohmann::json{{"schema", 1}, {"limits", rows}, {"wrong_entry", {{"entries", n * n}, {"error", entry}}}}.dump(2) + "\n");
    return agree;
  }
  std::vector<std::vector<std::string>> rows{{"smallest relative error seen in the gradient of", "inputs", "differences alone", "with closed form and 400 digits"}};
  double differences = 0, witnesses = 0;
  for (const DetectionLimit& l : limits) {
    rows.push_back({l.name, std::to_string(l.inputs), fmt::format("{:.0e}", l.differences), fmt::format("{:.0e}", l.witnesses)});
    differences = std::max(differences, l.differences);
    witnesses = std::max(witnesses, l.witnesses);
  }
  rows.push_back({"the worst of these", "", fmt::format("{:.0e}", differences), fmt::format("{:.0e}", witnesses)});
  print(table(rows, {false, true, true, true}) + fmt::format("\none wrong entry of a Jacobian of {} x {}, along random directions: {:.0e} of the largest entry\n", n, n, entry));
  return agree;
}

}  // namespace gradus::cli
