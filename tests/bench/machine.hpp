// The machine and the build that the numbers are of.
#pragma once

#include <string>
#include <string_view>

namespace bench {

struct Machine {
  std::string processor, vectors, compiler, flags, date;
  unsigned cores;
};
Machine this_machine();
/// Whether the processor has a feature, by the name that Linux gives it.
bool cpu_has(std::string_view flag);

}  // namespace bench
