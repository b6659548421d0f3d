// gradus: verify derivatives, evaluate gradients, look ops up, from the command line.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <autodiff/error.hpp>
#include <ops/expression/text.hpp>

#include "report.hpp"

namespace {

using namespace gradus::cli;
using gradus::expression::excerpt;

constexpr const char* exit_codes = R"(Exit codes:
  0  everything agrees (a value at a kink within the one-sided slopes counts)
  1  a derivative or a value is wrong
  2  wrong usage, unreadable input, output that cannot be written
  3  no oracle could decide, or the budget left ops unchecked
  4  the oracles contradict each other
`check --fail-on` chooses which of these verdicts count; the others give 0.
)";

constexpr const char* expression_help = R"(
The language: + - * / ^ (^ binds tightest and to the right), comparisons, c ? a : b,
parentheses, numbers, pi, e, variables, vectors [a,b,c] with v[0], every op by name
(`gradus list`; parameters as further arguments: elu(x, 2)), sum mean dot softmax
log_softmax log_sum_exp maxout cross_entropy(y,s) softmax_cross_entropy(z,y)
mean_squared_error(p,t) normal_log_density(x,mu,sigma) linear_recurrence(phi,u,h0).

Examples:
  gradus check --expr 'x*tanh(x*y)' --at x=.3,y=1.7
  gradus check --expr 'log(1+exp(x))' --at x=2 --claim 'dx=1/(1+exp(-x))'
  gradus check --expr 'softmax_cross_entropy(z,[0,1,0])' --at 'z=[1,2,3]' --claim 'dz=softmax(z)-[0,1,0]'
)";

constexpr const char* eval_help = R"(The file, a line each; numbers may be hex floats, inf or nan:
  case ID op NAME                  what follows, up to `end`, is one case
  attr NAME VALUE                  an option of the op: axis -1, slope 0.1, reduction mean
  in NAME RANK EXTENTS VALUES      an operand, row-major, in the op's order; rank 0 is a scalar
  up y RANK EXTENTS VALUES         the adjoint of the result; without it, no gradients
  grad NAME                        a gradient that is wanted; all of them if none is named
  end

Exit codes: 0 every case evaluated or left out (unknown ops are), 2 a case was rejected, or the file cannot be read.

Example:  printf 'case a op tanh\nin x 1 2 0 1\nup y 1 2 1 1\nend\n' | gradus eval -
)";

/// CLI11's own validators print their inner workings.
CLI::Validator one_of(const std::vector<std::string>& values) {
  return {[values](std::string& given) {
            std::string list;
            for (const std::string& v : values) list += (list.empty() ? "" : v == values.back() ? " or " : ", ") + v;
            return std::find(values.begin(), values.end(), given) == values.end() ? fmt::format("'{}' is none of its values: give {}", given, list) : std::string();
          }, "", ""};
}
CLI::Validator whole_number(std::uint64_t low, std::uint64_t high) {
  return {[low, high](std::string& given) {
            std::uint64_t value = 0;
            const bool hex = given.starts_with("0x");  // as reports write seeds
            const auto [end, error] = std::from_chars(given.data() + (hex ? 2 : 0), given.data() + given.size(), value, hex ? 16 : 10);
            const bool right = error == std::errc() && end == given.data() + given.size() && value >= low && value <= high;
            if (right) given = std::to_string(value);
            return right ? std::string() : fmt::format("'{}' is not a whole number from {} to {}", given, low, high);
          }, "", ""};
}
constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

std::string seconds(const std::string& given) {
  double value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  return error == std::errc() && end == given.data() + given.size() && value > 0 && value < 1e9 ? std::string() : fmt::format("'{}' is not a number of seconds above 0 and below 1e9", given);
}

void add_common(CLI::App& app, Common& common, const std::vector<std::string>& formats = {"text", "json"}) {
  static const std::map<std::string, Format> by_name{{"text", Format::text}, {"json", Format::json}, {"junit", Format::junit}, {"md", Format::markdown}, {"html", Format::html}};
  app.add_option_function<std::string>("--format", [&common](const std::string& name) { common.format = by_name.at(name); }, fmt::format("how to print: {}; text by default", fmt::join(formats, ", ")))
      ->check(one_of(formats))->option_text(fmt::format("{}", fmt::join(formats, "|")));
  app.add_option("--color", common.color, "when to color: auto (default), always or never; NO_COLOR is respected")->check(one_of({"auto", "always", "never"}))->option_text("auto|always|never");
  app.add_option("--seed", common.seed, "seed of generated inputs (default 1)")->check(whole_number(0, any))->option_text("N");
}

int run(int argc, char** argv) {
  CLI::App app{"Gradus: gradients, and proof that they are right.\n", "gradus"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("gradus ") + GRADUS_VERSION);
  app.footer(std::string(exit_codes) + "\nTry:  gradus check all\n      gradus show tanh\n      gradus check --expr 'x*tanh(x*y)' --at x=.3,y=1.7");
  Common common;

  CLI::App* check = app.add_subcommand("check", "verify ops, or a function and derivatives of your own, by independent oracles");
  std::vector<std::string> names;
  FunctionOptions function;
  Reporting reporting;
  check->add_option("ops", names, "names of ops, or all (default)")->option_text("[op...|all]");
  auto* check_expression = check->add_option("--expr", function.expression, "a function of your own")->option_text("EXPRESSION");
  check->add_option("--at", function.at, "the point: x=.3,y=1.7 or 'v=[1,2,3]'")->option_text("NAME=VALUE,...")->allow_extra_args(false);
  check->add_option("--claim", function.claims, "a derivative of your own for a variable: 'dx=…', once for each variable; also checked around the point and far from it")->option_text("dNAME=EXPRESSION")->allow_extra_args(false);
  check->add_flag("-v,--verbose", reporting.verbose, "details of every op, and all findings");
  bool exhaustive = false;
  std::uint64_t stride = 1;
  auto* check_exhaustive = check->add_flag("--exhaustive", exhaustive, "at every float there is: ops of one number (default: relu sigmoid tanh leaky_relu elu softplus)");
  check->add_option("--stride", stride, "only every Nth float, by bit pattern (default 1)")->check(whole_number(1, std::uint64_t{1} << 32))->option_text("N")->needs(check_exhaustive);
  MutantOptions mutants;
  bool check_the_checker = false;
  auto* check_mutants = check->add_flag("--mutants", check_the_checker, "check the checker: wrong rules must be caught, right ones never blamed");
  check->add_option("--trials", mutants.trials, "how many checks of right rules (default 100000)")->check(whole_number(1, 1'000'000'000))->needs(check_mutants)->option_text("N");
  check->add_flag("--quick", mutants.quick, "fewer trials: some seconds")->needs(check_mutants);
  bool limits = false;
  check->add_flag("--limits", limits, "how small an error the checker sees, measured by making right gradients wrong");
  check->footer(std::string(exit_codes) + expression_help);
  add_common(*check, common, {"text", "json", "junit", "md", "html"});
  check->add_option("--output", reporting.output, "write the report to this file, and a summary to standard output")->check(CLI::Validator([](std::string& file) { return file.empty() ? std::string("a file has a name") : std::string(); }, "", ""))->option_text("FILE");
  check->add_option_function<std::string>("--fail-on", [&reporting](const std::string& list) { reporting.fail_on = parse_verdicts(list); },
                                          "exit with 0 unless one of these occurs: fail, inconclusive, kink,\noracle_disagreement, nondeterministic; all but kink by default")->option_text("VERDICT,...");
  check->add_option("--max-failures", reporting.max_failures, "show no more than N findings of all ops together")->check(whole_number(0, any))->option_text("N");
  check->add_option("--budget", reporting.budget, "begin no further op after so many seconds")->check(CLI::Validator(seconds, "", ""))->option_text("SECONDS")->excludes(check_expression);

  CLI::App* grad = app.add_subcommand("grad", "value and gradient of an expression");
  grad->add_option("--expr", function.expression, "the function")->option_text("EXPRESSION")->required();
  grad->add_option("--at", function.at, "the point: x=.3,y=1.7 or 'v=[1,2,3]'")->option_text("NAME=VALUE,...")->allow_extra_args(false);
  grad->footer(expression_help);
  add_common(*grad, common);

  CLI::App* list = app.add_subcommand("list", "all ops with their formulas");
  bool markdown = false;
  list->add_flag("--markdown", markdown, "the table of ops/README.md");
  list->footer("Try:  gradus list\n      gradus show tanh");
  add_common(*list, common);

  CLI::App* show = app.add_subcommand("show", "formula, derivative, domain, kinks, accuracy and source of an op");
  show->add_option("op", names, "names of ops, as in `gradus list`")->required()->option_text("op...");
  show->footer("Try:  gradus show tanh softmax");
  add_common(*show, common);

  CLI::App* eval = app.add_subcommand("eval", "evaluate a file of cases: values and gradients as JSON lines (- reads standard input)");
  std::string file, form = "json";
  eval->add_option("file", file, "the cases, - for standard input")->required()->option_text("FILE");
  eval->add_option("--format,--form", form, "how to print: json (default; one line a case) or text")->check(one_of({"json", "text"}))->option_text("json|text");
  eval->footer(eval_help);

  // CLI11 takes the next word for the value of --seed=.
  for (int i = 1; i < argc; ++i)
    if (const std::string_view word = argv[i]; word.starts_with("--") && word.find('=') == word.size() - 1)
      throw UsageError(fmt::format("{} has no value behind its '='", excerpt(word.substr(0, word.size() - 1))));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) {  // --help, --version
      print(e.get_name() == "CallForVersion" ? std::string(e.what()) + "\n" : app.help("", e.get_name() == "CallForAllHelp" ? CLI::AppFormatMode::All : CLI::AppFormatMode::Normal));
      return agree;
    }
    const CLI::App* used = nullptr;
    std::vector<std::string> known;
    for (const CLI::App* subcommand : app.get_subcommands(nullptr)) {
      known.push_back(subcommand->get_name());
      if (subcommand->parsed() || (argc > 1 && subcommand->get_name() == argv[1])) used = subcommand;
    }
    if (used == nullptr && argc > 1)
      fmt::print(stderr, "gradus: unknown command or option '{}'{}\nTry `gradus --help`.\n", excerpt(argv[1]), gradus::expression::did_you_mean(argv[1], known));
    else if (argc <= 1)
      fmt::print(stderr, "gradus: a command is needed: {}\nTry `gradus --help`.\n", fmt::join(known, ", "));
    else
      fmt::print(stderr, "gradus: {}\nTry `gradus {}--help`.\n", excerpt(e.what(), 300), used == nullptr ? "" : used->get_name() + " ");
    return usage;
  }
  std::set<std::string> seen;
  names.erase(std::remove_if(names.begin(), names.end(), [&](const std::string& name) { return !seen.insert(name).second; }), names.end());
  if (check->parsed()) {
    // What a special run would silently ignore is refused.
    const auto alone = [&](const char* option, bool takes_ops) {
      for (const CLI::Option* given : check->get_options([](const CLI::Option* o) { return o->count() > 0; })) {
        const std::string name = given->get_name();
        const bool known = name == option || name == "--seed" || name == "--color" || name == "--format" || (takes_ops && (name == "ops" || name == "--stride")) ||
                           (std::string_view(option) == "--mutants" && (name == "--trials" || name == "--quick"));
        if (!known) throw UsageError(fmt::format("{} does not go with {}", name == "ops" ? "the name of an op" : name, option));
      }
      if (common.format != Format::text && common.format != Format::json) throw UsageError(fmt::format("{} is reported as text or json only", option));
    };
    if (limits) alone("--limits", false);
    else if (check_the_checker) alone("--mutants", false);
    else if (exhaustive) alone("--exhaustive", true);
    if (limits) return limits_command(common);
    if (check_the_checker) return mutants_command(mutants, common);
    if (exhaustive) return check_exhaustively_command(names, stride, common);
    const auto is_formula = [](const std::string& name) { return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != std::string::npos; };
    const auto formula = std::find_if(names.begin(), names.end(), is_formula);
    if (check_expression->count() == 0 && formula != names.end()) throw UsageError(fmt::format("'{}' is not the name of an op: a function of your own is given as --expr '{}'", excerpt(*formula), excerpt(*formula)));
    for (const auto& [option, given] : {std::pair("--at", !function.at.empty()), {"--claim", !function.claims.empty()}})
      if (check_expression->count() == 0 && given) throw UsageError(fmt::format("{} needs --expr, the function that it belongs to", option));
    if (check_expression->count() == 0) return check_ops_command(names, common, reporting);
    if (!names.empty()) throw UsageError(fmt::format("give either names of ops or --expr, not both ('{}' was taken for an op: quote what has blanks)", excerpt(names.front())));
    return check_function_command(function, common, reporting);
  }
  if (grad->parsed()) return gradient_command(function, common);
  if (list->parsed()) return list_command(common, markdown);
  if (show->parsed()) return show_command(names, common);
  return eval_command(file, form);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is reported as an error of writing
  try {
    return run(argc, argv);
  } catch (const OutputError& e) {
    progress("");
    std::fprintf(stderr, "gradus: %s\n", e.what());
  } catch (const std::exception& e) {
    progress("");
    std::fprintf(stderr, "gradus: %s\n", e.what());
  }
  return usage;
}
