// The page tests/bench/README.md.
#pragma once

#include <string>

#include "report.hpp"

namespace bench {

/// Writes README.md and plots/ into a folder; measures how Gradus scales as well.
void write_readme(const Report& report, const std::string& folder);

}  // namespace bench
