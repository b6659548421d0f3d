// Record once, replay: a scalar function of a sample and of parameters, recorded as a list of operations and replayed over batches.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/drivers.hpp>
#include <autodiff/program/recorded.hpp>

namespace gradus {

/// Samples in row-major order, `inputs` numbers each.
struct Batch {
  std::span<const double> samples;
  std::size_t inputs = 0;
};

namespace replay {

/// A function in the two forms that a program needs: recorded as operations, and on the tape.
class Function {
 public:
  using Numbers = std::span<const double>;
  virtual ~Function() = default;
  [[nodiscard]] virtual Recorded record(const std::vector<Recorded>& x, const std::vector<Recorded>& p) const = 0;
  /// The value; adds to the gradients unless they are empty.
  virtual double on_tape(Numbers x, Numbers p, std::span<double> x_gradient, std::span<double> p_gradient) const = 0;
};

template <class F> class FunctionOf final : public Function {
 public:
  explicit FunctionOf(F f) : f_(std::move(f)) {}
  [[nodiscard]] Recorded record(const std::vector<Recorded>& x, const std::vector<Recorded>& p) const override { return Recorded(call(x, p)); }
  double on_tape(Numbers x, Numbers p, std::span<double> x_gradient, std::span<double> p_gradient) const override {
    const detail::PooledTape<double> pooled;
    const BasicRecording recording(pooled->tape);
    const std::vector<Var> samples = Var::inputs(x), parameters = Var::inputs(p);
    const auto y = call(samples, parameters);
    if constexpr (AVar<decltype(y)>) {
      if (y.is_constant() || x_gradient.size() + p_gradient.size() == 0) return y.value();
      pooled->tape.sweep(y, pooled->adjoints);
      for (std::size_t i = 0; i < x_gradient.size(); ++i) x_gradient[i] += pooled->adjoints[samples[i]];
      for (std::size_t i = 0; i < p_gradient.size(); ++i) p_gradient[i] += pooled->adjoints[parameters[i]];
    }
    return static_cast<double>(detail::output_value(y));
  }

 private:
  template <class Vector> auto call(const Vector& x, const Vector& p) const {
    if constexpr (std::is_invocable_v<const F&, const Vector&, const Vector&>) return f_(x, p);
    else return f_(x);
  }
  F f_;
};

class State;
}  // namespace replay

struct ProgramOptions {
  std::size_t max_branches = 16;  ///< recordings that are kept
};

/// A function f(x, p) of a sample x and of parameters p that all samples share, or f(x) of a sample alone, recorded once and replayed forward and in
/// reverse over batches, many samples at a time. Write it over any number: [](const auto& x, const auto& p) { … }. It is called with vectors of
/// Recorded, later perhaps again, also from other threads, and has to compute the same function each time.
///
/// What depends on parameters only is computed once a batch. Comparisons of numbers are guards: a sample for which one comes out differently takes
/// another branch, is noticed, and makes the program record that branch as well. When there are more than Options::max_branches of them, a new one takes
/// the place of that which no sample has taken for the longest time. A call replaces one at most, and none that its own samples take; its further samples go
/// through the tape one by one: slower, never wrong. The plain value of a number is a guard too: f(x) with `if (plain(x[0]) > 0)` is a
/// branch for each x[0], so compare the numbers themselves. Arithmetic gives the values that the function has on double; ops may differ by ulps.
///
/// A program is a handle: copies share what was recorded. All members may be called from several threads at once.
class Program {
 public:
  using Options = ProgramOptions;

  /// Records f at an example. Passes on what f throws.
  template <class F> [[nodiscard]] static Program record(F f, std::span<const double> x, std::span<const double> p = {}, Options options = Options()) {
    return Program(std::make_shared<const replay::FunctionOf<F>>(std::move(f)), x, p, options);
  }
  template <class F>
  [[nodiscard]] static Program record(F f, std::initializer_list<double> x, std::initializer_list<double> p = {}, Options options = Options()) {
    return record(std::move(f), std::span(x.begin(), x.size()), std::span(p.begin(), p.size()), options);
  }
  template <class F> [[nodiscard]] static Program record(F f, std::initializer_list<double> x, std::span<const double> p, Options options = Options()) {
    return record(std::move(f), std::span(x.begin(), x.size()), p, options);
  }

  [[nodiscard]] std::size_t inputs() const;
  [[nodiscard]] std::size_t parameters() const;
  /// How many branches are kept.
  [[nodiscard]] std::size_t branches() const;
  /// Steps for each sample, and steps for each batch, of the first recording.
  [[nodiscard]] std::size_t steps() const;
  [[nodiscard]] std::size_t shared_steps() const;

  /// What a replay shall write. Empty spans are not wanted; the others have one number a sample, `inputs` numbers a sample, one a parameter.
  struct Wanted {
    std::span<double> values = {};
    std::span<double> input_gradients = {};     ///< of each sample's value, with respect to its inputs
    std::span<double> parameter_gradient = {};  ///< of the sum
  };
  /// The sum of f over all samples. A program without inputs has one sample, which is empty. Nothing is allocated once a batch of that size has been
  /// replayed. The result does not depend on the number of threads. Throws ShapeError when a size does not fit, ArgumentError when what is
  /// to be written overlaps anything else, and what f throws.
  double replay(std::span<const double> samples, std::span<const double> parameters, Wanted wanted) const;

  /// The sum over all samples and its gradient with respect to the parameters.
  [[nodiscard]] ValueAndGradient<double> sum(std::span<const double> samples, std::span<const double> parameters) const;
  /// One value a sample.
  [[nodiscard]] std::vector<double> values(std::span<const double> samples, std::span<const double> parameters = {}) const;
  /// The gradient of each sample's value with respect to its inputs: one row a sample.
  [[nodiscard]] Matrix gradients(std::span<const double> samples, std::span<const double> parameters = {}) const;

 private:
  [[nodiscard]] replay::State& state() const;
  Program(std::shared_ptr<const replay::Function> f, std::span<const double> x, std::span<const double> p, Options options);
  std::shared_ptr<replay::State> state_;
};

/// Σ f(sample, parameters) over a batch, with its gradient with respect to the parameters: recorded at the first sample, replayed over the others.
/// To evaluate it again and again, keep a Program. Throws ShapeError when the samples are no multiple of the inputs.
template <class F> [[nodiscard]] ValueAndGradient<double> value_and_gradient(const F& f, Batch batch, std::span<const double> parameters) {
  if (batch.inputs == 0 || batch.samples.size() % batch.inputs != 0)
    throw ShapeError("value_and_gradient: " + std::to_string(batch.samples.size()) + " numbers are no batch of samples with " + std::to_string(batch.inputs) +
                     " inputs");
  if (batch.samples.empty()) return {0.0, std::vector<double>(parameters.size(), 0.0)};
  return Program::record(std::cref(f), batch.samples.first(batch.inputs), parameters).sum(batch.samples, parameters);
}

}  // namespace gradus
