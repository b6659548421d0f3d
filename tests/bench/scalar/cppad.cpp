// The scalar workloads on CppAD, the version that TMB carries. Dependent rather than the constructor of ADFun, and memory held for the next record
// (hold_memory), both as its documentation recommends for speed.
#include <iostream>

// What TMB.hpp, which needs R, defines before it includes CppAD.
#define Rcout std::cout
#define CSKIP(x) x
template <class T> struct isDouble {
  static constexpr bool value = false;
};
template <> struct isDouble<double> {
  static constexpr bool value = true;
};
#include <cppad/cppad.hpp>

#include "workloads.hpp"

namespace CppAD {
inline AD<double> relu(const AD<double>& x) { return Value(Var2Par(x)) > 0 ? x : AD<double>(0.0); }
}  // namespace CppAD

namespace bench {
namespace {
using Variable = CppAD::AD<double>;

template <class Workload> class Cppad : public Contestant {
 public:
  explicit Cppad(const Workload& workload) : workload_(workload), inputs_(workload.at.size()), output_(1) {}
  double run() override {
    inputs_.assign(workload_.at.begin(), workload_.at.end());
    CppAD::Independent(inputs_);
    output_[0] = value();
    function_.Dependent(inputs_, output_);
    const double result = function_.Forward(0, workload_.at)[0];
    gradient_ = function_.Reverse(1, one_);
    return result;
  }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }
  [[nodiscard]] std::size_t bytes() const override { return function_.size_op_seq() + function_.size_var() * 2 * sizeof(double); }

 private:
  [[gnu::noinline]] Variable value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<Variable> inputs_, output_;
  std::vector<double> gradient_, one_ = {1.0};
  mutable CppAD::ADFun<double> function_;
};
}  // namespace
}  // namespace bench

int main() {
  CppAD::thread_alloc::hold_memory(true);
  return bench::serve_workloads<bench::Cppad>(CPPAD_PACKAGE_STRING " (of TMB " GRADUS_BENCH_VERSION ")");
}
