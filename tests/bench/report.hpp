// Results as a table for the terminal, as Markdown and as JSON.
#pragma once

#include <string>
#include <vector>

#include "machine.hpp"
#include "measure.hpp"

namespace bench {

struct Report {
  Machine machine;
  std::vector<std::string> libraries;  // "column: library and version"
  std::vector<std::string> absent;
  Settings settings;
  std::string command;
  std::vector<Row> rows;
};

/// The lines above the tables: machine, build, libraries, and what is missing.
std::string heading(const Report& report);
std::string terminal_table(const Report& report, Kind kind);
std::string markdown(const Report& report);
std::string json(const Report& report);

}  // namespace bench
