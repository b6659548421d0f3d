// What /proc/cpuinfo and the build say.
#include "machine.hpp"

#include <chrono>
#include <fstream>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace bench {
namespace {
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}
}  // namespace

bool cpu_has(std::string_view flag) { return fmt::format(" {} ", cpuinfo("flags")).find(fmt::format(" {} ", flag)) != std::string::npos; }

Machine this_machine() {
  std::string vectors;
  for (const std::string_view flag : {"avx", "avx2", "fma", "avx512f"})
    if (cpu_has(flag)) vectors += fmt::format("{}{}", vectors.empty() ? "" : " ", flag);
  std::string flags = GRADUS_BENCH_FLAGS;
  while (flags.ends_with(' ')) flags.pop_back();
  return {cpuinfo("model name"),
          vectors,
          GRADUS_BENCH_COMPILER,
          flags,
          fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::now())),
          std::thread::hardware_concurrency()};
}

}  // namespace bench
