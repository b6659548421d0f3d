// gradus check --exhaustive [op…|all]
#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ops/verify/exhaustive.hpp>

#include "command.hpp"

namespace gradus::cli {
namespace {

/// The errors of the value or of the derivative, with the word for it.
struct Part { const char* name; const FloatErrors* errors; };
std::vector<Part> parts_of(const ExhaustiveResult& r) { return {{"value", &r.value}, {"derivative", &r.derivative}}; }

Verdict verdict_of(const ExhaustiveResult& r) { return r ? Verdict::pass : Verdict::fail; }
/// The shortest decimal that reads back to the same float.
std::string place(const FloatErrors& e) { return e.ulps > 0 ? fmt::format("x = {}", e.at) : ""; }

std::string duration(double seconds) { return seconds < 100 ? fmt::format("{:.0f} s", seconds) : fmt::format("{:.0f} min", seconds / 60); }

/// Prints how far the ops are, and when they will be done if the rest is as quick.
class Progress {
 public:
  explicit Progress(std::size_t ops) : ops_(ops) {}
  void next(std::string_view name) { name_ = name, ++op_; }
  void show(std::uint64_t done, std::uint64_t of) {
    using Seconds = std::chrono::duration<double>;
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    const double share = (static_cast<double>(op_ - 1) + static_cast<double>(done) / static_cast<double>(of)) / static_cast<double>(ops_);
    progress(fmt::format("checking {}/{}  {}  {:.1f} %, about {} to go", op_, ops_, name_, 100 * static_cast<double>(done) / static_cast<double>(of),
                         duration(Seconds(now - start_).count() * (1 - share) / share)));
  }

 private:
  std::size_t ops_, op_ = 0;
  std::string name_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), shown_ = start_;
};

std::string text_of(const std::vector<ExhaustiveResult>& results, const Common& common) {
  std::vector<std::vector<std::string>> rows{{"op", "verdict", "value ulp", "claim", "correctly rounded", "worst at", "derivative ulp", "claim", "correctly rounded", "worst at", "seconds"}};
  for (const ExhaustiveResult& r : results) {
    std::vector<std::string> row{r.name, colored(verdict_of(r), 0, common)};
    for (const auto& [name, e] : parts_of(r)) row.insert(row.end(), {std::isinf(e->ulps) ? "inf" : ulps_text(e->ulps), ulps_text(e->claim), std::to_string(e->correctly_rounded), place(*e)});
    row.push_back(fmt::format("{:.1f}", r.seconds));
    rows.push_back(std::move(row));
  }
  std::string text = table(rows, {false, false, true, true, true, false, true, true, true, false, true});
  double seconds = 0;
  for (const ExhaustiveResult& r : results) {
    seconds += r.seconds;
    for (const auto& [name, e] : parts_of(r)) {
      if (e->wrong == 0) continue;
      text += fmt::format("\n{} {}: the {} at {} is {}, but the truth is {}; {} of {} inputs are wrong by more than {} ulp\n", colored(Verdict::fail, 0, common), r.name, name, place(*e), e->got,
                          e->expected, e->wrong, r.inputs, e->claim);
    }
  }
  const ExhaustiveResult& first = results.front();
  const std::string which = first.stride == 1 ? fmt::format("all {} floats", first.inputs) : fmt::format("{} floats (one bit pattern in {})", first.inputs, first.stride);
  return text + fmt::format("\n{} of {} ops keep their claims at {}, of which {} are NaN and must give NaN, {:.0f} s\n", std::count_if(results.begin(), results.end(), [](const auto& r) { return bool(r); }),
                            results.size(), which, first.nans, seconds);
}

std::string json_of(const std::vector<ExhaustiveResult>& results) {
  using nlohmann::json;
  const auto number = [](double x) -> json { return std::isfinite(x) ? json(x) : json(number_text(x)); };  // NaN and infinities as strings
  Verdict verdict = Verdict::pass;
  json items = json::array();
  for (const ExhaustiveResult& r : results) {
    verdict = std::max(verdict, verdict_of(r));
    json item{{"name", r.name}, {"verdict", name_of(verdict_of(r))}, {"inputs", r.inputs}, {"stride", r.stride}, {"nans", r.nans}, {"seconds", r.seconds}};
    for (const auto& [name, e] : parts_of(r)) {
      item[name] = {{"claim", e->claim}, {"ulps", number(e->ulps)}, {"correctly_rounded", e->correctly_rounded}, {"wrong", e->wrong}, {"worst", nullptr}};
      if (e->ulps > 0) item[name]["worst"] = {{"x", number(static_cast<double>(e->at))}, {"got", number(static_cast<double>(e->got))}, {"expected", number(e->expected)}};
    }
    items.push_back(std::move(item));
  }
  return json{{"schema", 1}, {"verdict", name_of(verdict)}, {"results", std::move(items)}}.dump(2) + "\n";
}

}  // namespace

int check_exhaustively_command(const std::vector<std::string>& names, std::uint64_t stride, const Common& common) {
  std::vector<const FloatEntry*> ops;
  if (std::find(names.begin(), names.end(), "all") != names.end())
    for (const FloatEntry& op : float_ops()) ops.push_back(&op);
  else if (names.empty())
    for (const char* name : {"relu", "sigmoid", "tanh", "leaky_relu", "elu", "softplus"}) ops.push_back(&float_op(name));
  else
    for (const std::string& name : names) ops.push_back(&float_op(name));

  Progress shown(ops.size());
  std::vector<ExhaustiveResult> results;
  for (const FloatEntry* op : ops) {
    shown.next(op->info->name);
    results.push_back(check_all_floats(*op, {.stride = stride}, [&](std::uint64_t done, std::uint64_t of) { shown.show(done, of); }));
  }
  progress("");
  print(common.format == Format::json ? json_of(results) : text_of(results, common));
  return std::all_of(results.begin(), results.end(), [](const auto& r) { return bool(r); }) ? agree : wrong;
}

}  // namespace gradus::cli
