// A contestant's program, seen from gradus_bench.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

/// Started in the constructor, ended in the destructor. Every call throws std::runtime_error when the program fails or dies.
class Process {
 public:
  struct Offer {
    std::string workload;
    std::size_t operations;
  };
  struct Result {
    double value;
    std::vector<double> gradient;
  };
  /// `environment`: NAME=VALUE, on top of our own.
  Process(const std::string& path, const std::vector<std::string>& environment);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] const std::string& library() const { return library_; }
  [[nodiscard]] const std::vector<Offer>& offers() const { return offers_; }

  void open(const std::string& workload) { ask("open " + workload); }
  Result result();
  std::size_t bytes();
  /// As many iterations as fill so many seconds.
  std::size_t calibrate(double seconds);
  /// Nanoseconds of one iteration, on average.
  double time(std::size_t iterations);

 private:
  std::string ask(const std::string& command);
  std::string path_, library_;
  std::vector<Offer> offers_;
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
};

}  // namespace bench
