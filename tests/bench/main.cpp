// gradus_bench: Gradus beside plain numbers, hand-written gradients and every other library that is found. ./dev bench
#include <cstdio>
#include <exception>
#include <fstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "report.hpp"

namespace {

int run(const bench::Settings& settings, bool list, bool markdown, const std::string& json_file) {
  bench::Report report{bench::this_machine(), {}, {}, settings, "", {}};
  const auto runners = bench::start(settings, report.absent);
  for (const bench::Runner& runner : runners) report.libraries.push_back(fmt::format("  {:<9} {}", runner.entrant->name, runner.process->library()));
  std::size_t total = 0, done = 0;
  for (const bench::Kind kind : {bench::Kind::array, bench::Kind::scalar}) total += workloads(runners, kind, settings).size();
  if (total == 0) throw std::runtime_error("no workload whose name contains '" + settings.only + "': see --list");
  if (!markdown && !list) fmt::print("{}\n", heading(report));
  for (const bench::Kind kind : {bench::Kind::array, bench::Kind::scalar}) {
    for (const std::string& workload : workloads(runners, kind, settings)) {
      if (list) {
        fmt::print("{}, {}\n", kind == bench::Kind::scalar ? "scalars" : "arrays", workload);
        continue;
      }
      fmt::print(stderr, "[{}/{}] {}\n", ++done, total, workload);
      report.rows.push_back(measure(runners, kind, workload, settings));
    }
    if (!markdown && !list) fmt::print("{}\n", terminal_table(report, kind));
  }
  if (list) return 0;
  if (markdown) fmt::print("{}", bench::markdown(report));
  if (!json_file.empty()) {
    std::ofstream file(json_file);
    file << bench::json(report);
    if (!file.flush()) throw std::runtime_error("cannot write " + json_file);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Settings settings;
  bool list = false, markdown = false;
  std::string json_file;
  CLI::App app("Gradus beside plain numbers, hand-written gradients and every other library that is found.", "gradus_bench");
  app.add_option("--only", settings.only, "only workloads whose name contains TEXT")->type_name("TEXT");
  app.add_flag("--quick", settings.quick, "fewer and shorter rounds: for a look, not for a claim");
  app.add_option("--rounds", settings.rounds, "how many rounds (31; 5 with --quick)")->type_name("N")->check(CLI::PositiveNumber);
  app.add_flag("!--no-peers", settings.peers, "without the other libraries");
  app.add_flag("--list", list, "list the workloads");
  app.add_option("--json", json_file, "write every sample to FILE as well")->type_name("FILE");
  app.add_flag("--markdown", markdown, "print Markdown tables");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "gradus_bench: {}\n{}", e.what(), app.help());
    return 2;
  }
  try {
    return run(settings, list, markdown, json_file);
  } catch (const std::exception& e) {
    fmt::print(stderr, "gradus_bench: {}\n", e.what());
    return 1;
  }
}
