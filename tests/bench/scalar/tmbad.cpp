// The scalar workloads on TMBad, the tape of TMB. The values are computed while recording, so the sweep needs no forward sweep before it; clear()
// keeps the memory of its stacks.
#include <iostream>

// What TMB.hpp, which needs R, defines before it includes these.
#define Rcerr std::cerr
#define Rcout std::cout
#define TMBAD_ASSERT2(x, message) static_cast<void>(x)
#define TMBAD_ASSERT(x) static_cast<void>(x)
#include <TMBad/TMBad.cpp>
#include <TMBad/TMBad.hpp>
#include <TMBad/tmbad_allow_comparison.hpp>

#include "workloads.hpp"

namespace TMBad {
inline ad_aug relu(const ad_aug& x) { return x.Value() > 0 ? x : ad_aug(0.0); }
}  // namespace TMBad

namespace bench {
namespace {
using Variable = TMBad::ad_aug;

template <class Workload> class Tmbad : public Contestant {
 public:
  explicit Tmbad(const Workload& workload) : workload_(workload), inputs_(workload.at.size()), gradient_(workload.at.size()) {}
  double run() override {
    tape_.clear();
    tape_.ad_start();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i] = workload_.at[i];
      inputs_[i].Independent();
    }
    Variable y = value();
    y.Dependent();
    tape_.ad_stop();
    tape_.clear_deriv();
    tape_.deriv_dep(0) = 1;
    tape_.reverse();
    for (std::size_t i = 0; i < inputs_.size(); ++i) gradient_[i] = tape_.deriv_inv(static_cast<TMBad::Index>(i));
    return tape_.value_dep(0);
  }
  [[nodiscard]] std::vector<double> gradient() const override { return gradient_; }
  [[nodiscard]] std::size_t bytes() const override {
    return (tape_.values.size() + tape_.derivs.size()) * sizeof(double) + tape_.inputs.size() * sizeof(TMBad::Index) + tape_.opstack.size() * sizeof(void*);
  }

 private:
  [[gnu::noinline]] Variable value() const { return workload_(inputs_); }
  const Workload& workload_;
  std::vector<Variable> inputs_;
  std::vector<double> gradient_;
  TMBad::global tape_;
};
}  // namespace
}  // namespace bench

int main() { return bench::serve_workloads<bench::Tmbad>("TMBad (of TMB " GRADUS_BENCH_VERSION ")"); }
