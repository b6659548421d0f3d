// gradus_bench: Gradus beside plain numbers, hand-written gradients and every other library that is found. ./dev bench
#include <cstdio>
#include <exception>
#include <fstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "readme.hpp"

namespace {

struct Output {
  bool list = false, markdown = false;
  std::string json, readme;
};

int run(const bench::Settings& settings, const Output& output) {
  std::ofstream json;
  if (!output.json.empty()) json.open(output.json);
  if (!json) throw std::runtime_error("cannot write " + output.json);  // before minutes are spent
  bench::Report report{bench::this_machine(), {}, {}, settings, "", {}};
  const auto runners = bench::find_runners(settings, report.absent);
  for (const bench::Runner& runner : runners) report.libraries.push_back(fmt::format("  {:<9} {}", runner.entrant->name, runner.library));
  std::size_t total = 0, done = 0;
  for (const bench::Kind kind : {bench::Kind::array, bench::Kind::scalar}) total += workloads(runners, kind, settings).size();
  if (total == 0) throw std::runtime_error("no workload whose name contains '" + settings.only + "': see --list");
  if (!output.markdown && !output.list) fmt::print("{}\n", heading(report));
  for (const bench::Kind kind : {bench::Kind::array, bench::Kind::scalar}) {
    for (const std::string& workload : workloads(runners, kind, settings)) {
      if (output.list) {
        fmt::print("{}, {}\n", kind == bench::Kind::scalar ? "scalars" : "arrays", workload);
        continue;
      }
      fmt::print(stderr, "[{}/{}] {}\n", ++done, total, workload);
      report.rows.push_back(measure(runners, kind, workload, settings));
    }
    if (!output.markdown && !output.list) fmt::print("{}\n", terminal_table(report, kind));
  }
  if (output.list) return 0;
  if (output.markdown) fmt::print("{}", bench::markdown(report));
  if (json.is_open()) {
    json << bench::json(report);
    if (!json.flush()) throw std::runtime_error("cannot write " + output.json);
  }
  if (!output.readme.empty()) write_readme(report, output.readme);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Settings settings;
  Output output;
  CLI::App app("Gradus beside plain numbers, hand-written gradients and every other library that is found.", "gradus_bench");
  app.add_option("--only", settings.only, "only workloads whose name contains TEXT")->type_name("TEXT");
  app.add_flag("--quick", settings.quick, "fewer and shorter rounds: for a look, not for a claim");
  app.add_option("--rounds", settings.rounds, "how many rounds (31; 5 with --quick)")->type_name("N")->check(CLI::Range(1, 10000));
  app.add_flag_callback("--no-peers", [&settings] { settings.peers = false; }, "without the other libraries");
  app.add_flag("--list", output.list, "list the workloads");
  app.add_option("--json", output.json, "write every sample to FILE as well")->type_name("FILE");
  app.add_flag("--markdown", output.markdown, "print Markdown tables");
  app.add_option("--readme", output.readme, "write README.md and plots/ into FOLDER, how Gradus scales included")->type_name("FOLDER");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "gradus_bench: {}\n{}", e.what(), app.help());
    return 2;
  }
  try {
    return run(settings, output);
  } catch (const std::exception& e) {
    fmt::print(stderr, "gradus_bench: {}\n", e.what());
    return 1;
  }
}
