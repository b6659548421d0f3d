// The tables. Times are medians over the rounds; a ratio is the median over the rounds of the ratio within a round.
#include "report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

/// What a time of this row is divided by, to be shown in its unit.
double unit(const Row& row) {
  if (row.kind == Kind::array) return 1000;
  return row.operations < 1000 ? 1 : static_cast<double>(row.operations);
}
std::string number(double x) {
  if (x == 0) return "";
  return x < 10 ? fmt::format("{:.2f}", x) : x < 1000 ? fmt::format("{:.1f}", x) : fmt::format("{:.0f}", x);
}

struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

struct Comparison {
  std::string_view head;
  const Measurement* (*to)(const Row&);
  Role of = Role::gradus;
  [[nodiscard]] double ratio(const Row& row) const { return Row::ratio(row.find(of), to(row)); }
};
const std::vector<Comparison>& comparisons(Kind kind) {
  const auto plain = [](const Row& r) { return r.find(Role::plain); };
  const auto best_peer = [](const Row& r) { return r.best_peer(); };
  static const std::vector<Comparison> scalar = {{"/prototype", [](const Row& r) { return r.find(Role::prototype); }},
                                                 {"/best peer", best_peer},
                                                 {"/plain", plain},
                                                 {"replay/plain", plain, Role::replay}};
  static const std::vector<Comparison> array = {{"/hand", [](const Row& r) { return r.find(Role::hand); }}, {"/best peer", best_peer}, {"/plain", plain}};
  return kind == Kind::scalar ? scalar : array;
}

std::vector<const Entrant*> measured(const Report& report, Kind kind) {
  std::vector<const Entrant*> columns;
  for (const Entrant& e : entrants) {
    const auto takes_part = [&e, kind](const Row& row) {
      return row.kind == kind && std::any_of(row.measurements.begin(), row.measurements.end(), [&e](const Measurement& m) { return m.entrant == &e; });
    };
    if (std::any_of(report.rows.begin(), report.rows.end(), takes_part)) columns.push_back(&e);
  }
  return columns;
}

double bytes_per_operation(const Row& row, const Measurement* m) {
  return m == nullptr || row.operations == 0 ? 0 : static_cast<double>(m->bytes) / static_cast<double>(row.operations);
}

Table times(const Report& report, Kind kind) {
  Table t;
  t.head.emplace_back(kind == Kind::scalar ? "ns per operation (Rosenbrock: per call)" : "µs per gradient");
  const std::vector<const Entrant*> columns = measured(report, kind);
  for (const Entrant* e : columns) t.head.emplace_back(e->name);
  std::vector<Comparison> shown;
  for (const Comparison& c : comparisons(kind))
    if (std::any_of(report.rows.begin(), report.rows.end(), [&](const Row& row) { return row.kind == kind && c.ratio(row) > 0; })) shown.push_back(c);
  for (const Comparison& c : shown) t.head.emplace_back(c.head);
  if (kind == Kind::scalar) t.head.emplace_back("bytes/op");

  std::vector<double> logarithms(shown.size()), counts = logarithms;
  for (const Row& row : report.rows) {
    if (row.kind != kind) continue;
    std::vector<std::string> cells{row.workload};
    for (const Entrant* e : columns) {
      const Measurement* m = row.find(*e);
      cells.push_back(m == nullptr ? "" : number(m->median / unit(row)));
    }
    for (std::size_t c = 0; c < shown.size(); ++c) {
      const double ratio = shown[c].ratio(row);
      cells.push_back(number(ratio));
      if (ratio > 0) logarithms[c] += std::log(ratio), counts[c] += 1;
    }
    if (kind == Kind::scalar) cells.push_back(number(bytes_per_operation(row, row.find(Role::gradus))));
    t.rows.push_back(std::move(cells));
  }
  if (t.rows.empty()) return {};
  std::vector<std::string> means{"geometric mean"};
  means.resize(1 + columns.size());
  for (std::size_t c = 0; c < shown.size(); ++c) means.push_back(counts[c] > 0 ? number(std::exp(logarithms[c] / counts[c])) : "");
  means.resize(t.head.size());
  t.rows.push_back(std::move(means));
  return t;
}

/// Of the tapes that say how much they hold.
Table bytes(const Report& report) {
  Table t{{"bytes per operation"}, {}};
  std::vector<const Entrant*> columns = measured(report, Kind::scalar);
  std::erase_if(columns, [&](const Entrant* e) {
    return std::none_of(report.rows.begin(), report.rows.end(), [&](const Row& row) { return bytes_per_operation(row, row.find(*e)) > 0; });
  });
  for (const Entrant* e : columns) t.head.emplace_back(e->name);
  for (const Row& row : report.rows) {
    if (row.kind != Kind::scalar) continue;
    t.rows.push_back({row.workload});
    for (const Entrant* e : columns) t.rows.back().push_back(number(bytes_per_operation(row, row.find(*e))));
  }
  return t;
}

/// Columns that a terminal shows for UTF-8 text: continuation bytes have none.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

std::string heading(const Report& report) {
  const Machine& m = report.machine;
  std::string text = fmt::format("{}, {} cores, {}\n{}, {}; one thread, thread CPU time, {} rounds, {}\n", m.processor, m.cores, m.vectors, m.compiler, m.flags,
                                 report.settings.number_of_rounds(), m.date);
  for (const std::string& library : report.libraries) text += library + "\n";
  text += "/x: Gradus' time by that of x\n";
  if (!report.absent.empty()) {
    text += "not found:";
    for (const std::string& name : report.absent) text += " " + name + (&name == &report.absent.back() ? "\n" : ",");
  }
  return text;
}

std::string terminal_table(const Report& report, Kind kind) {
  const Table t = times(report, kind);
  std::vector<std::size_t> widths(t.head.size());
  const auto measure = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) widths[c] = std::max(widths[c], width(cells[c]));
  };
  measure(t.head);
  for (const auto& row : t.rows) measure(row);
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string gap(widths[c] - width(cells[c]), ' ');
      text += c == 0 ? cells[c] + gap : "  " + gap + cells[c];
    }
    text += "\n";
  };
  if (!t.rows.empty()) line(t.head);
  for (const auto& row : t.rows) line(row);
  return text;
}

std::string markdown(const Report& report) {
  std::string text;
  const auto append = [&text](const Table& t) {
    const auto line = [&text](const std::vector<std::string>& cells) {
      for (const std::string& cell : cells) text += cell.empty() ? "| " : "| " + cell + " ";
      text += "|\n";
    };
    line(t.head);
    for (std::size_t c = 0; c < t.head.size(); ++c) text += c == 0 ? "|---" : "|---:";
    text += "|\n";
    for (const auto& row : t.rows) line(row);
    text += "\n";
  };
  for (const Kind kind : {Kind::array, Kind::scalar}) {
    const Table t = times(report, kind);
    if (t.rows.empty()) continue;
    text += kind == Kind::scalar ? "## Scalars\n\n" : "## Arrays\n\n";
    append(t);
    if (kind == Kind::scalar) append(bytes(report));
  }
  return text;
}

std::string json(const Report& report) {
  nlohmann::ordered_json document;
  const Machine& m = report.machine;
  document["machine"] = {{"processor", m.processor}, {"cores", m.cores}, {"vectors", m.vectors},
                         {"compiler", m.compiler},   {"flags", m.flags}, {"date", m.date}};
  document["libraries"] = report.libraries;
  document["absent"] = report.absent;
  document["rounds"] = report.settings.number_of_rounds();
  document["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : report.rows) {
    nlohmann::ordered_json entry{{"workload", row.workload}, {"kind", row.kind == Kind::scalar ? "scalar" : "array"}, {"operations", row.operations}};
    for (const Measurement& c : row.measurements)
      entry["contestants"][std::string(c.entrant->name)] = {
          {"median_ns", c.median}, {"bytes", c.bytes}, {"gradus_ratio", Row::ratio(row.find(Role::gradus), &c)}, {"rounds_ns", c.rounds}};
    if (const Measurement* best = row.best_peer()) entry["best_peer"] = best->entrant->name;
    document["rows"].push_back(std::move(entry));
  }
  return document.dump(1) + "\n";
}

}  // namespace bench
