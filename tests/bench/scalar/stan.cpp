// The scalar workloads on Stan Math. Its arena keeps its memory from call to call (recover_memory), as its documentation recommends; without
// STAN_THREADS, so that the tape is no thread-local object.
#include <stan/math/rev/scal.hpp>

#include "workloads.hpp"

namespace stan::math {
/// Records nothing; Stan's fmax would.
inline var relu(const var& x) { return x.val() > 0 ? x : var(0.0); }
}  // namespace stan::math

namespace bench {
namespace {
template <class Workload> class Stan : public Contestant {
 public:
  explicit Stan(const Workload& workload) : workload_(workload), inputs_(workload.at.size()), gradient_(workload.at.size()) {}
  double run() override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i] = workload_.at[i];
    const stan::math::var y = value();
    stan::math::grad(y.vi_);
    const double result = y.val();
    for (std::size_t i = 0; i < inputs_.size(); ++i) gradient_[i] = inputs_[i].adj();
    stan::math::recover_memory();
    return result;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }

 private:
  [[gnu::noinline]] stan::math::var value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<stan::math::var> inputs_;
  std::vector<double> gradient_;
};
}  // namespace
}  // namespace bench

int main() { return bench::serve_workloads<bench::Stan>("Stan Math (of StanHeaders " GRADUS_BENCH_VERSION ")"); }
