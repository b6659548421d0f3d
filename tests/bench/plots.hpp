// The results as plots.
#pragma once

#include <string>
#include <vector>

#include "report.hpp"

namespace bench {

struct Plot {
  std::string file, title;
};

/// Draws SVG files into a folder with gnuplot; returns what it drew. Throws std::runtime_error when gnuplot is missing or fails.
std::vector<Plot> draw(const Report& report, const std::string& folder);

}  // namespace bench
