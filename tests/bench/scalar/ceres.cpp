// Workloads with few inputs on the Jets of Ceres: forward mode, all partial derivatives at once.
#include <ceres/jet.h>
#include <ceres/version.h>

#include "workloads.hpp"

namespace bench {
namespace {
template <class Workload, int n> class Jets : public Contestant {
 public:
  using Jet = ceres::Jet<double, n>;
  explicit Jets(const Workload& workload) : workload_(workload), inputs_(n) {}
  double run() override {
    for (int i = 0; i < n; ++i) inputs_[static_cast<std::size_t>(i)] = Jet(workload_.at[static_cast<std::size_t>(i)], i);
    result_ = value();
    return result_.a;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return {result_.v.data(), result_.v.data() + n}; }

 private:
  [[gnu::noinline]] Jet value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<Jet> inputs_;
  Jet result_;
};
}  // namespace
}  // namespace bench

int main() {
  bench::Program program("Ceres Jets " CERES_VERSION_STRING " (forward mode)");
  const bench::NormalDensity normal;
  const bench::Rosenbrock rosenbrock;
  program.offer(normal.name, [&] { return std::make_unique<bench::Jets<bench::NormalDensity, 2>>(normal); });
  program.offer(rosenbrock.name, [&] { return std::make_unique<bench::Jets<bench::Rosenbrock, 10>>(rosenbrock); });
  return program.serve();
}
