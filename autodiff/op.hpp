// What an op is: a formula over any Number with its derivative and its description, and how it is applied to plain numbers.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <vector>

#include <autodiff/number.hpp>

namespace gradus {

/// A short list that can live in a constant expression.
template <class T, std::size_t Capacity> class FixedList {
 public:
  constexpr FixedList() = default;
  constexpr FixedList(std::initializer_list<T> items) {
    for (const T& item : items) items_.at(size_++) = item;  // .at: too many items is a compile error in a constant
  }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr const T& operator[](std::size_t i) const { return items_[i]; }
  [[nodiscard]] constexpr const T* begin() const { return items_.data(); }
  [[nodiscard]] constexpr const T* end() const { return items_.data() + size_; }

 private:
  std::array<T, Capacity> items_{};
  std::size_t size_ = 0;
};

/// A parameter of an op, such as the slope of leaky_relu: a constant, not differentiated.
struct Parameter {
  std::string_view name;
  double value = 0;                 ///< the default
  FixedList<double, 4> also = {};   ///< other values that the checks visit
  std::string_view meaning = {};
};

/// Where an operand may lie: open interval (low, high), closed at an end if `closed_*`.
struct Domain {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool closed_low = false, closed_high = false;
  [[nodiscard]] constexpr bool contains(double x) const { return (x > low || (closed_low && x == low)) && (x < high || (closed_high && x == high)); }
};

/// Points that the checks visit beyond those which follow from the domain and the kinks, under the name of their regime.
/// For a binary op the points are pairs: {a0, b0, a1, b1, …}.
struct Probes {
  std::string_view regime;
  FixedList<double, 16> points;
};

/// The documentation of an op, of which the executable parts are executed: `formula` and `derivatives` are in the expression language and are
/// the textbook forms, evaluated in high precision as an oracle that shares no code with the rules.
struct OpInfo {
  std::string_view name;
  std::string_view summary;
  FixedList<std::string_view, 4> operands = {"x"};
  std::string_view formula;
  FixedList<std::string_view, 4> derivatives;  ///< one an operand; the textbook form, which may be useless in double
  std::string_view rule = {};                  ///< the stable form that the engine uses, where it differs and why
  FixedList<Parameter, 4> parameters = {};
  FixedList<Domain, 4> domain = {};            ///< one an operand; the whole line if empty
  FixedList<std::string_view, 4> kinks = {};   ///< positions as expressions of the parameters (unary ops)
  std::string_view convention = {};            ///< what the derivative is at a kink or tie, and whose convention that is
  double value_ulps = 1;                       ///< accuracy claim for the value, held by a test
  double derivative_ulps = 2;                  ///< the same for the derivative; of the sum of absolute terms where `cancels`
  FixedList<std::string_view, 4> cancels = {}; ///< one an operand: the sum of |terms| of a derivative that has a root, else empty
  FixedList<Probes, 6> probes = {};
  std::string_view source = {};
};

/// The derivatives of a binary op with respect to its first and second operand.
template <class T> struct Partials { T da, db; };

template <class Op>
concept UnaryOp = requires(const Op op, double x) { op.value(x); op.derivative(x, x); };
template <class Op>
concept BinaryOp = requires(const Op op, double x) { op.value(x, x); op.derivatives(x, x, x); };

/// Ops whose derivative is exactly 0 on a whole interval say `static constexpr bool flat = true`. For all others a 0 is an underflow,
/// and is formed again in the wider range.
template <class Op> constexpr bool is_flat = requires { requires Op::flat; };
/// Ops whose derivatives take a few ordinary values only (0, 1, 1/2 …) or NaN, or are operands, say `static constexpr bool step_derivative = true`:
/// they are exact, never leave the range, and are not looked at.
template <class Op> constexpr bool has_step_derivative = requires { requires Op::step_derivative; };
/// Ops whose derivative costs no more than reading it from memory say `static constexpr bool cheap_derivative = true`: array kernels form it in the
/// pullback. That of others they keep when they form the value, with which it often shares an exponential.
template <class Op> constexpr bool has_cheap_derivative = has_step_derivative<Op> || requires { requires Op::cheap_derivative; };
/// Ops whose formulas cannot be evaluated on several numbers at once say `static constexpr bool scalar_only = true`, and have no array kernels.
template <class Op> constexpr bool is_scalar_only = requires { requires Op::scalar_only; };

/// Ops whose formulas keep their claims when they are evaluated in float, with fused multiply-add, have a member `works_in_float()` that says so, for
/// their parameters. All others are worked out in double over arrays of floats.
template <class Op> constexpr bool can_work_in_float = requires(const Op& op) { op.works_in_float(); };

/// A list of ops, for everything that iterates over them.
template <class... Ops> struct OpList {};

/// True when this partial must be formed in the wider range before it meets an adjoint.
template <class Op, class Real> [[nodiscard]] constexpr bool needs_wider(const Real& partial) {
  if constexpr (std::is_same_v<Wider<Real>, Real> || has_step_derivative<Op>) return false;
  else return is_extreme(partial) && !(is_flat<Op> && partial == Real(0));
}

/// The derivative of a unary op in the wider range.
template <class Op, PlainReal Real> [[nodiscard]] Wider<Real> wide_derivative(const Op& op, Real x) {
  const auto wide = static_cast<Wider<Real>>(x);
  return static_cast<Wider<Real>>(op.derivative(wide, static_cast<Wider<Real>>(op.value(wide))));
}
template <class Op, PlainReal Real> [[nodiscard]] Partials<Wider<Real>> wide_derivatives(const Op& op, Real a, Real b) {
  using Wide = Wider<Real>;
  const auto [da, db] = op.derivatives(static_cast<Wide>(a), static_cast<Wide>(b), static_cast<Wide>(op.value(static_cast<Wide>(a), static_cast<Wide>(b))));
  return {static_cast<Wide>(da), static_cast<Wide>(db)};
}

/// Numbers that carry a derivative (Dual, Var, Tensor) say so by `static constexpr bool differentiable = true`.
template <class X>
concept Differentiable = requires { requires std::remove_cvref_t<X>::differentiable; };
/// What an op's function accepts: a plain or multiprecision number, or one that carries a derivative.
template <class X>
concept Operand = Differentiable<X> || Number<std::remove_cvref_t<X>> || std::integral<std::remove_cvref_t<X>>;

/// The line of the user's program that called a function which takes a `Here here = Here()` last.
struct Here {
  const char* file;
  unsigned line;
  constexpr Here(const char* f = __builtin_FILE(), unsigned l = __builtin_LINE()) noexcept : file(f), line(l) {}  // NOLINT: clang 14 has no std::source_location
};

/// Applies an op to plain numbers: its value.
template <class Op, class X>
  requires(!Differentiable<X>)
[[nodiscard]] auto apply(const Op& op, const X& x) {
  if constexpr (std::integral<X>) return static_cast<double>(op.value(static_cast<double>(x)));
  else return static_cast<X>(op.value(x));
}
template <class Op, class X, class Y>
  requires(!Differentiable<X> && !Differentiable<Y>)
[[nodiscard]] auto apply(const Op& op, const X& x, const Y& y) {
  if constexpr (std::is_arithmetic_v<X> && std::is_arithmetic_v<Y>) {
    using T = std::common_type_t<X, Y, std::conditional_t<std::integral<X> && std::integral<Y>, double, float>>;
    return static_cast<T>(op.value(static_cast<T>(x), static_cast<T>(y)));
  } else {
    using T = std::conditional_t<std::is_arithmetic_v<X>, Y, X>;
    return static_cast<T>(op.value(T(x), T(y)));
  }
}

/// What the function of an op calls. Only a trace wants to know from where; all other numbers are applied to as they are.
template <class Op, class... X> [[gnu::always_inline]] inline auto apply_at(Here /*here*/, const Op& op, X&&... x) { return apply(op, std::forward<X>(x)...); }

namespace detail {
/// adjoint·partial, with the partial formed in the wider range where it has left that of Real; an adjoint of 0 contributes 0.
template <class Op, class Real> Real contribution(const Op& op, const Real& x, const Real& y, const Real& up) {
  if (is_zero(up)) return up;
  const Real d = static_cast<Real>(op.derivative(x, y));
  if constexpr (PlainReal<Real>)
    if (needs_wider<Op>(d)) [[unlikely]] return static_cast<Real>(wide_derivative(op, x) * static_cast<Wider<Real>>(up));
  return d * up;
}
template <class Op, class Real> Partials<Real> contributions(const Op& op, const Real& a, const Real& b, const Real& y, const Real& up) {
  if (is_zero(up)) return {up, up};
  const auto partials = op.derivatives(a, b, y);
  const Real da = static_cast<Real>(partials.da), db = static_cast<Real>(partials.db);
  if constexpr (PlainReal<Real>)
    if (needs_wider<Op>(da) || needs_wider<Op>(db)) [[unlikely]] {
      const auto wide = wide_derivatives(op, a, b);
      const auto wide_up = static_cast<Wider<Real>>(up);
      return {static_cast<Real>(wide.da * wide_up), static_cast<Real>(wide.db * wide_up)};
    }
  return {da * up, db * up};
}
}  // namespace detail

}  // namespace gradus
