// Results as JSON: README.md lists the fields, and a test holds it to that.
#include <cmath>

#include <nlohmann/json.hpp>

#include "report.hpp"

namespace gradus::cli {
namespace {

using nlohmann::json;

/// NaN and infinities as strings.
json number(double x) { return std::isfinite(x) ? json(x) : json(number_text(x)); }
json worst(const Worst& w) { return {{"ulps", number(w.ulps)}, {"where", w.where}}; }

json as_json(const Finding& f) {
  json j{{"quantity", f.quantity}, {"where", f.where}, {"regime", f.regime}, {"got", number(f.got)}, {"verdict", name_of(f.verdict)}, {"message", f.message},
         {"operation", f.operation}, {"pattern", f.pattern}, {"smallest", f.smallest}, {"replay", f.replay}, {"opinions", json::array()}};
  for (const Opinion& o : f.opinions)
    j["opinions"].push_back({{"oracle", o.oracle}, {"expected", number(o.expected)}, {"bound", number(o.bound)}, {"tolerance", number(o.tolerance)}, {"verdict", name_of(o.verdict)}, {"note", o.note}});
  return j;
}

json as_json(const std::optional<NearestKink>& k) {
  if (!k) return nullptr;
  return {{"input", k->input}, {"at", number(k->at)}, {"distance", number(k->distance)}, {"left_slope", number(k->left_slope)}, {"right_slope", number(k->right_slope)}, {"gradient", number(k->gradient)}};
}

json as_json(const CheckResult& r) {
  json j{{"name", r.name}, {"verdict", name_of(r.verdict)}, {"points", r.points}, {"numbers", r.numbers}, {"undecided", r.undecided}, {"regimes", r.regimes},
         {"detection_limit", number(r.detection_limit)}, {"absolute_limit", number(r.absolute_limit)}, {"nearest_kink", as_json(r.nearest_kink)},
         {"claim", number(r.claim)}, {"seconds", r.seconds}, {"more_findings", r.more_findings},
         {"worst_value", worst(r.value)}, {"worst_derivative", worst(r.derivative)}, {"advice", r.advice},
         {"oracles", json::array()}, {"findings", json::array()}, {"errors", json::array()}};
  for (const OracleCount& o : r.oracles) j["oracles"].push_back({{"oracle", o.oracle}, {"agreed", o.agreed}, {"abstained", o.abstained}, {"disagreed", o.disagreed}});
  for (const Finding& f : r.findings) j["findings"].push_back(as_json(f));
  for (const ErrorPoint& e : r.errors) j["errors"].push_back({{"x", number(e.x)}, {"ulps", number(e.ulps)}, {"regime", e.regime}});
  return j;
}

}  // namespace

std::string to_json(const std::vector<CheckResult>& results) {
  json document{{"schema", 1}, {"verdict", name_of(worst_of(results))}, {"not_checked", json::array()}, {"results", json::array()}};
  for (const CheckResult& r : results) {
    if (!was_checked(r)) document["not_checked"].push_back(r.name);
    document["results"].push_back(as_json(r));
  }
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace gradus::cli
