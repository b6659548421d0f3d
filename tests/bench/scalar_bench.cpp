// Scalar workloads on plain doubles, on the bare folding tape and on Gradus: gradients are compared, then timed in rotated rounds.
//   gradus_bench [--quick] [--json] [--only TEXT]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <time.h>

#include "contestant.hpp"
#include "scalar_workloads.hpp"

namespace {

/// Counts elementary operations: what "ns per operation" divides by.
struct Counted {
  double value = 0;
  static inline std::size_t operations = 0;
  Counted() = default;
  Counted(double v) : value(v) {}  // NOLINT
  static Counted made(double v) { return ++operations, Counted(v); }
  friend Counted operator+(Counted a, Counted b) { return made(a.value + b.value); }
  friend Counted operator-(Counted a, Counted b) { return made(a.value - b.value); }
  friend Counted operator*(Counted a, Counted b) { return made(a.value * b.value); }
  friend Counted operator/(Counted a, Counted b) { return made(a.value / b.value); }
  friend Counted operator-(Counted a) { return made(-a.value); }
  Counted& operator+=(Counted o) { return *this = *this + o; }
  Counted& operator-=(Counted o) { return *this = *this - o; }
  Counted& operator*=(Counted o) { return *this = *this * o; }
  friend bool operator<(Counted a, Counted b) { return a.value < b.value; }
  friend Counted exp(Counted x) { return made(std::exp(x.value)); }
  friend Counted log(Counted x) { return made(std::log(x.value)); }
  friend Counted sqrt(Counted x) { return made(std::sqrt(x.value)); }
  friend Counted tanh(Counted x) { return made(std::tanh(x.value)); }
  friend Counted relu(Counted x) { return made(bench::relu(x.value)); }
};

struct Options {
  bool quick = false, json = false;
  std::string_view only;
};

struct Row {
  std::string_view name;
  std::size_t operations;
  double plain, prototype, gradus;  // ns per call, minimum over the rounds
  double ratio;                     // Gradus / prototype, median over the rounds
  double bytes;                     // per operation, adjoints included
};

/// Time of this thread on a core: what others run meanwhile is not counted.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
template <class F> double seconds(std::size_t repeats, F&& f) {
  const double start = thread_seconds();
  for (std::size_t r = 0; r < repeats; ++r) f();
  return thread_seconds() - start;
}

double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

template <class Workload> class Comparison {
 public:
  explicit Comparison(const Workload& workload)
      : workload_(workload), plain_(bench::plain_numbers(workload)), prototype_(bench::on_the_prototype(workload)), gradus_(bench::on_gradus(workload)) {}

  Row run(const Options& options) {
    gradus_->run();
    prototype_->run();
    compare(gradus_->gradient(), prototype_->gradient());

    Counted::operations = 0;
    workload_(std::vector<Counted>(workload_.at.begin(), workload_.at.end()));
    const std::size_t operations = Counted::operations;

    const double target = options.quick ? 2e-3 : 8e-3;
    const std::size_t rounds = options.quick ? 9 : 41;
    gradus_->run();
    const double once = seconds(1, [this] { gradus_->run(); });
    const auto repeats = static_cast<std::size_t>(std::max(1.0, target / once));
    std::vector<double> plain, prototype, gradus, ratios;
    for (std::size_t r = 0; r < rounds; ++r) {
      double time[3] = {};
      for (std::size_t k = 0; k < 3; ++k) {
        const std::size_t which = (r + k) % 3;
        if (which == 0) time[0] = seconds(repeats, [this] { plain_->run(); });
        if (which == 1) time[1] = seconds(repeats, [this] { prototype_->run(); });
        if (which == 2) time[2] = seconds(repeats, [this] { gradus_->run(); });
      }
      plain.push_back(time[0]), prototype.push_back(time[1]), gradus.push_back(time[2]);
      ratios.push_back(time[2] / time[1]);
    }
    const auto least = [&](const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()) / static_cast<double>(repeats) * 1e9; };
    const double bytes = static_cast<double>(gradus_->bytes()) / static_cast<double>(operations);
    return {workload_.name, operations, least(plain), least(prototype), least(gradus), median(ratios), bytes};
  }

 private:
  void compare(const std::vector<double>& gradient, const std::vector<double>& reference) const {
    double largest = 0;
    for (const double g : gradient) largest = std::max(largest, std::abs(g));
    for (std::size_t i = 0; i < gradient.size(); ++i)
      if (!(std::abs(gradient[i] - reference[i]) <= 1e-12 * (std::abs(gradient[i]) + 1e-3 * largest))) {
        std::fprintf(stderr, "%s: gradients differ at input %zu: %.17g and %.17g\n", std::string(workload_.name).c_str(), i, gradient[i], reference[i]);
        std::exit(1);
      }
  }

  const Workload& workload_;
  std::unique_ptr<bench::Contestant> plain_, prototype_, gradus_;
};

void print(const Row& row, const Options& options, bool first) {
  const double n = row.operations < 1000 ? 1.0 : static_cast<double>(row.operations);
  if (options.json)
    std::printf("%s\n  {\"workload\": \"%s\", \"operations\": %zu, \"plain_ns\": %.4g, \"prototype_ns\": %.4g, \"gradus_ns\": %.4g, \"ratio\": %.4g, \"bytes_per_operation\": %.4g}",
                first ? "" : ",", std::string(row.name).c_str(), row.operations, row.plain / n, row.prototype / n, row.gradus / n, row.ratio, row.bytes);
  else
    std::printf("%-32s %10zu %9.2f %9.2f %9.2f %8.2f %9.1f\n", std::string(row.name).c_str(), row.operations, row.plain / n, row.prototype / n, row.gradus / n, row.ratio, row.bytes);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") options.quick = true;
    else if (argument == "--json") options.json = true;
    else if (argument == "--only" && i + 1 < argc) options.only = argv[++i];
    else {
      std::fprintf(stderr, "usage: gradus_bench [--quick] [--json] [--only TEXT]\n");
      return 2;
    }
  }
  if (options.json) std::printf("[");
  else std::printf("%-32s %10s %9s %9s %9s %8s %9s\n", "ns per operation (call if < 1000)", "operations", "plain", "prototype", "Gradus", "ratio", "bytes/op");
  bool first = true;
  const auto run = [&](const auto& workload) {
    if (workload.name.find(options.only) == std::string_view::npos) return;
    print(Comparison(workload).run(options), options, first);
    first = false;
  };
  run(bench::Sum("sum 1e3", 1000));
  run(bench::Sum("sum 1e6", 1000000));
  run(bench::Product());
  run(bench::Sigmoids());
  run(bench::Tanhs());
  run(bench::Relus());
  run(bench::Perceptron());
  run(bench::RewoundPerceptron());
  run(bench::Mixture());
  run(bench::MatrixProduct());
  run(bench::NormalDensity());
  run(bench::StochasticVolatility());
  run(bench::Rosenbrock());
  if (options.json) std::printf("\n]\n");
}
