// The bare folding tape: what the scalar engine would cost without growth, stale checks or arrays. Only a yardstick for scalar_bench.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace folding_prototype {

using Slot = std::uint32_t;  // slot 0 means "no operand"

struct [[gnu::packed, gnu::aligned(4)]] Node { Slot out, a, b; double da, db; };  // adj[a] += da*adj[out], adj[b] += db*adj[out]

struct Tape {
  std::vector<Node> nodes;  // never grows: sized for the largest workload
  std::size_t size = 0;
  Slot slots = 0;
  Slot open = 0;            // the slot that the newest node alone defines; 0 when there is none
  Slot input() { open = 0; return ++slots; }
  Slot record(Slot a, Slot b, double da, double db) { nodes[size++] = {++slots, a, b, da, db}; return open = slots; }
  void accumulate(Slot into, Slot a, double da) { nodes[size++] = {into, a, 0, da, 0.0}; open = 0; }
  Node& newest() { return nodes[size - 1]; }
  void sweep(std::vector<double>& adjoint) const {
    for (std::size_t k = size; k-- > 0;) {
      const Node& n = nodes[k];
      const double up = adjoint[n.out];
      adjoint[n.a] += n.da * up;
      if (n.b) adjoint[n.b] += n.db * up;  // unconditional, every unary node would queue on slot 0
    }
  }
};
inline constinit thread_local Tape* tape = nullptr;

struct Var {
  double value = 0;
  Slot slot = 0;
  mutable std::uint32_t fresh = 0;  // 1: no other Var shares this slot
  Var() = default;
  Var(double v) : value(v) {}  // NOLINT
  Var(double v, Slot s) : value(v), slot(s), fresh(1) {}
  Var(const Var& o) : value(o.value), slot(o.slot) { o.fresh = 0; }
  Var(Var&& o) noexcept : value(o.value), slot(o.slot), fresh(o.fresh) { o.fresh = 0; }
  Var& operator=(const Var& o) { value = o.value; slot = o.slot; fresh = 0; o.fresh = 0; return *this; }
  Var& operator=(Var&& o) noexcept { const auto f = o.fresh; o.fresh = 0; value = o.value; slot = o.slot; fresh = f; return *this; }
  template <class Y> Var& operator+=(Y&& y) { return add(std::forward<Y>(y), 1.0); }
  template <class Y> Var& operator-=(Y&& y) { return add(std::forward<Y>(y), -1.0); }
  template <class Y> Var& operator*=(Y&& y) { return *this = std::move(*this) * std::forward<Y>(y); }
  template <class Y> Var& add(Y&& y, double sign);
};
template <class X> concept AVar = std::is_same_v<std::remove_cvref_t<X>, Var>;
template <class X> constexpr bool temporary = !std::is_lvalue_reference_v<X>;

inline bool foldable(const Var& x) { return x.fresh && x.slot == tape->open; }

template <AVar X> Var unary(X&& x, double value, double dx) {
  if constexpr (temporary<X>)
    if (foldable(x)) { Node& n = tape->newest(); n.da *= dx; n.db *= dx; return {value, x.slot}; }
  return {value, tape->record(x.slot, 0, dx, 0)};
}
template <AVar X, AVar Y> Var binary(X&& x, Y&& y, double value, double dx, double dy) {
  const auto absorb = [&](const Var& folded, const Var& other, double df, double dother) {
    Node& n = tape->newest();
    if (n.b || other.slot == folded.slot) return false;  // no free operand
    n.da *= df; n.b = other.slot; n.db = dother;
    return true;
  };
  if constexpr (temporary<X>) if (foldable(x) && absorb(x, y, dx, dy)) return {value, x.slot};
  if constexpr (temporary<Y>) if (foldable(y) && absorb(y, x, dy, dx)) return {value, y.slot};
  return {value, tape->record(x.slot, y.slot, dx, dy)};
}
template <class Y> Var& Var::add(Y&& y, double sign) {
  if constexpr (!AVar<Y>) { value += sign * y; return *this; }
  else {
    const double sum = value + sign * y.value;
    if (fresh && slot) {                                  // adj(new) == adj(old): keep the slot
      if constexpr (temporary<Y>)
        if (foldable(y)) {                                // the temporary's node feeds this slot directly
          Node& n = tape->newest();
          n.out = slot; n.da *= sign; n.db *= sign; --tape->slots; tape->open = 0;
          value = sum;
          return *this;
        }
      tape->accumulate(slot, y.slot, sign);
    } else { const Slot s = tape->record(slot, y.slot, 1.0, sign); slot = s; fresh = 1; }
    value = sum;
    return *this;
  }
}
#define BINARY(OP, V, DX, DY)                                                                                                                   \
  template <AVar X, AVar Y> Var operator OP(X&& x, Y&& y) { const double a = x.value, b = y.value, v = V; return binary(std::forward<X>(x), std::forward<Y>(y), v, DX, DY); } \
  template <AVar X> Var operator OP(X&& x, double b) { const double a = x.value, v = V; (void)a; return unary(std::forward<X>(x), v, DX); }                   \
  template <AVar Y> Var operator OP(double a, Y&& y) { const double b = y.value, v = V; (void)b; return unary(std::forward<Y>(y), v, DY); }
BINARY(+, a + b, 1.0, 1.0)
BINARY(-, a - b, 1.0, -1.0)
BINARY(*, a * b, b, a)
BINARY(/, a / b, 1 / b, -v / b)
#undef BINARY
template <AVar X> Var operator-(X&& x) { const double v = -x.value; return unary(std::forward<X>(x), v, -1.0); }
inline bool operator<(const Var& a, const Var& b) { return a.value < b.value; }

// The same values and derivatives as ops/, so that the rows differ by the tape alone.
template <AVar X> Var exp(X&& x) { const double v = std::exp(x.value); return unary(std::forward<X>(x), v, v); }
template <AVar X> Var log(X&& x) { const double a = x.value; return unary(std::forward<X>(x), std::log(a), 1 / a); }
template <AVar X> Var sqrt(X&& x) { const double v = std::sqrt(x.value); return unary(std::forward<X>(x), v, 0.5 / v); }
template <AVar X> Var relu(X&& x) { const double a = x.value; return unary(std::forward<X>(x), a > 0 ? a : 0, a > 0 ? 1 : 0); }
template <AVar X> Var tanh(X&& x) {
  const double v = std::tanh(x.value), t = std::exp(-2 * std::abs(x.value));
  return unary(std::forward<X>(x), v, 4 * t / (1 + t * (2 + t)));
}

}  // namespace folding_prototype
