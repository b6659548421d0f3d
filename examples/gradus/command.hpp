// What the subcommands of `gradus` share: options, output, exit codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <autodiff/verify/report.hpp>

namespace gradus::cli {

/// Exit codes: documented in `gradus --help`.
enum Exit : int { agree = 0, wrong = 1, usage = 2, inconclusive = 3, oracles_disagree = 4 };
[[nodiscard]] Exit exit_code(Verdict verdict) noexcept;

enum class Format { text, json, junit, markdown, html };

/// Options of every subcommand.
struct Common {
  Format format = Format::text;
  std::string color = "auto";  ///< auto, always, never
  std::uint64_t seed = 1;
};

/// A mistake of the user: printed to stderr, exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Standard output could not be written.
struct OutputError : std::runtime_error {
  OutputError(const std::string& message, bool closed) : std::runtime_error(message), closed_pipe(closed) {}
  bool closed_pipe;
};

/// Writes to stdout at once. Throws OutputError: a full disk or a closed pipe must not look like success.
void print(std::string_view text);
/// Writes to stderr when it is a terminal, in place of the previous such line; an empty text removes it.
void progress(std::string_view text);

/// A verdict coloured for a terminal, padded to `width`.
[[nodiscard]] std::string colored(Verdict verdict, std::size_t width, const Common& common);
[[nodiscard]] bool use_color(const Common& common);

/// Columns of text, aligned; the first row is the header. Columns in `right` are aligned at the right.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);
/// A number of ulps, short.
[[nodiscard]] std::string ulps_text(double ulps);

struct Reporting;  // report.hpp

// ---- Subcommands. Each returns the exit code.
int check_exhaustively_command(const std::vector<std::string>& names, std::uint64_t stride, const Common& common);
int check_ops_command(const std::vector<std::string>& names, const Common& common, const Reporting& reporting);
struct MutantOptions {
  std::size_t trials = 0;  ///< 0: the default
  bool quick = false;
};
int mutants_command(const MutantOptions& options, const Common& common);
int limits_command(const Common& common);
int list_command(const Common& common, bool markdown);
int show_command(const std::vector<std::string>& names, const Common& common);
int eval_command(const std::string& file, const std::string& form);
struct FunctionOptions {
  std::string expression;
  std::vector<std::string> at;
  std::vector<std::string> claims;
};
int check_function_command(const FunctionOptions& options, const Common& common, const Reporting& reporting);
int gradient_command(const FunctionOptions& options, const Common& common);

}  // namespace gradus::cli
