// What a contestant of the benchmark is: one library in a program of its own, so that the code, the memory and the environment of one change
// nothing for another. (In one program the compiler's budget for inlining and the alignment of loops made the same tape 20 % faster or slower.)
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// A workload on one library.
class Contestant {
 public:
  virtual ~Contestant() = default;
  /// Records and sweeps once (plain numbers: computes the value once). Returns the value.
  virtual double run() = 0;
  /// What the last run computed; empty for plain numbers.
  [[nodiscard]] virtual std::vector<double> gradient() const { return {}; }
  /// Memory that one run fills, adjoints included; 0 when not measured.
  [[nodiscard]] virtual std::size_t bytes() const { return 0; }
};

/// A program of contestants: offers them to gradus_bench, which starts it and tells it over a pipe what to run.
class Program {
 public:
  /// The library as the report names it, with its version.
  explicit Program(std::string library) : library_(std::move(library)) {}
  /// `operations` of one run: what the time is divided by; 0 where the workload is not counted in operations.
  void offer(std::string_view workload, std::function<std::unique_ptr<Contestant>()> make, std::size_t operations = 0) {
    offers_.push_back({std::string(workload), std::move(make), operations});
  }
  /// Answers gradus_bench until it closes the pipe; the status for main.
  int serve();

 private:
  struct Offer {
    std::string workload;
    std::function<std::unique_ptr<Contestant>()> make;
    std::size_t operations;
  };
  std::string answer(const std::string& command);
  std::string library_;
  std::vector<Offer> offers_;
  std::unique_ptr<Contestant> open_;
};

}  // namespace bench
