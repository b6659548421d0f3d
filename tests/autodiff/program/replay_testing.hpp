// What the tests of programs share: the answers of the tape, one sample at a time, and how far a replay may be from them.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <autodiff/program/program.hpp>

namespace gradus::testing {

inline constexpr double inf = std::numeric_limits<double>::infinity(), undefined = std::numeric_limits<double>::quiet_NaN();

struct Answers {
  double sum = 0;
  std::vector<double> values, input_gradients, parameter_gradient, parameter_scale;  // scale: the sum of the magnitudes of what the gradient is a sum of
};

/// f(x, p) at each sample by the tape. It does not fold: partials meet the adjoint one by one, so that products leave the range in the same places.
template <class F> Answers by_the_tape(const F& f, std::size_t inputs, const std::vector<double>& samples, const std::vector<double>& p) {
  Answers a;
  a.parameter_gradient.assign(p.size(), 0.0);
  a.parameter_scale.assign(p.size(), 0.0);
  for (std::size_t at = 0; at < samples.size(); at += inputs) {
    Tape tape(Tape::Options{.fold = false});
    const Recording recording(tape);
    const std::vector<Var> x = Var::inputs(std::span(samples).subspan(at, inputs)), q = Var::inputs(p);
    const Var y = f(x, q);
    Adjoints adjoints;
    if (!y.is_constant()) tape.sweep(y, adjoints);
    const auto adjoint = [&](const Var& v) { return y.is_constant() ? 0.0 : adjoints[v]; };
    a.values.push_back(y.value());
    a.sum += y.value();
    for (const Var& v : x) a.input_gradients.push_back(adjoint(v));
    for (std::size_t j = 0; j < p.size(); ++j) {
      a.parameter_gradient[j] += adjoint(q[j]);
      a.parameter_scale[j] += std::abs(adjoint(q[j]));
    }
  }
  return a;
}

/// Everything that a replay can give.
inline Answers by_replay(const Program& program, const std::vector<double>& samples, const std::vector<double>& p) {
  Answers a;
  a.values.resize(program.inputs() == 0 ? 1 : samples.size() / program.inputs());
  a.input_gradients.resize(samples.size());
  a.parameter_gradient.resize(p.size());
  a.sum = program.replay(samples, p, {a.values, a.input_gradients, a.parameter_gradient});
  return a;
}

/// Equal, both NaN, or within `relative` of the scale.
inline bool agree(double a, double b, double relative, double scale) { return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= relative * scale; }
inline bool agree(double a, double b, double relative) { return agree(a, b, relative, std::abs(b)); }

}  // namespace gradus::testing
