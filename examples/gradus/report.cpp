// Telling the results: where the report goes, how much of it, and the exit code.
#include "report.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ops/expression/text.hpp>

namespace gradus::cli {
namespace {

constexpr std::pair<const char*, Verdict> verdict_names[] = {{"fail", Verdict::fail}, {"inconclusive", Verdict::inconclusive}, {"kink", Verdict::kink},
                                                             {"oracle_disagreement", Verdict::oracles_disagree}, {"nondeterministic", Verdict::nondeterministic}};

Exit exit_code_of(const std::vector<CheckResult>& results, const std::vector<Verdict>& fail_on) {
  Verdict worst = Verdict::pass;
  for (const CheckResult& r : results)
    if (std::find(fail_on.begin(), fail_on.end(), r.verdict) != fail_on.end()) worst = std::max(worst, r.verdict);
  const Exit code = worst == Verdict::kink ? wrong : exit_code(worst);
  const bool all_checked = std::all_of(results.begin(), results.end(), was_checked);
  return code == agree && !all_checked ? inconclusive : code;
}

[[noreturn]] void cannot_write(const std::string& file, int error) { throw UsageError(fmt::format("cannot write '{}': {}", expression::excerpt(one_line(file), 200), std::strerror(error))); }

/// While it lives, an interrupt waits: a part of a report is written to its end, or removed.
class Uninterrupted {
 public:
  Uninterrupted() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, s);
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
  ~Uninterrupted() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

/// Takes the report, and becomes the wanted file only when all of it is there. A device is written to directly: it must not be replaced.
class ReportFile {
 public:
  explicit ReportFile(const std::string& file) : file_(file) {
    struct stat known {};
    const bool exists = ::stat(file.c_str(), &known) == 0;
    if (!exists && errno != ENOENT) cannot_write(file_, errno);
    if (exists && S_ISDIR(known.st_mode)) cannot_write(file_, EISDIR);
    if (exists && ::access(file.c_str(), W_OK) != 0) cannot_write(file_, errno);
    if (exists && !S_ISREG(known.st_mode)) {
      descriptor_ = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
      std::error_code unknown;
      const std::filesystem::path target = std::filesystem::weakly_canonical(file, unknown);  // the file behind a link is replaced, not the link
      target_ = unknown ? file : target.string();
      uninterrupted_.emplace();
      part_ = fmt::format("{}.{}.part", target_, ::getpid());
      descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0) part_.clear();
      else if (exists && ::fchmod(descriptor_, known.st_mode & 07777) != 0) fail(errno);
    }
    if (descriptor_ < 0) cannot_write(file_, errno);
  }
  ReportFile(const ReportFile&) = delete;
  ReportFile& operator=(const ReportFile&) = delete;
  ~ReportFile() { discard(); }  // before the signals that wait come through

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::write(descriptor_, text.data(), text.size());
      if (n >= 0) text.remove_prefix(static_cast<std::size_t>(n));
      else if (errno != EINTR) fail(errno);
    }
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(errno);
    if (!part_.empty() && ::rename(part_.c_str(), target_.c_str()) != 0) fail(errno);
    part_.clear();
  }

 private:
  void discard() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    if (!part_.empty()) ::unlink(std::exchange(part_, {}).c_str());
  }
  [[noreturn]] void fail(int error) {
    discard();
    cannot_write(file_, error);
  }

  std::string file_, target_, part_;
  int descriptor_ = -1;
  std::optional<Uninterrupted> uninterrupted_;  // a device may take for ever
};

std::string in_format(Format format, const std::vector<CheckResult>& results, const std::string& text) {
  switch (format) {
    case Format::text: return text;
    case Format::json: return to_json(results);
    case Format::junit: return to_junit(results);
    case Format::markdown: return to_markdown(results);
    case Format::html: return to_html(results);
  }
  return text;
}

}  // namespace

std::vector<Verdict> parse_verdicts(const std::string& list) {
  std::vector<Verdict> verdicts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, end - begin);
    begin = end + 1;
    const auto known = std::find_if(std::begin(verdict_names), std::end(verdict_names), [&](const auto& v) { return v.first == name; });
    if (known == std::end(verdict_names)) throw UsageError(fmt::format("--fail-on: '{}' is no verdict to fail on: give some of fail, inconclusive, kink, oracle_disagreement, nondeterministic, with commas between", expression::excerpt(name)));
    verdicts.push_back(known->second);
  }
  return verdicts;
}

void limit_findings(std::span<CheckResult> results, std::size_t each, std::size_t all) {
  for (CheckResult& r : results) {
    const std::size_t kept = std::min({r.findings.size(), each, all});
    r.more_findings += r.findings.size() - kept;
    r.findings.resize(kept);
    all -= kept;
  }
}

void check_writable(const std::string& file) {
  if (!file.empty()) ReportFile{file};  // and gone again
}

int publish(const std::vector<CheckResult>& results, const std::string& text, const std::string& summary, const Common& common, const Reporting& reporting) {
  const std::string report = in_format(common.format, results, text);
  const char* github = std::getenv("GITHUB_ACTIONS");
  const std::string notes = github != nullptr && std::string_view(github) == "true" ? annotations(results, reporting.fail_on) : "";
  if (reporting.output.empty()) {
    print(common.format == Format::text ? report + notes : report);
  } else {
    ReportFile(reporting.output).write(report);
    print(fmt::format("{}report in {}\n{}", summary, one_line(reporting.output), notes));
  }
  return exit_code_of(results, reporting.fail_on);
}

}  // namespace gradus::cli
