// The scalar workloads on the bare folding tape.
#include "folding_prototype.hpp"
#include "workloads.hpp"

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
  double run() override {
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
    return y.value;
  }
  [[nodiscard]] std::vector<double> gradient() const override {
    return {adjoints_.begin() + 1, adjoints_.begin() + 1 + static_cast<std::ptrdiff_t>(inputs_.size())};
  }

  [[nodiscard]] std::size_t bytes() const override {
    return folding_prototype::tape->size * sizeof(folding_prototype::Node) + adjoints_.size() * sizeof(double);
  }

 private:
  [[gnu::noinline]] folding_prototype::Var value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<folding_prototype::Var> inputs_;
  std::vector<double> adjoints_;
};
}  // namespace
}  // namespace bench

int main() { return bench::serve_workloads<bench::Prototype>("folding prototype"); }
