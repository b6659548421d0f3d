// A recording that keeps everything: every operation on its own, its operands and values, its rule and the line of the program that called it.
// Slow, and meant for looking at: blaming an operation, stepping through a computation. Gradients are the tape's business.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <autodiff/custom.hpp>

namespace gradus {

/// One recorded operation: a function of some earlier values.
struct Operation {
  using Values = std::vector<double>;
  using View = std::span<const double>;

  std::string name;                                    ///< "tanh", "*", the name of an op of your own
  Here here{"", 0};                                    ///< the line that called it; no file when it is not known
  std::vector<std::string> operand_names;              ///< "slope": as the op calls them; empty for operators
  std::vector<std::size_t> sizes;                      ///< how many values each operand has; empty if one each
  std::vector<std::uint32_t> operands;                 ///< the values it read, by their number in the trace; constant for constants
  std::uint32_t first = 0;                             ///< the number of its first result; the others follow
  Values at, results;                                  ///< the operands' values and its own
  Values partials;                                     ///< of a single result, one an operand; empty for several results
  std::function<Values(View x)> value;                 ///< the operation again, at other operands
  std::function<Values(View x, View cotangent)> pullback;  ///< its rule
  std::vector<Domain> domain;                          ///< one an operand; the whole line if empty
  static constexpr std::uint32_t constant = 0xffffffff;
};

/// What was recorded while it was active. Values are numbered: first the inputs, then results in the order in which they were computed.
class Trace {
 public:
  /// The trace that operations of this thread are recorded in; null outside record().
  [[nodiscard]] static Trace* active() noexcept { return active_; }

  [[nodiscard]] const std::vector<double>& values() const noexcept { return values_; }
  [[nodiscard]] const std::vector<Operation>& operations() const noexcept { return operations_; }
  [[nodiscard]] std::size_t inputs() const noexcept { return inputs_; }
  /// The adjoint of every value, for the weighted sum of the given outputs. Runs the recorded rules backwards; with `from`, only down to that operation:
  /// what the operations from there on make of the values before.
  [[nodiscard]] std::vector<double> adjoints(std::span<const std::uint32_t> outputs, std::span<const double> cotangents, std::size_t from = 0) const;

  std::uint32_t add_input(double v) {
    values_.push_back(v);
    ++inputs_;
    return static_cast<std::uint32_t>(values_.size() - 1);
  }
  std::uint32_t add(Operation operation);

 private:
  friend class TraceScope;
  std::vector<double> values_;
  std::vector<Operation> operations_;
  std::size_t inputs_ = 0;
  static inline constinit thread_local Trace* active_ = nullptr;
};

/// Makes a trace the active one of this thread while it lives.
class TraceScope {
 public:
  explicit TraceScope(Trace& trace) : previous_(Trace::active_) { Trace::active_ = &trace; }
  ~TraceScope() { Trace::active_ = previous_; }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  Trace* previous_;
};

/// A number whose operations are traced. Made from a plain number it is a constant.
class Traced {
 public:
  static constexpr bool differentiable = true;
  using value_type = double;

  Traced() = default;
  template <class S>
    requires std::is_arithmetic_v<S>
  Traced(S v) : value_(static_cast<double>(v)) {}  // NOLINT: a constant is a number
  Traced(double v, std::uint32_t id) : value_(v), id_(id) {}
  /// A new independent variable of the active trace. Throws TapeError when there is none.
  static Traced input(double v);

  [[nodiscard]] double value() const noexcept { return value_; }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] bool is_constant() const noexcept { return id_ == Operation::constant; }


  /// An operand with the line that wrote the operator: the conversion happens there.
  struct At;
  Traced& operator+=(const At& y);
  Traced& operator-=(const At& y);
  Traced& operator*=(const At& y);
  Traced& operator/=(const At& y);
  friend Traced operator+(At a, At b);
  friend Traced operator-(At a, At b);
  friend Traced operator*(At a, At b);
  friend Traced operator/(At a, At b);
  friend Traced operator-(const Traced& x);
  friend Traced operator+(const Traced& x) { return x; }
  friend std::partial_ordering operator<=>(const Traced& a, const Traced& b) { return a.value_ <=> b.value_; }
  friend bool operator==(const Traced& a, const Traced& b) { return a.value_ == b.value_; }

 private:
  double value_ = 0;
  std::uint32_t id_ = Operation::constant;
};
struct Traced::At {
  Traced number;
  Here here;
  At(const Traced& x, Here h = Here()) : number(x), here(h) {}  // NOLINT: converts on purpose
  template <class S>
    requires std::is_arithmetic_v<S>
  At(S x, Here h = Here()) : number(x), here(h) {}  // NOLINT
};

[[nodiscard]] inline double plain(const Traced& x) noexcept { return x.value(); }
[[nodiscard]] inline bool isnan(const Traced& x) { return std::isnan(x.value()); }
[[nodiscard]] inline bool isfinite(const Traced& x) { return std::isfinite(x.value()); }

namespace detail {
/// Records an operation with one result, unless all its operands are constants.
Traced trace_operation(Operation operation, std::span<const Traced> operands);
}  // namespace detail

template <class X>
concept ATraced = std::is_same_v<std::remove_cvref_t<X>, Traced>;

/// Records an elementwise op with the rule that the tape would use.
template <UnaryOp Op, ATraced X> Traced apply_at(Here here, const Op& op, X&& x) {
  const double v = x.value(), y = static_cast<double>(op.value(v));
  Operation o;
  o.name = std::string(Op::info.name);
  o.here = here;
  o.operand_names.assign(Op::info.operands.begin(), Op::info.operands.end());
  o.domain.assign(Op::info.domain.begin(), Op::info.domain.end());
  o.at = {v};
  o.results = {y};
  o.partials = {static_cast<double>(op.derivative(v, y))};
  o.value = [op](Operation::View at) { return Operation::Values{static_cast<double>(op.value(at[0]))}; };
  o.pullback = [op](Operation::View at, Operation::View w) {
    const double result = static_cast<double>(op.value(at[0]));
    return Operation::Values{w[0] == 0 ? 0 : w[0] * static_cast<double>(op.derivative(at[0], result))};
  };
  return detail::trace_operation(std::move(o), std::span(&x, 1));
}
template <BinaryOp Op, class X, class Y>
  requires(ATraced<X> || ATraced<Y>)
Traced apply_at(Here here, const Op& op, X&& a, Y&& b) {
  const Traced operands[2] = {Traced(a), Traced(b)};
  const double u = operands[0].value(), v = operands[1].value(), y = static_cast<double>(op.value(u, v));
  const auto partials = op.derivatives(u, v, y);
  Operation o;
  o.name = std::string(Op::info.name);
  o.here = here;
  o.operand_names.assign(Op::info.operands.begin(), Op::info.operands.end());
  o.domain.assign(Op::info.domain.begin(), Op::info.domain.end());
  o.at = {u, v};
  o.results = {y};
  o.partials = {static_cast<double>(partials.da), static_cast<double>(partials.db)};
  o.value = [op](Operation::View at) { return Operation::Values{static_cast<double>(op.value(at[0], at[1]))}; };
  o.pullback = [op](Operation::View at, Operation::View w) {
    const auto p = op.derivatives(at[0], at[1], static_cast<double>(op.value(at[0], at[1])));
    return Operation::Values{w[0] == 0 ? 0 : w[0] * static_cast<double>(p.da), w[0] == 0 ? 0 : w[0] * static_cast<double>(p.db)};
  };
  return detail::trace_operation(std::move(o), operands);
}
/// The same from a function that passes no line on.
template <UnaryOp Op> Traced apply(const Op& op, const Traced& x) { return apply_at(Here("", 0), op, x); }
template <BinaryOp Op, class X, class Y>
  requires(ATraced<X> || ATraced<Y>)
Traced apply(const Op& op, const X& a, const Y& b) {
  return apply_at(Here("", 0), op, a, b);
}

/// Records an operation of one's own on vectors.
std::vector<Traced> run(const VectorOp& op, Here here, std::span<const std::vector<Traced>> operands);

}  // namespace gradus

template <> struct std::numeric_limits<gradus::Traced> : std::numeric_limits<double> {};
