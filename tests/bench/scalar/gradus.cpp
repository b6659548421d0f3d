// The scalar workloads on Gradus.
#include <autodiff/autodiff.hpp>
#include <ops/exp.hpp>
#include <ops/log.hpp>
#include <ops/relu.hpp>
#include <ops/sqrt.hpp>
#include <ops/tanh.hpp>

#include "workloads.hpp"

namespace bench {
namespace {
template <class Workload> class Gradus : public Contestant {
 public:
  explicit Gradus(const Workload& workload) : workload_(workload), inputs_(workload.at.size()) {}
  double run() override {
    const gradus::Recording recording(tape_);
    if (!rewound<Workload> || inputs_[0].is_constant()) {
      tape_.clear();
      gradus::Var::inputs(workload_.at, inputs_);
      if (rewound<Workload>) start_ = tape_.mark();
    }
    const gradus::Var y = value();
    tape_.sweep(y, adjoints_);
    const double result = y.value();
    bytes_ = tape_.bytes_used() + adjoints_.by_slot().size_bytes();
    if (rewound<Workload>) tape_.rewind(start_);
    return result;
  }
  [[nodiscard]] std::vector<double> gradient() const override {
    const auto by_slot = adjoints_.by_slot();
    return {by_slot.begin() + 1, by_slot.begin() + 1 + static_cast<std::ptrdiff_t>(inputs_.size())};
  }
  [[nodiscard]] std::size_t bytes() const override { return bytes_; }

 private:
  [[gnu::noinline]] gradus::Var value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<gradus::Var> inputs_;
  gradus::Tape tape_;
  gradus::Tape::Mark start_{};
  gradus::Adjoints adjoints_;
  std::size_t bytes_ = 0;
};
}  // namespace
}  // namespace bench

int main() { return bench::serve_workloads<bench::Gradus>("Gradus " GRADUS_VERSION); }
