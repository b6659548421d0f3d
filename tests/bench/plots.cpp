// Bar charts by gnuplot: time relative to a reference, on a logarithmic axis.
#include "plots.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

namespace bench {
namespace {

constexpr double limit = 100;  // longer bars say nothing more

struct Chart {
  Plot plot;
  std::string axis;
  Kind kind;
  Role reference;
  std::function<bool(const Row&)> shows;
};

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

/// The gnuplot program; empty when there is nothing to draw.
std::string program(const Report& report, const Chart& chart, const std::string& folder) {
  std::vector<const Entrant*> series;
  std::vector<const Row*> rows;
  for (const Row& row : report.rows)
    if (row.kind == chart.kind && chart.shows(row) && row.find(chart.reference) != nullptr) rows.push_back(&row);
  for (const Entrant& e : entrants) {
    if (e.role == chart.reference || (e.role != Role::gradus && e.role != Role::peer)) continue;
    if (std::any_of(rows.begin(), rows.end(), [&e](const Row* row) { return row->find(e) != nullptr; })) series.push_back(&e);
  }
  if (rows.empty() || series.empty()) return "";

  double highest = 2;
  std::string data;
  for (const Row* row : rows) {
    std::string label = row->workload.substr(0, row->workload.find(", float"));
    data += in_quotes(label);
    const double reference = row->find(chart.reference)->median;
    for (const Entrant* e : series) {
      const Measurement* m = row->find(*e);
      if (m == nullptr) data += " NaN";
      else data += fmt::format(" {:.4g}", m->median / reference), highest = std::max(highest, m->median / reference);
    }
    data += "\n";
  }
  std::string bars;
  for (std::size_t s = 0; s < series.size(); ++s)
    bars += fmt::format("{}$data using {}{} title {} linecolor rgb {}", s == 0 ? "" : ", ", s + 2, s == 0 ? ":xtic(1)" : "", in_quotes(series[s]->name),
                        in_quotes(series[s]->colour));
  return fmt::format(R"($data << EOD
{data}EOD
set terminal svg size 980,500 font "sans,12" background "#ffffff"
set output "{file}"
set title "{title}" font ",15"
set ylabel "{axis}"
set logscale y
set yrange [0.5:{top}]
set ytics nomirror add (1)
set grid ytics linecolor rgb "#dddddd"
set style data histograms
set style histogram clustered gap 1
set style fill solid 1 noborder
set boxwidth 0.9
set xtics rotate by 35 right nomirror scale 0
set lmargin 14
set border 3
set key top left horizontal
set arrow from graph 0,first 1 to graph 1,first 1 nohead linecolor rgb "#333333" linewidth 1.5 front
plot {bars}
)",
                     fmt::arg("data", data), fmt::arg("file", folder + "/" + chart.plot.file),
                     fmt::arg("title", chart.plot.title + (highest > limit ? fmt::format(" (bars end at {})", limit) : "")), fmt::arg("axis", chart.axis),
                     fmt::arg("top", std::min(limit, highest * 2)), fmt::arg("bars", bars));
}

}  // namespace

std::vector<Plot> draw(const Report& report, const std::string& folder) {
  const auto is_float = [](const Row& row) { return row.workload.ends_with(", float"); };
  const std::vector<Chart> charts = {
      {{"arrays_double.svg", "Gradients of arrays, double"}, "time / hand-written", Kind::array, Role::hand, [&](const Row& row) { return !is_float(row); }},
      {{"arrays_float.svg", "Gradients of arrays, float"}, "time / hand-written", Kind::array, Role::hand, is_float},
      {{"scalars.svg", "Scalars, recorded again at every call"}, "time / Gradus", Kind::scalar, Role::gradus, [](const Row&) { return true; }},
  };
  std::filesystem::create_directories(folder);
  std::vector<Plot> drawn;
  for (const Chart& chart : charts) {
    const std::string text = program(report, chart, folder);
    if (text.empty()) continue;
    std::FILE* pipe = popen("gnuplot", "w");
    if (pipe == nullptr) throw std::runtime_error("cannot start gnuplot");
    std::fputs(text.c_str(), pipe);
    if (pclose(pipe) != 0) throw std::runtime_error("gnuplot failed at " + chart.plot.file + ": is it installed? (./dev bench --peers installs it)");
    drawn.push_back(chart.plot);
  }
  return drawn;
}

}  // namespace bench
