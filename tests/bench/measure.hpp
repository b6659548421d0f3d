// Which contestants there are, and what is measured of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"

namespace bench {

enum class Kind { scalar, array };
enum class Role {
  plain,
  hand,
  prototype,
  gradus,
  replay,  // of a program that Gradus has recorded once
  peer,
  forward  // mode: records nothing, and is not what a tape is measured by
};

/// A contestant's program, built or not.
struct Entrant {
  Kind kind;
  Role role;
  std::string_view program;           // its file
  std::string_view name;              // the column
  std::string_view colour;            // in plots
  std::string_view package = "";      // that it needs
  std::string_view environment = "";  // NAME=VALUE, where it is another contestant with it
  std::string_view needs_cpu = "";    // a flag of the processor, without which it cannot run
};
extern const std::vector<Entrant> entrants;

/// An entrant whose program was built.
struct Runner {
  const Entrant* entrant;
  std::string library;  // with its version, in its own words
  std::vector<Process::Offer> offers;
  [[nodiscard]] std::unique_ptr<Process> start() const;
};

struct Settings {
  std::string only;
  bool quick = false, peers = true;
  std::size_t rounds = 0;  // 0: by default
  [[nodiscard]] std::size_t number_of_rounds() const { return rounds > 0 ? rounds : quick ? 5 : 31; }
  [[nodiscard]] double seconds_per_sample() const { return quick ? 1e-3 : 8e-3; }
};

struct Measurement {
  const Entrant* entrant;
  std::vector<double> rounds;  // ns of one run
  double median;
  std::size_t bytes;  // that one run fills; 0 when not measured
};

struct Row {
  Kind kind;
  std::string workload;
  std::size_t operations;  // of one run; 0 where none are counted
  std::vector<Measurement> measurements;

  /// Null when it did not take part.
  [[nodiscard]] const Measurement* find(Role role) const;
  [[nodiscard]] const Measurement* find(const Entrant& entrant) const;
  /// The peer with the smallest median; null when there is none.
  [[nodiscard]] const Measurement* best_peer() const;
  /// The median over the rounds of the time of one by that of the other; 0 when either is missing.
  [[nodiscard]] static double ratio(const Measurement* of, const Measurement* to);
};

double median(std::vector<double> values);

/// Asks every program that was built what it offers; names the others in `absent`.
std::vector<Runner> find_runners(const Settings& settings, std::vector<std::string>& absent);
/// The workloads whose name contains settings.only, in their order.
std::vector<std::string> workloads(const std::vector<Runner>& runners, Kind kind, const Settings& settings);
/// Starts every program anew (ADOL-C, for one, is the slower the more it has done before), compares the gradients, then times in rotated rounds. Throws std::runtime_error naming workload and contestant when gradients differ.
Row measure(const std::vector<Runner>& runners, Kind kind, const std::string& workload, const Settings& settings);

}  // namespace bench
