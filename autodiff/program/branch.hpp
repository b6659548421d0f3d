// One recording of a program with its plans: what the samples share, and what is replayed for each of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <autodiff/program/plan.hpp>

namespace gradus::replay {

/// Memory on a boundary of 64 bytes that grows and never shrinks.
class Rows {
 public:
  double* at_least(std::size_t n);

 private:
  std::unique_ptr<double[]> memory_;
  std::size_t size_ = 0;
  double* first_ = nullptr;
};

/// What a call needs for as long as it runs; kept by the thread for its next one.
struct Workspace {
  Rows rows, uniform_adjoints, once;
  std::vector<double> uniforms, sums, partial;
  std::vector<std::size_t> remaining, others, other_counts;
};

class Branch {
 public:
  Branch(Listing listing, std::size_t parameters);

  /// The samples that take another branch are left in workspace.others, in order.
  struct Call {
    std::span<const double> samples;
    std::size_t inputs;
    std::span<const double> parameters;
    const std::size_t* which;  ///< null: all of them
    std::size_t count;
    double* values;  ///< where wanted, as the next two
    double* input_gradients;
    double* parameter_gradient;
  };
  /// Returns the sum of the values; adds to the parameter gradient.
  double replay(const Call& call, Workspace& workspace) const;

  /// True when the same operations were recorded under the same guards.
  [[nodiscard]] bool is_same(const Branch& other) const { return listing_.is_same(other.listing_); }
  [[nodiscard]] std::size_t steps() const { return plan(false, false).steps.size(); }
  [[nodiscard]] std::size_t shared_steps() const { return shared_.steps.size(); }
  /// The number of the call that last replayed a sample.
  mutable std::atomic<std::uint64_t> last_used{0};

 private:
  void classify();
  [[nodiscard]] const Plan& plan(bool input_adjoints, bool parameter_adjoints) const;
  void compute_shared(std::span<const double> parameters, Workspace& workspace) const;
  [[nodiscard]] bool applies(const Workspace& workspace) const;
  void pull_shared_back(const double* uniform_adjoints, Workspace& workspace, double* gradient) const;

  Listing listing_;
  std::size_t parameters_;
  std::vector<char> is_uniform_;           // an operation: the same for all samples
  std::vector<std::uint32_t> uniform_of_;  // its place among the uniforms: parameters, constants, then what is computed from them
  std::vector<double> constants_;
  std::vector<Id> shared_outputs_;
  Plan shared_;
  mutable std::array<std::once_flag, 4> planned_;
  mutable std::array<Plan, 4> plans_;  // by what is wanted
};

}  // namespace gradus::replay
