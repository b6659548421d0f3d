// gradus list, gradus show: what ops there are.
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ops/expression/text.hpp>
#include <ops/registry.hpp>

#include "command.hpp"

namespace gradus::cli {
namespace {

/// The description of any op, as strings.
struct Entry {
  std::string name, summary, operands, formula, rule, domain, kinks, convention, source;
  std::vector<std::pair<std::string, std::string>> derivatives;  // "d/dx", formula
  std::vector<std::pair<std::string, std::string>> parameters;
  double value_ulps = 0, derivative_ulps = 0;
};

std::string interval(const Domain& d) {
  const auto end = [](double x) { return std::isinf(x) ? std::string(x < 0 ? "-inf" : "inf") : number_text(x); };
  return fmt::format("{}{}, {}{}", d.closed_low ? "[" : "(", end(d.low), end(d.high), d.closed_high ? "]" : ")");
}
template <class List> std::string joined(const List& list) {
  std::string text;
  for (const auto& item : list) text += fmt::format("{}{}", text.empty() ? "" : ", ", item);
  return text;
}
template <class List> std::vector<std::pair<std::string, std::string>> described(const List& parameters) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const Parameter& p : parameters) list.emplace_back(p.name, fmt::format("{} by default: {}", number_text(p.value), p.meaning));
  return list;
}

Entry describe_op(const OpInfo& i) {
  Entry e{.name = std::string(i.name), .summary = std::string(i.summary), .operands = joined(i.operands), .formula = std::string(i.formula), .rule = std::string(i.rule), .domain = {},
          .kinks = joined(i.kinks), .convention = std::string(i.convention), .source = std::string(i.source), .derivatives = {}, .parameters = described(i.parameters),
          .value_ulps = i.value_ulps, .derivative_ulps = i.derivative_ulps};
  for (std::size_t k = 0; k < i.operands.size(); ++k) {
    e.derivatives.emplace_back(fmt::format("d/d{}", i.operands[k]), std::string(i.derivatives[k]));
    const Domain d = k < i.domain.size() ? i.domain[k] : Domain{};
    e.domain += fmt::format("{}{} in {}", k == 0 ? "" : ", ", i.operands[k], interval(d));
  }
  return e;
}
Entry describe_op(const ArrayOpInfo& i) {
  return {.name = std::string(i.name), .summary = std::string(i.summary), .operands = joined(i.operands), .formula = std::string(i.formula), .rule = std::string(i.rule),
          .domain = i.domain.empty() ? "arrays" : std::string(i.domain), .kinks = {}, .convention = std::string(i.convention), .source = std::string(i.source),
          .derivatives = {{"pullback", std::string(i.derivative)}}, .parameters = described(i.parameters), .value_ulps = i.value_ulps, .derivative_ulps = i.derivative_ulps};
}

std::vector<Entry> all_entries() {
  std::vector<Entry> entries;
  for (const auto& e : elementwise_ops()) entries.push_back(describe_op(*e.info));
  for (const auto& e : array_ops()) entries.push_back(describe_op(*e.info));
  return entries;
}

nlohmann::json as_json(const Entry& e) {
  nlohmann::json j{{"name", e.name}, {"summary", e.summary}, {"operands", e.operands}, {"formula", e.formula}, {"rule", e.rule}, {"domain", e.domain}, {"kinks", e.kinks},
                   {"convention", e.convention}, {"source", e.source}, {"value_ulps", e.value_ulps}, {"derivative_ulps", e.derivative_ulps}};
  for (const auto& [name, text] : e.derivatives) j["derivatives"][name] = text;
  for (const auto& [name, text] : e.parameters) j["parameters"][name] = text;
  return j;
}

std::string as_text(const Entry& e) {
  std::string text = fmt::format("{}({})   {}\n", e.name, e.operands, e.summary);
  const auto line = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) text += fmt::format("  {:<11} {}\n", label, value);
  };
  line("formula", e.formula);
  for (const auto& [name, formula] : e.derivatives) line(name, formula);
  line("engine uses", e.rule);
  for (const auto& [name, meaning] : e.parameters) line("parameter", name + " = " + meaning);
  line("domain", e.domain);
  line("kinks at", e.kinks);
  line("convention", e.convention);
  line("accuracy", fmt::format("value within {} ulp, derivative within {} ulp, held by `gradus check {}`", e.value_ulps, e.derivative_ulps, e.name));
  line("source", e.source);
  return text;
}

std::string as_markdown(const std::vector<Entry>& entries) {
  const auto cell = [](std::string text) {
    std::string escaped;
    for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    return escaped;
  };
  std::string text = "| op | formula | derivative | convention | value ulp | derivative ulp |\n|---|---|---|---|---|---|\n";
  for (const Entry& e : entries) {
    std::string derivatives;
    for (const auto& [name, formula] : e.derivatives) derivatives += fmt::format("{}{}`{}`", derivatives.empty() ? "" : "<br>", e.derivatives.size() > 1 ? name + " " : "", cell(formula));
    text += fmt::format("| `{}` | `{}` | {} | {} | {} | {} |\n", e.name, cell(e.formula), derivatives, cell(e.convention), e.value_ulps, e.derivative_ulps);
  }
  return text;
}

}  // namespace

int list_command(const Common& common, bool markdown) {
  const std::vector<Entry> entries = all_entries();
  if (markdown) {
    print(as_markdown(entries));
  } else if (common.format == Format::json) {
    nlohmann::json document{{"schema", 1}, {"ops", nlohmann::json::array()}};
    for (const Entry& e : entries) document["ops"].push_back(as_json(e));
    print(document.dump(2) + "\n");
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const Entry& e : entries) rows.push_back({e.name, e.summary, e.formula});
    print(table(rows, {false, false, false}));
  }
  return agree;
}

int show_command(const std::vector<std::string>& names, const Common& common) {
  std::vector<Entry> chosen;
  const std::vector<Entry> entries = all_entries();
  for (const std::string& name : names) {
    const Entry* found = nullptr;
    for (const Entry& e : entries)
      if (e.name == name) found = &e;
    if (found == nullptr) throw UsageError(fmt::format("unknown op '{}'{}; `gradus list` shows all", expression::excerpt(name), expression::did_you_mean(name, op_names())));
    chosen.push_back(*found);
  }
  if (common.format == Format::json) {
    nlohmann::json document{{"schema", 1}, {"ops", nlohmann::json::array()}};
    for (const Entry& e : chosen) document["ops"].push_back(as_json(e));
    print(document.dump(2) + "\n");
    return agree;
  }
  std::string text;
  for (const Entry& e : chosen) text += (text.empty() ? "" : "\n") + as_text(e);
  print(text);
  return agree;
}

}  // namespace gradus::cli
