// Writing: stdout without silent loss, progress, colour, tables.
#include "command.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace gradus::cli {

Exit exit_code(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::pass:
    case Verdict::kink: return agree;
    case Verdict::inconclusive: return inconclusive;
    case Verdict::oracles_disagree: return oracles_disagree;
    case Verdict::nondeterministic:
    case Verdict::fail: return wrong;
  }
  return wrong;
}

void print(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int error = errno;
  throw OutputError(error == EPIPE ? "the reader of the output has gone (closed pipe); the rest is not written" : fmt::format("cannot write the output: {}", std::strerror(error)), error == EPIPE);
}

void progress(std::string_view text) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
}

bool use_color(const Common& common) {
  if (common.color == "always") return true;
  if (common.color == "never") return false;
  const char* none = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (none == nullptr || *none == '\0') && isatty(STDOUT_FILENO) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string colored(Verdict verdict, std::size_t width, const Common& common) {
  const std::string name = fmt::format("{:<{}}", name_of(verdict), width);
  if (!use_color(common)) return name;
  const int color = verdict == Verdict::pass || verdict == Verdict::kink ? 32 : verdict == Verdict::fail ? 31 : 33;
  return fmt::format("\033[{}m{}\033[0m", color, name);
}

namespace {
/// Columns that a UTF-8 text takes, colour sequences not counted.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) ++width;
  }
  return width;
}
}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - width_of(row[c]), ' ');
      line += (c == 0 ? "" : "  ") + (right[c] ? padding + row[c] : row[c] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string ulps_text(double ulps) { return std::isinf(ulps) ? "all" : ulps < 1000 ? fmt::format("{:.2f}", ulps) : fmt::format("{:.1e}", ulps); }

}  // namespace gradus::cli
