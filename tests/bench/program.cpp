// The side of a contestant: answers commands on standard input, and times with Google Benchmark.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>

#include <unistd.h>

#include <benchmark/benchmark.h>

#include "contestant.hpp"

namespace bench {
namespace {

/// Keeps the last run and prints nothing.
class Silent : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override { last = runs.at(0); }
  Run last;
};

struct Timing {
  std::int64_t iterations;
  double seconds;  // of this thread on a core: what others run meanwhile is not counted
};

/// So many iterations, or as many as fill min_seconds.
Timing time(Contestant& contestant, std::int64_t iterations, double min_seconds) {
  benchmark::ClearRegisteredBenchmarks();
  auto* benchmark = benchmark::RegisterBenchmark("contestant", [&contestant](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(contestant.run());
  });
  if (iterations > 0) benchmark->Iterations(iterations);
  else benchmark->MinTime(min_seconds);
  Silent reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter, "contestant");
  return {reporter.last.iterations, reporter.last.cpu_accumulated_time};
}

template <class T> void append(std::string& bytes, const T& value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); }

}  // namespace

std::string Program::answer(const std::string& command) {
  const std::string word = command.substr(0, command.find(' '));
  const std::string argument = word.size() < command.size() ? command.substr(word.size() + 1) : "";
  if (word == "hello") {
    std::string text = library_ + "\n";
    for (const Offer& offer : offers_) text += offer.workload + "\t" + std::to_string(offer.operations) + "\n";
    return text;
  }
  if (word == "open") {
    for (const Offer& offer : offers_)
      if (offer.workload == argument) {
        open_ = nullptr;
        open_ = offer.make();
        return "";
      }
    throw std::invalid_argument("no workload " + argument);
  }
  if (open_ == nullptr) throw std::logic_error("'" + word + "' before 'open'");
  if (word == "result") {
    std::string bytes;
    append(bytes, open_->run());
    for (const double g : open_->gradient()) append(bytes, g);
    return bytes;
  }
  if (word == "bytes") return std::to_string(open_->bytes());
  if (word == "calibrate") return std::to_string(time(*open_, 0, std::stod(argument)).iterations);
  if (word == "time") {
    const Timing timing = time(*open_, std::stoll(argument), 0);
    return std::to_string(timing.seconds / static_cast<double>(timing.iterations) * 1e9);
  }
  throw std::invalid_argument("no command " + word);
}

int Program::serve() {
  if (isatty(STDIN_FILENO)) {
    std::fprintf(stderr, "This program is a contestant of gradus_bench: run that.\n");
    return 2;
  }
  const int reply = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // what a library prints is no answer
  std::string command;
  while (std::getline(std::cin, command)) {
    std::string text, status = "ok ";
    try {
      text = answer(command);
    } catch (const std::exception& e) {
      text = e.what(), status = "error ";
    }
    text = status + std::to_string(text.size()) + "\n" + text;
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t n = write(reply, text.data() + sent, text.size() - sent);
      if (n <= 0) return 1;
      sent += static_cast<std::size_t>(n);
    }
  }
  return 0;
}

}  // namespace bench
