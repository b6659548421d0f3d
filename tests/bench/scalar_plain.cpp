// The scalar workloads on plain doubles.
#include "contestant.hpp"
#include "scalar_workloads.hpp"

namespace bench {
namespace {
template <class Workload> class Plain : public Contestant {
 public:
  explicit Plain(const Workload& workload) : workload_(workload) {}
  void run() override { sink = workload_(workload_.at); }

 private:
  const Workload& workload_;
};
}  // namespace

template <class Workload> std::unique_ptr<Contestant> plain_numbers(const Workload& workload) { return std::make_unique<Plain<Workload>>(workload); }
GRADUS_BENCH_INSTANTIATE(plain_numbers)
}  // namespace bench
