// Comparing the gradients of all contestants, then timing them in rotated rounds.
#include "measure.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include "machine.hpp"

namespace bench {

const std::vector<Entrant> entrants = {
    {Kind::scalar, Role::plain, "scalar_plain", "plain", "#8a8a8a"},
    {Kind::scalar, Role::prototype, "scalar_prototype", "prototype", "#8a8a8a"},
    {Kind::scalar, Role::gradus, "scalar_gradus", "Gradus", "#c0392b"},
    {Kind::scalar, Role::replay, "scalar_replay", "replay", "#5b2c6f"},
    {Kind::scalar, Role::peer, "scalar_stan", "Stan", "#2471a3", "r-cran-stanheaders"},
    {Kind::scalar, Role::peer, "scalar_cppad", "CppAD", "#7d9b3c", "r-cran-tmb"},
    {Kind::scalar, Role::peer, "scalar_tmbad", "TMBad", "#b5c77e", "r-cran-tmb"},
    {Kind::scalar, Role::peer, "scalar_adolc", "ADOL-C", "#c9a227", "libadolc-dev"},
    {Kind::scalar, Role::peer, "scalar_sacado", "Sacado", "#8a8a8a", "libtrilinos-sacado-dev"},
    {Kind::scalar, Role::forward, "scalar_ceres", "Ceres", "#8a8a8a", "libceres-dev"},
    {Kind::array, Role::plain, "array_plain", "plain", "#8a8a8a"},
    {Kind::array, Role::hand, "array_hand", "hand", "#8a8a8a", "libsleef-dev"},
    {Kind::array, Role::gradus, "array_gradus", "Gradus", "#c0392b"},
    {Kind::array, Role::peer, "array_stan", "Stan", "#2471a3", "r-cran-stanheaders"},
    {Kind::array, Role::peer, "array_torch", "torch", "#d9a679", "libtorch-dev"},
    {Kind::array, Role::peer, "array_torch", "torch+", "#a65e1f", "libtorch-dev", "OPENBLAS_CORETYPE=SKYLAKEX", "avx512f"},
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

const Measurement* Row::find(Role role) const {
  for (const Measurement& m : measurements)
    if (m.entrant->role == role) return &m;
  return nullptr;
}

const Measurement* Row::find(const Entrant& entrant) const {
  for (const Measurement& m : measurements)
    if (m.entrant == &entrant) return &m;
  return nullptr;
}

const Measurement* Row::best_peer() const {
  const Measurement* best = nullptr;
  for (const Measurement& m : measurements)
    if (m.entrant->role == Role::peer && (best == nullptr || m.median < best->median)) best = &m;
  return best;
}

double Row::ratio(const Measurement* of, const Measurement* to) {
  if (of == nullptr || to == nullptr) return 0;
  std::vector<double> ratios;
  for (std::size_t r = 0; r < of->rounds.size(); ++r) ratios.push_back(of->rounds[r] / to->rounds[r]);
  return median(std::move(ratios));
}

std::unique_ptr<Process> Runner::start() const {
  // One thread each, whatever a library takes by default.
  std::vector<std::string> environment = {"GRADUS_THREADS=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1"};
  if (!entrant->environment.empty()) environment.emplace_back(entrant->environment);
  return std::make_unique<Process>(GRADUS_BENCH_CONTESTANTS "/" + std::string(entrant->program), environment);
}

std::vector<Runner> find_runners(const Settings& settings, std::vector<std::string>& absent) {
  std::vector<Runner> runners;
  for (const Entrant& entrant : entrants) {
    if ((entrant.role == Role::peer || entrant.role == Role::forward) && !settings.peers) continue;
    if (!std::filesystem::exists(GRADUS_BENCH_CONTESTANTS "/" + std::string(entrant.program))) {
      if (!entrant.package.empty())
        absent.push_back(fmt::format("{} ({}s; {})", entrant.name, entrant.kind == Kind::scalar ? "scalar" : "array", entrant.package));
      continue;
    }
    if (!entrant.needs_cpu.empty() && !cpu_has(entrant.needs_cpu)) continue;
    Runner& runner = runners.emplace_back(Runner{&entrant, "", {}});
    const auto process = runner.start();
    runner.library = process->library(), runner.offers = process->offers();
  }
  return runners;
}

std::vector<std::string> workloads(const std::vector<Runner>& runners, Kind kind, const Settings& settings) {
  std::vector<std::string> names;
  for (const Runner& runner : runners)
    if (runner.entrant->kind == kind && runner.entrant->role == Role::plain)
      for (const Process::Offer& offer : runner.offers)
        if (offer.workload.find(settings.only) != std::string::npos) names.push_back(offer.workload);
  return names;
}

namespace {

/// Relative to the number itself and, for those that are what is left of larger terms, to the largest.
void require_equal(const std::string& workload, std::string_view name, const Process::Result& got, std::string_view other, const Process::Result& want) {
  const double tolerance = workload.ends_with(", float") ? 1e-4 : 1e-10;
  const auto require_near = [&](double a, double b, double scale, std::string_view what, std::size_t i) {
    if (!(std::abs(a - b) <= tolerance * (std::abs(b) + scale)))
      throw std::runtime_error(fmt::format("{}: {} and {} differ in {} {}: {:.17g} and {:.17g}", workload, name, other, what, i, a, b));
  };
  require_near(got.value, want.value, 0, "value", 0);
  if (got.gradient.empty()) return;
  if (got.gradient.size() != want.gradient.size())
    throw std::runtime_error(
        fmt::format("{}: the gradients of {} and {} have {} and {} entries", workload, name, other, got.gradient.size(), want.gradient.size()));
  double largest = 0;
  for (const double g : want.gradient) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < want.gradient.size(); ++i) require_near(got.gradient[i], want.gradient[i], 1e-2 * largest, "entry", i);
}

}  // namespace

Row measure(const std::vector<Runner>& runners, Kind kind, const std::string& workload, const Settings& settings) {
  Row row{kind, workload, 0, {}};
  std::vector<std::unique_ptr<Process>> processes;
  for (const Runner& runner : runners) {
    if (runner.entrant->kind != kind) continue;
    const auto offer = std::find_if(runner.offers.begin(), runner.offers.end(), [&](const Process::Offer& o) { return o.workload == workload; });
    if (offer == runner.offers.end()) continue;
    row.operations = std::max(row.operations, offer->operations);
    row.measurements.push_back({runner.entrant, {}, 0, 0});
    processes.push_back(runner.start());
  }

  std::vector<Process::Result> results;
  std::vector<std::size_t> iterations;
  std::size_t reference = processes.size();  // by hand, or else Gradus
  for (std::size_t i = 0; i < processes.size(); ++i) {
    processes[i]->open(workload);
    results.push_back(processes[i]->result());
    const Role role = row.measurements[i].entrant->role;
    if (role == Role::hand || (role == Role::gradus && reference == processes.size())) reference = i;
  }
  for (std::size_t i = 0; reference < processes.size() && i < processes.size(); ++i)
    require_equal(workload, row.measurements[i].entrant->name, results[i], row.measurements[reference].entrant->name, results[reference]);

  for (std::size_t i = 0; i < processes.size(); ++i) {
    row.measurements[i].bytes = processes[i]->bytes();
    iterations.push_back(processes[i]->calibrate(settings.seconds_per_sample()));
  }
  for (std::size_t round = 0; round < settings.number_of_rounds(); ++round)
    for (std::size_t k = 0; k < processes.size(); ++k) {
      const std::size_t i = (round + k) % processes.size();
      row.measurements[i].rounds.push_back(processes[i]->time(iterations[i]));
    }
  for (Measurement& m : row.measurements) m.median = median(m.rounds);
  return row;
}

}  // namespace bench
