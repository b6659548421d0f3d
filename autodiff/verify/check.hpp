// Checks the gradient of your function: BOOST_TEST(gradus::check(f, {-1.2, 1.0})).
#pragma once

#include <charconv>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <autodiff/custom.hpp>
#include <autodiff/drivers.hpp>
#include <autodiff/verify/ladder.hpp>
#include <autodiff/verify/report.hpp>

namespace gradus {

/// A gradient at a point, and what it can be judged by. The templates below fill it in; fill it yourself to check what they cannot call.
struct GradientUnderTest {
  std::string name = "f";
  std::vector<std::string> inputs;                         ///< names of the inputs; x[0], x[1], … if empty
  std::vector<double> x;
  std::vector<double> gradient;                            ///< what is checked
  std::function<double(std::span<const double>)> value;    ///< the function in double
  std::vector<double> scale;                               ///< running-error scale of each entry: the sum of |terms| it is made of; |gradient| if empty
  double operations = 1;                                   ///< operations on the longest path
  struct Oracle {
    std::string name;
    std::vector<double> expected, bound;                   ///< a NaN bound: this entry cannot be told, for `note`
    std::string note = {};
  };
  std::vector<Oracle> oracles;                             ///< beside the finite difference
};

/// Judges every entry of a gradient by the finite-difference estimator and the given oracles. Throws ShapeError when sizes differ.
[[nodiscard]] CheckResult check_gradient(const GradientUnderTest& test);

namespace detail {

/// The results of a function as variables of the tape, whatever it returns: a scalar, a vector of scalars, a Tensor.
template <class Y> auto results_of(const Y& y) {
  if constexpr (is_vector_result<Y> || is_tensor_result<Y>) {
    std::vector<std::remove_cvref_t<decltype(y[0])>> results;
    for (std::size_t j = 0; j < y.size(); ++j) results.push_back(y[j]);
    return results;
  } else {
    return std::vector<Y>{y};
  }
}

/// The longest chain of operations that a tape has recorded: how often a number may have been rounded.
inline double longest_path(const Nodes<double>& nodes, std::size_t slots) {
  std::vector<float> length(slots + 1, 0.0F);  // of the longest path from a slot to a result
  float longest = 0;
  nodes.for_each_backwards([&](const Node<double>& n) {
    const float here = length[n.out] + 1;
    for (const Slot operand : {n.a, n.b})
      if (operand != 0) length[operand] = std::max(length[operand], here);
    longest = std::max(longest, here);
  });
  return static_cast<double>(longest);
}

template <class F> Subject::Values plain_values(F& f, Subject::View x) {
  if constexpr (std::is_invocable_v<F&, const std::vector<double>&>) {
    const auto y = results_of(f(std::vector<double>(x.begin(), x.end())));
    return {y.begin(), y.end()};
  } else {
    const PooledTape<double> pooled;
    const BasicRecording recording(pooled->tape);
    Subject::Values values;
    for (const auto& y : results_of(f(std::as_const(make_inputs(pooled->inputs, x))))) values.push_back(static_cast<double>(output_value(y)));
    return values;
  }
}

/// The gradient by the tape, and the sum of |terms| of each entry if no array operation hides them.
template <class F> Subject::Values by_the_tape(F& f, Subject::View x, Subject::View cotangent, Subject::Values* scale = nullptr, double* operations = nullptr) {
  const PooledTape<double> pooled;
  const BasicRecording recording(pooled->tape);
  const auto results = results_of(f(std::as_const(make_inputs(pooled->inputs, x))));
  Subject::Values gradient(x.size(), 0.0);
  using Result = std::remove_cvref_t<decltype(results[0])>;
  if constexpr (AVar<Result>) {
    Var weighted = 0.0;
    for (std::size_t j = 0; j < results.size(); ++j) weighted += results[j] * cotangent[j];
    if (!weighted.is_constant()) {
      if (scale != nullptr && pooled->tape.blocks().empty()) {
        pooled->tape.sweep_magnitudes(weighted, pooled->adjoints);
        for (std::size_t i = 0; i < x.size(); ++i) scale->push_back(pooled->adjoints[pooled->inputs[i]]);
      }
      pooled->tape.sweep(weighted, pooled->adjoints);
      for (std::size_t i = 0; i < x.size(); ++i) gradient[i] = pooled->adjoints[pooled->inputs[i]];
    }
    if (operations != nullptr) *operations = std::max(16.0, 4 * longest_path(pooled->tape.nodes(), pooled->tape.slots()) + 64 * static_cast<double>(pooled->tape.blocks().size()));
  }
  return gradient;
}

/// What the engine can say of f: its values, the tape's gradient, forward mode.
template <class F> Subject subject_of(F& f, Subject::View x) {
  Subject s;
  s.value = [&f](Subject::View at) { return plain_values(f, at); };
  if constexpr (std::is_invocable_v<F&, const std::vector<Var>&>) {
    s.pullback = [&f](Subject::View at, Subject::View w) { return by_the_tape(f, at, w); };
    const Subject::Values ones(s.value(x).size(), 1.0);
    static_cast<void>(by_the_tape(f, x, ones, nullptr, &s.operations));
  }
  if constexpr (std::is_invocable_v<F&, const std::vector<Dual<double>>&>) {
    s.pushforward = [&f](Subject::View at, Subject::View tangent) {
      std::vector<Dual<double>> duals;
      for (std::size_t i = 0; i < at.size(); ++i) duals.emplace_back(at[i], tangent[i]);
      Subject::Values push;
      for (const auto& y : results_of(f(std::as_const(duals)))) push.push_back(Dual<double>(y).tangent);
      return push;
    };
    // Entry by entry, as long as that is affordable; above, the dot product has to do.
    if (x.size() <= CheckOptions().directional_above)
      s.witnesses.push_back({"forward mode", [&f, push = s.pushforward, operations = s.operations](Subject::View at, Subject::View w) {
        Subject::Expected e{Subject::Values(at.size()), Subject::Values(at.size()), {}};
        if constexpr (std::is_invocable_v<F&, const std::vector<Var>&>) static_cast<void>(by_the_tape(f, at, w, &e.scale));
        Subject::Values tangent(at.size(), 0.0);
        for (std::size_t i = 0; i < at.size(); ++i) {
          tangent[i] = 1;
          const Subject::Values column = push(at, tangent);
          tangent[i] = 0;
          double size = 0;
          for (std::size_t j = 0; j < column.size(); ++j) {
            e.gradient[i] += w[j] == 0 ? 0 : w[j] * column[j];
            size += w[j] == 0 ? 0 : std::fabs(w[j] * column[j]);
          }
          e.bound[i] = operations * std::numeric_limits<double>::epsilon() * std::max(size, e.scale.empty() ? 0.0 : e.scale[i]);
        }
        return e;
      }});
  }
  return s;
}

/// An elementwise op as a function of many inputs: one result for each, or for each pair.
template <class Op> Subject subject_of_op(const Op& op, Subject::View x) {
  constexpr std::size_t arity = UnaryOp<Op> ? 1 : 2;
  Subject s;
  s.name = std::string(Op::info.name);
  for (std::size_t i = 0; i < x.size(); ++i) s.inputs.push_back(std::string(Op::info.operands[i % arity]) + '[' + std::to_string(i / arity) + ']');
  for (const std::string_view kink : Op::info.kinks)
    if (double at = 0; std::from_chars(kink.data(), kink.data() + kink.size(), at).ptr == kink.data() + kink.size()) s.kinks.push_back(at);  // others depend on parameters
  for (std::size_t i = 0; i < x.size() && !Op::info.domain.empty(); ++i) s.domain.push_back(Op::info.domain[i % arity]);
  s.value = [op](Subject::View at) {
    Subject::Values y;
    for (std::size_t i = 0; i + arity <= at.size(); i += arity) {
      if constexpr (arity == 1) y.push_back(static_cast<double>(op.value(at[i])));
      else y.push_back(static_cast<double>(op.value(at[i], at[i + 1])));
    }
    return y;
  };
  s.pullback = [op, value = s.value](Subject::View at, Subject::View w) {
    Subject::Values g(at.size(), 0.0);
    const Subject::Values y = value(at);
    for (std::size_t j = 0; j < w.size(); ++j) {
      if (w[j] == 0) continue;
      if constexpr (arity == 1) {
        g[j] = w[j] * static_cast<double>(op.derivative(at[j], y[j]));
      } else {
        const auto partials = op.derivatives(at[2 * j], at[2 * j + 1], y[j]);
        g[2 * j] = w[j] * static_cast<double>(partials.da);
        g[2 * j + 1] = w[j] * static_cast<double>(partials.db);
      }
    }
    return g;
  };
  return s;
}

}  // namespace detail

/// Checks the tape's gradient of f at x: structure, forward mode, finite differences, path integrals. f is a callable over a vector of any
/// Number (`[](const auto& x) { … }`) or over Vars only; it returns a scalar, a vector or a Tensor.
template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Subject> && !UnaryOp<std::remove_cvref_t<F>> && !BinaryOp<std::remove_cvref_t<F>>)
[[nodiscard]] CheckResult check(F&& f, std::span<const double> x, const CheckOptions& options = {}) {
  const Subject subject = detail::subject_of(f, x);
  return check(subject, x, options);
}
template <class F> [[nodiscard]] CheckResult check(F&& f, std::initializer_list<double> x, const CheckOptions& options = {}) { return check(std::forward<F>(f), std::span(x.begin(), x.size()), options); }

/// The same and the Hessian: it is symmetric, and H·v by forward over reverse is the derivative of the tape's gradient. For what relies on `hessian` or
/// `hessian_vector_product`, so f is a callable over a vector of any Number, BasicVar<Dual<double>> among them.
template <class F> [[nodiscard]] CheckResult check_hessian(F&& f, std::span<const double> x, const CheckOptions& options = {}) {
  Subject subject = detail::subject_of(f, x);
  subject.hessian_vector = [&f](Subject::View at, Subject::View w, Subject::View v) {
    return hessian_vector_product([&](const auto& inputs) {
      std::remove_cvref_t<decltype(inputs[0])> weighted = 0.0;
      std::size_t j = 0;
      for (const auto& y : detail::results_of(f(inputs))) weighted += y * w[j++];
      return weighted;
    }, at, v);
  };
  return check(subject, x, options);
}
template <class F> [[nodiscard]] CheckResult check_hessian(F&& f, std::initializer_list<double> x, const CheckOptions& options = {}) {
  return check_hessian(std::forward<F>(f), std::span(x.begin(), x.size()), options);
}

/// Checks the rule of an elementwise op of your own at every x; for an op of two operands x is {a0, b0, a1, b1, …}.
template <UnaryOp Op> [[nodiscard]] CheckResult check(const Op& op, std::span<const double> x, const CheckOptions& options = {}) { return check(detail::subject_of_op(op, x), x, options); }
/// Throws ShapeError when the number of values is odd.
template <BinaryOp Op> [[nodiscard]] CheckResult check(const Op& op, std::span<const double> x, const CheckOptions& options = {}) {
  if (x.size() % 2 != 0) throw ShapeError("check: an op of two operands needs pairs, not " + std::to_string(x.size()) + " numbers");
  return check(detail::subject_of_op(op, x), x, options);
}
/// Checks an operation on vectors of your own; each operand is a vector of values.
[[nodiscard]] CheckResult check(const VectorOp& op, std::span<const std::vector<double>> operands, const CheckOptions& options = {});

/// Checks a gradient written by hand: hand_written(x) returns it as a range of doubles. Only f's values are needed, so f may be code that knows
/// nothing of Gradus; when it can be called with Vars too, the tape and forward mode are oracles beside the finite difference.
template <class F, class G>
  requires std::is_invocable_v<G&, const std::vector<double>&>
[[nodiscard]] CheckResult check(F&& f, G&& hand_written, std::span<const double> x, const CheckOptions& options = {}) {
  Subject s = detail::subject_of(f, x);
  if constexpr (std::is_invocable_v<F&, const std::vector<Var>&>) {
    const double operations = s.operations;
    s.witnesses.push_back({"tape", [&f, operations](Subject::View at, Subject::View w) {
      Subject::Expected e;
      e.gradient = detail::by_the_tape(f, at, w, &e.scale);
      for (std::size_t i = 0; i < e.gradient.size(); ++i) e.bound.push_back(operations * std::numeric_limits<double>::epsilon() * std::max(std::fabs(e.gradient[i]), e.scale.empty() ? 0.0 : e.scale[i]));
      return e;
    }});
  }
  s.pullback = [&hand_written](Subject::View at, Subject::View w) {
    if (w.size() != 1) throw ShapeError("check: a gradient written by hand needs a function with one result; this one has " + std::to_string(w.size()));
    const auto given = hand_written(std::vector<double>(at.begin(), at.end()));
    Subject::Values g(std::begin(given), std::end(given));
    for (double& v : g) v = w[0] == 0 ? 0 : v * w[0];
    return g;
  };
  return check(s, x, options);
}
template <class F, class G>
  requires std::is_invocable_v<G&, const std::vector<double>&>
[[nodiscard]] CheckResult check(F&& f, G&& hand_written, std::initializer_list<double> x, const CheckOptions& options = {}) {
  return check(std::forward<F>(f), std::forward<G>(hand_written), std::span(x.begin(), x.size()), options);
}

}  // namespace gradus
