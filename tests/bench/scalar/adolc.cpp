// The scalar workloads on ADOL-C. Its buffers are made as large as the first tape, so that none is written to disk, and malloc keeps them; the
// values are kept while recording (trace_on(tag, 1)), so that the sweep needs no forward sweep before it.
#include <adolc/adolc.h>
#include <malloc.h>

#include "workloads.hpp"

inline adouble relu(const adouble& x) { return x.value() > 0 ? x : adouble(0.0); }

namespace bench {
namespace {
constexpr short tag = 1;

template <class Workload> class Adolc : public Contestant {
 public:
  explicit Adolc(const Workload& workload) : workload_(workload), inputs_(workload.at.size()), gradient_(workload.at.size()) {
    run();
    std::size_t counts[STAT_SIZE] = {};
    tapestats(tag, counts);
    const auto size = [&counts](auto what) { return static_cast<uint>(counts[what] + counts[what] / 8 + 1024); };
    operations_ = size(NUM_OPERATIONS), locations_ = size(NUM_LOCATIONS), values_ = size(NUM_VALUES), kept_ = size(TAY_STACK_SIZE);
  }
  double run() override {
    trace_on(tag, 1, operations_, locations_, values_, kept_);
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i] <<= workload_.at[i];
    double result = 0;
    {
      adouble y = value();
      y >>= result;
    }
    trace_off();
    ::reverse(tag, 1, static_cast<int>(inputs_.size()), 0, 1.0, gradient_.data());
    return result;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }
  [[nodiscard]] std::size_t bytes() const override {
    std::size_t counts[STAT_SIZE] = {};
    tapestats(tag, counts);
    return counts[NUM_OPERATIONS] * sizeof(unsigned char) + counts[NUM_LOCATIONS] * sizeof(locint) +
           (counts[NUM_VALUES] + counts[TAY_STACK_SIZE]) * sizeof(double) + counts[NUM_MAX_LIVES] * sizeof(double);
  }

 private:
  [[gnu::noinline]] adouble value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<adouble> inputs_;
  std::vector<double> gradient_;
  uint operations_ = 1U << 25U, locations_ = operations_, values_ = operations_, kept_ = operations_;
};
}  // namespace
}  // namespace bench

int main() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  return bench::serve_workloads<bench::Adolc>("ADOL-C " GRADUS_BENCH_VERSION);
}
