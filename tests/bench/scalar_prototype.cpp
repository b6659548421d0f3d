// The scalar workloads on the bare folding tape.
#include "contestant.hpp"
#include "folding_prototype.hpp"
#include "scalar_workloads.hpp"

namespace bench {
namespace {
/// Out of line, so that the compiler does not know which tape the thread-local pointer points to: no program that uses a tape tells it.
[[gnu::noinline]] void activate_prototype() {
  static folding_prototype::Tape shared_tape{std::vector<folding_prototype::Node>(std::size_t{1} << 22)};
  folding_prototype::tape = &shared_tape;
}

template <class Workload> class Prototype : public Contestant {
 public:
  explicit Prototype(const Workload& workload) : workload_(workload), inputs_(workload.at.size()) {}
  void run() override {
    using namespace folding_prototype;
    activate_prototype();
    tape->size = 0, tape->open = 0;
    if (!rewound<Workload> || inputs_[0].slot == 0) {
      tape->slots = 0;
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        Var& x = inputs_[i];
        x.value = workload_.at[i], x.slot = tape->input(), x.fresh = 0;
      }
    } else {
      tape->slots = static_cast<Slot>(inputs_.size());
    }
    const Var y = value();
    adjoints_.assign(tape->slots + 1, 0.0);
    adjoints_[y.slot] = 1;
    tape->sweep(adjoints_);
    sink = y.value;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return {adjoints_.begin() + 1, adjoints_.begin() + 1 + static_cast<std::ptrdiff_t>(inputs_.size())}; }

 private:
  [[gnu::noinline]] folding_prototype::Var value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<folding_prototype::Var> inputs_;
  std::vector<double> adjoints_;
};
}  // namespace

template <class Workload> std::unique_ptr<Contestant> on_the_prototype(const Workload& workload) { return std::make_unique<Prototype<Workload>>(workload); }
GRADUS_BENCH_INSTANTIATE(on_the_prototype)
}  // namespace bench
