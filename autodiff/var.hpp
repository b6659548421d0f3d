// A scalar that records: an ordinary class of 16 bytes, without expression templates. Arithmetic folds into the newest node of the tape.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/tape.hpp>

namespace gradus {

template <class Real> class BasicVar;
template <class X> constexpr bool is_var = false;
template <class Real> constexpr bool is_var<BasicVar<Real>> = true;
/// A BasicVar, by value or by reference.
template <class X>
concept AVar = is_var<std::remove_cvref_t<X>>;
/// What may stand beside a Var as a constant.
template <class S, class Real>
concept ConstantOf = !AVar<S> && std::is_convertible_v<S, Real> && (std::is_arithmetic_v<std::remove_cvref_t<S>> || std::is_same_v<std::remove_cvref_t<S>, Real>);

/// A value and the slot of its adjoint. Made from a plain number it is a constant and records nothing.
template <class Real> class BasicVar {
 public:
  static constexpr bool differentiable = true;
  using value_type = Real;

  BasicVar() = default;
  template <class S>
    requires ConstantOf<S, Real>
  BasicVar(S v) : value_(static_cast<Real>(v)) {}  // NOLINT: a constant is a number

  BasicVar(const BasicVar& o) noexcept : value_(o.value_), slot_(o.slot_), word_(o.share()) {}
  BasicVar(BasicVar&& o) noexcept : value_(o.value_), slot_(o.slot_), word_(std::exchange(o.word_, moved_word)) {}
  BasicVar& operator=(const BasicVar& o) noexcept {
    value_ = o.value_;
    slot_ = o.slot_;
    word_ = o.share();
    return *this;
  }
  BasicVar& operator=(BasicVar&& o) noexcept {
    const Word word = std::exchange(o.word_, moved_word);
    value_ = o.value_;
    slot_ = o.slot_;
    word_ = word;
    return *this;
  }

  /// A new independent variable on the active tape. Throws TapeError when no Recording is alive.
  [[nodiscard, gnu::always_inline]] static BasicVar input(const Real& v) {
    TapeCore<Real>& tape = *active_tape<Real>;
    const Slot slot = tape.input();
    return BasicVar(v, slot, tape.input_word());
  }
  /// New independent variables, one a value, in one step: a third of the time of input() for each. Throws ShapeError when the sizes differ.
  static void inputs(std::span<const Real> values, std::span<BasicVar> variables) {
    if (values.size() != variables.size()) throw ShapeError("inputs: " + std::to_string(values.size()) + " values for " + std::to_string(variables.size()) + " variables");
    TapeCore<Real>& tape = *active_tape<Real>;
    Slot slot = tape.inputs(values.size());
    const Word word = tape.input_word();
    for (std::size_t i = 0; i < values.size(); ++i) variables[i] = BasicVar(values[i], slot++, word);
  }
  [[nodiscard]] static std::vector<BasicVar> inputs(std::span<const Real> values) {
    std::vector<BasicVar> variables(values.size());
    inputs(values, variables);
    return variables;
  }

  [[nodiscard]] const Real& value() const noexcept { return value_; }
  [[nodiscard]] Slot slot() const noexcept { return slot_; }
  [[nodiscard]] Word word() const noexcept { return word_; }
  [[nodiscard]] bool is_constant() const noexcept { return word_ == constant_word; }

  template <class Y> [[gnu::always_inline]] BasicVar& operator+=(Y&& y) { return accumulate<1>(std::forward<Y>(y)); }
  template <class Y> [[gnu::always_inline]] BasicVar& operator-=(Y&& y) { return accumulate<-1>(std::forward<Y>(y)); }
  template <class Y> [[gnu::always_inline]] BasicVar& operator*=(Y&& y) { return *this = std::move(*this) * std::forward<Y>(y); }
  template <class Y> [[gnu::always_inline]] BasicVar& operator/=(Y&& y) { return *this = std::move(*this) / std::forward<Y>(y); }

  // ---- What ops and tensors build on.
  BasicVar(const Real& v, Slot slot, Word word) noexcept : value_(v), slot_(slot), word_(word) {}

  /// The result of a unary operation on x: its value and d value / d x.
  template <AVar X> [[nodiscard, gnu::always_inline]] static BasicVar unary(X&& x, Real value, Real dx) {
    TapeCore<Real>& tape = *active_tape<Real>;
    if constexpr (!std::is_lvalue_reference_v<X>)
      if (tape.is_foldable(x.word_, x.slot_) && tape.scale_newest(dx)) return x.refilled(value);
    if (!tape.admits(x.word_)) [[unlikely]] return BasicVar(value, 0, constant_word);
    const Slot slot = tape.record(x.slot_, dx);
    return BasicVar(value, slot, tape.result_word());
  }
  /// The same for a partial of +1 or -1, which cannot leave the range.
  template <int Sign, AVar X> [[nodiscard, gnu::always_inline]] static BasicVar signed_copy(X&& x, Real value) {
    TapeCore<Real>& tape = *active_tape<Real>;
    if constexpr (!std::is_lvalue_reference_v<X>)
      if (tape.is_foldable(x.word_, x.slot_)) {
        if constexpr (Sign < 0) tape.negate_newest();
        return x.refilled(value);
      }
    if (!tape.admits(x.word_)) [[unlikely]] return BasicVar(value, 0, constant_word);
    const Slot slot = tape.record(x.slot_, Real(Sign));
    return BasicVar(value, slot, tape.result_word());
  }
  /// The result of a binary operation and its two partials.
  template <AVar X, AVar Y> [[nodiscard, gnu::always_inline]] static BasicVar binary(X&& x, Y&& y, Real value, Real dx, Real dy) {
    TapeCore<Real>& tape = *active_tape<Real>;
    constexpr bool x_temporary = !std::is_lvalue_reference_v<X>, y_temporary = !std::is_lvalue_reference_v<Y>;
    if (!tape.are_current(x.word_, y.word_)) {
      const bool x_recorded = tape.admits_any(x.word_), y_recorded = tape.admits_any(y.word_);
      if (!(x_recorded && y_recorded)) [[unlikely]] {
        if (!x_recorded && !y_recorded) return BasicVar(value, 0, constant_word);
        return with_constant(tape, x_recorded ? x : y, x_recorded ? x_temporary : y_temporary, value, x_recorded ? dx : dy);
      }
    }
    if constexpr (x_temporary)
      if (tape.is_foldable(x.word_, x.slot_) && tape.absorb(x.slot_, dx, y.slot_, dy)) return x.refilled(value);
    if constexpr (y_temporary)
      if (tape.is_foldable(y.word_, y.slot_) && tape.absorb(y.slot_, dy, x.slot_, dx)) return y.refilled(value);
    const Slot slot = tape.record(x.slot_, y.slot_, dx, dy);
    return BasicVar(value, slot, tape.result_word());
  }
  /// The result of an operation whose partials left the range of Real and are given in the wider one; y may be a constant.
  [[nodiscard]] static BasicVar split(const BasicVar& x, const BasicVar& y, const Real& value, Wider<Real> dx, Wider<Real> dy) {
    TapeCore<Real>& tape = *active_tape<Real>;
    const bool x_recorded = tape.admits(x.word_), y_recorded = tape.admits(y.word_);
    if (!x_recorded && !y_recorded) return BasicVar(value, 0, constant_word);
    const Slot slot = x_recorded ? tape.record_split(x.slot_, y_recorded ? y.slot_ : 0, dx, dy) : tape.record_split(y.slot_, 0, dy, 0);
    return BasicVar(value, slot, tape.result_word());
  }

 private:
  /// Two variables hold the slot now. Writes only if that is news: a variable that was copied before may be copied by several threads at once.
  Word share() const noexcept {
    if ((word_ & fresh_bit) != 0) word_ &= ~fresh_bit;
    return word_;
  }
  /// Takes over the slot of a temporary whose node was rewritten.
  BasicVar refilled(Real value) const noexcept { return BasicVar(value, slot_, std::exchange(word_, moved_word)); }
  /// What unary does, where only the run time knows which operand it is and whether that is a temporary.
  [[gnu::always_inline]] static BasicVar with_constant(TapeCore<Real>& tape, const BasicVar& x, bool temporary, Real value, Real dx) {
    if (temporary && tape.is_foldable(x.word_, x.slot_) && tape.scale_newest(dx)) return x.refilled(value);
    const Slot slot = tape.record(x.slot_, dx);
    return BasicVar(value, slot, tape.result_word());
  }

  /// this ± y. While this variable alone holds its slot, the adjoint of the sum is that of the slot: y's contribution is one more node that
  /// defines it, and a temporary's own node can be that node.
  template <int Sign, class Y> [[gnu::always_inline]] BasicVar& accumulate(Y&& y) {
    if constexpr (!AVar<Y>) {
      const Real sum = Sign > 0 ? value_ + static_cast<Real>(y) : value_ - static_cast<Real>(y);
      if (word_ == constant_word || active_tape<Real>->holds_alone(word_)) value_ = sum;
      else *this = signed_copy<1>(*this, sum);  // others read the old value: also rejects stale variables
      return *this;
    } else {
      const Real sum = Sign > 0 ? value_ + y.value_ : value_ - y.value_;
      TapeCore<Real>& tape = *active_tape<Real>;
      if (tape.holds_alone(word_)) [[likely]] {
        if constexpr (!std::is_lvalue_reference_v<Y>)
          if (tape.is_foldable(y.word_, y.slot_) && &y != this) [[likely]] {
            if constexpr (Sign < 0) tape.negate_newest();
            tape.retarget_newest(slot_, y.slot_);
            y.word_ = moved_word;
            value_ = sum;
            return *this;
          }
        if (tape.admits(y.word_)) [[likely]] tape.accumulate(slot_, y.slot_, Real(Sign));
        value_ = sum;
        return *this;
      }
      if (word_ == constant_word) return *this = signed_copy<Sign>(std::forward<Y>(y), sum);
      return *this = binary(*this, std::forward<Y>(y), sum, Real(1), Real(Sign));
    }
  }

  Real value_{};
  Slot slot_ = 0;
  mutable Word word_ = constant_word;  // copying clears the fresh bit of both sides
};

template <AVar X, AVar Y> [[nodiscard, gnu::always_inline]] inline auto operator+(X&& x, Y&& y) {
  using V = std::remove_cvref_t<X>;
  using Real = typename V::value_type;
  const Real v = x.value() + y.value();
  return V::binary(std::forward<X>(x), std::forward<Y>(y), v, Real(1), Real(1));
}
template <AVar X, AVar Y> [[nodiscard, gnu::always_inline]] inline auto operator-(X&& x, Y&& y) {
  using V = std::remove_cvref_t<X>;
  using Real = typename V::value_type;
  const Real v = x.value() - y.value();
  return V::binary(std::forward<X>(x), std::forward<Y>(y), v, Real(1), Real(-1));
}
template <AVar X, AVar Y> [[nodiscard, gnu::always_inline]] inline auto operator*(X&& x, Y&& y) {
  using V = std::remove_cvref_t<X>;
  const auto a = x.value(), b = y.value();
  return V::binary(std::forward<X>(x), std::forward<Y>(y), a * b, b, a);
}

namespace detail {
/// Of an exponent so near 0 that neither 1/b nor a/b² is extreme if both a and b are.
[[nodiscard]] constexpr bool is_moderate(double x) noexcept { return ((std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) - (1023 - 300)) < 600; }
[[nodiscard]] constexpr bool is_moderate(float x) noexcept { return ((std::bit_cast<std::uint32_t>(x) >> 23 & 0xff) - (127 - 35)) < 70; }
template <class Real> [[nodiscard]] constexpr bool is_moderate(const Real&) noexcept { return true; }
/// a/b has partials 1/b and -a/b², which leave the range long before the quotient does.
template <class V, class Real> [[gnu::cold, gnu::noinline]] V divide_split(const V& x, const V& y, const Real& v) {
  if constexpr (PlainReal<Real>) {
    const auto a = static_cast<Wider<Real>>(x.value()), b = static_cast<Wider<Real>>(y.value());
    return V::split(V(x), V(y), v, 1 / b, -(a / b) / b);
  } else {
    return V::binary(x, y, v, Real(1) / y.value(), -v / y.value());
  }
}
}  // namespace detail

template <AVar X, AVar Y> [[nodiscard, gnu::always_inline]] inline auto operator/(X&& x, Y&& y) {
  using V = std::remove_cvref_t<X>;
  using Real = typename V::value_type;
  const Real a = x.value(), b = y.value(), v = a / b, da = Real(1) / b, db = -v / b;
  // Looking at the operands first does not wait for the divisions (5 % of a normal density).
  if (!(detail::is_moderate(a) && detail::is_moderate(b))) [[unlikely]]
    if ((is_extreme(da) || is_extreme(db)) && !is_zero(a)) return detail::divide_split(V(x), V(y), v);
  return V::binary(std::forward<X>(x), std::forward<Y>(y), v, da, db);
}

template <AVar X> [[nodiscard, gnu::always_inline]] inline auto operator-(X&& x) {
  using V = std::remove_cvref_t<X>;
  const auto v = -x.value();
  return V::template signed_copy<-1>(std::forward<X>(x), v);
}
template <AVar X> [[nodiscard, gnu::always_inline]] inline auto operator+(X&& x) { return std::remove_cvref_t<X>(std::forward<X>(x)); }

template <AVar X, ConstantOf<typename std::remove_cvref_t<X>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator+(X&& x, const S& s) {
  using V = std::remove_cvref_t<X>;
  const auto v = x.value() + static_cast<typename V::value_type>(s);
  return V::template signed_copy<1>(std::forward<X>(x), v);
}
template <AVar Y, ConstantOf<typename std::remove_cvref_t<Y>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator+(const S& s, Y&& y) { return std::forward<Y>(y) + s; }
template <AVar X, ConstantOf<typename std::remove_cvref_t<X>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator-(X&& x, const S& s) {
  using V = std::remove_cvref_t<X>;
  const auto v = x.value() - static_cast<typename V::value_type>(s);
  return V::template signed_copy<1>(std::forward<X>(x), v);
}
template <AVar Y, ConstantOf<typename std::remove_cvref_t<Y>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator-(const S& s, Y&& y) {
  using V = std::remove_cvref_t<Y>;
  const auto v = static_cast<typename V::value_type>(s) - y.value();
  return V::template signed_copy<-1>(std::forward<Y>(y), v);
}
template <AVar X, ConstantOf<typename std::remove_cvref_t<X>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator*(X&& x, const S& s) {
  using V = std::remove_cvref_t<X>;
  const auto c = static_cast<typename V::value_type>(s);
  const auto v = x.value() * c;
  return V::unary(std::forward<X>(x), v, c);
}
template <AVar Y, ConstantOf<typename std::remove_cvref_t<Y>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator*(const S& s, Y&& y) { return std::forward<Y>(y) * s; }
template <AVar X, ConstantOf<typename std::remove_cvref_t<X>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator/(X&& x, const S& s) {
  using V = std::remove_cvref_t<X>;
  using Real = typename V::value_type;
  const Real c = static_cast<Real>(s), v = x.value() / c, d = Real(1) / c;
  if (is_extreme(d)) [[unlikely]] return detail::divide_split(V(x), V(c), v);
  return V::unary(std::forward<X>(x), v, d);
}
template <AVar Y, ConstantOf<typename std::remove_cvref_t<Y>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto operator/(const S& s, Y&& y) {
  using V = std::remove_cvref_t<Y>;
  using Real = typename V::value_type;
  const Real a = static_cast<Real>(s), b = y.value(), v = a / b, d = -v / b;
  if (is_extreme(d) && !is_zero(a)) [[unlikely]] return detail::divide_split(V(a), V(y), v);
  return V::unary(std::forward<Y>(y), v, d);
}

// Comparisons and branches work on values.
template <AVar X, AVar Y> [[nodiscard]] bool operator==(const X& x, const Y& y) { return x.value() == y.value(); }
template <AVar X, AVar Y> [[nodiscard]] auto operator<=>(const X& x, const Y& y) { return x.value() <=> y.value(); }
template <AVar X, ConstantOf<typename X::value_type> S> [[nodiscard]] bool operator==(const X& x, const S& s) { return x.value() == static_cast<typename X::value_type>(s); }
template <AVar X, ConstantOf<typename X::value_type> S> [[nodiscard]] auto operator<=>(const X& x, const S& s) { return x.value() <=> static_cast<typename X::value_type>(s); }

template <class Real> [[nodiscard]] double plain(const BasicVar<Real>& x) noexcept { return plain(x.value()); }
template <class Real> [[nodiscard]] bool isnan(const BasicVar<Real>& x) { return isnan(x.value()); }
template <class Real> [[nodiscard]] bool isfinite(const BasicVar<Real>& x) { return isfinite(x.value()); }

namespace detail {
// Out of line, so that the front-ends of ops stay small enough to be inlined.
template <class V, class Op, class Real> [[gnu::cold, gnu::noinline]] V record_wide(const Op& op, const V& x, const Real& value) {
  return V::split(x, V(), value, wide_derivative(op, x.value()), 0);
}
template <class V, class Op, class Real> [[gnu::cold, gnu::noinline]] V record_wide(const Op& op, const V& x, const V& y, const Real& value) {
  const auto wide = wide_derivatives(op, x.value(), y.value());
  return V::split(x, y, value, wide.da, wide.db);
}
}  // namespace detail

/// Records a unary op: its value, and its derivative as the partial.
template <class Op, AVar X> [[nodiscard, gnu::always_inline]] inline auto apply(const Op& op, X&& x) {
  using V = std::remove_cvref_t<X>;
  using Real = typename V::value_type;
  const Real v = x.value();
  const Real y = static_cast<Real>(op.value(v));
  const Real d = static_cast<Real>(op.derivative(v, y));
  if constexpr (PlainReal<Real>)
    if (needs_wider<Op>(d)) [[unlikely]] return detail::record_wide<V>(op, x, y);
  return V::unary(std::forward<X>(x), y, d);
}

namespace detail {
template <class V, class Op, class X, class Y> [[gnu::always_inline]] inline V apply_binary(const Op& op, X&& x, Y&& y) {
  using Real = typename V::value_type;
  const Real a = x.value(), b = y.value();
  const Real v = static_cast<Real>(op.value(a, b));
  const auto partials = op.derivatives(a, b, v);
  const Real da = static_cast<Real>(partials.da), db = static_cast<Real>(partials.db);
  if constexpr (PlainReal<Real>)
    if (needs_wider<Op>(da) || needs_wider<Op>(db)) [[unlikely]] return record_wide<V>(op, x, y, v);
  return V::binary(std::forward<X>(x), std::forward<Y>(y), v, da, db);
}
}  // namespace detail

template <class Op, AVar X, AVar Y> [[nodiscard, gnu::always_inline]] inline auto apply(const Op& op, X&& x, Y&& y) {
  return detail::apply_binary<std::remove_cvref_t<X>>(op, std::forward<X>(x), std::forward<Y>(y));
}
template <class Op, AVar X, ConstantOf<typename std::remove_cvref_t<X>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto apply(const Op& op, X&& x, const S& s) {
  using V = std::remove_cvref_t<X>;
  return detail::apply_binary<V>(op, std::forward<X>(x), V(s));
}
template <class Op, AVar Y, ConstantOf<typename std::remove_cvref_t<Y>::value_type> S> [[nodiscard, gnu::always_inline]] inline auto apply(const Op& op, const S& s, Y&& y) {
  using V = std::remove_cvref_t<Y>;
  return detail::apply_binary<V>(op, V(s), std::forward<Y>(y));
}

using Var = BasicVar<double>;

}  // namespace gradus

template <class Real> struct std::numeric_limits<gradus::BasicVar<Real>> : std::numeric_limits<Real> {
  static gradus::BasicVar<Real> min() { return std::numeric_limits<Real>::min(); }
  static gradus::BasicVar<Real> max() { return std::numeric_limits<Real>::max(); }
  static gradus::BasicVar<Real> lowest() { return std::numeric_limits<Real>::lowest(); }
  static gradus::BasicVar<Real> epsilon() { return std::numeric_limits<Real>::epsilon(); }
  static gradus::BasicVar<Real> infinity() { return std::numeric_limits<Real>::infinity(); }
  static gradus::BasicVar<Real> quiet_NaN() { return std::numeric_limits<Real>::quiet_NaN(); }
};
