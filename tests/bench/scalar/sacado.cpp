// The scalar workloads on Sacado's reverse mode, Rad. The gradient ends a record; the next one is written into the same memory.
#include <Sacado_trad.hpp>

#include "workloads.hpp"

namespace Sacado::Rad {
inline ADvar<double> relu(const ADvar<double>& x) { return x.val() > 0 ? x : ADvar<double>(0.0); }
}  // namespace Sacado::Rad

namespace bench {
namespace {
using Variable = Sacado::Rad::ADvar<double>;

template <class Workload> class Rad : public Contestant {
 public:
  explicit Rad(const Workload& workload) : workload_(workload), inputs_(workload.at.size()), gradient_(workload.at.size()) {}
  double run() override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i] = workload_.at[i];
    Variable y = value();
    Variable::Outvar_Gradcomp(y);
    for (std::size_t i = 0; i < inputs_.size(); ++i) gradient_[i] = inputs_[i].adj();
    return y.val();
  }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }

 private:
  [[gnu::noinline]] Variable value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<Variable> inputs_;
  std::vector<double> gradient_;
};
}  // namespace
}  // namespace bench

int main() { return bench::serve_workloads<bench::Rad>("Sacado " GRADUS_BENCH_VERSION " (Rad)"); }
