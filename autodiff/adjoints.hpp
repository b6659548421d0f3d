// Where adjoints lie, and how a pullback reaches them: written in place on first use, added to from then on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace gradus {

/// Index of an adjoint. 0 means "no operand".
using Slot = std::uint32_t;

/// What the adjoints of a range hold during a sweep: nothing yet, one number each, one number for all of them, which is in the first slot, or a
/// Multiple, which is in the first slots.
enum class Held : unsigned char { nothing = 0, each = 1, one, multiple };
/// The adjoints of one array: `count` slots from `first` on. `has_scalars`: an element was taken as a Var, so that nodes add to single slots.
/// `open`: a span for writing its values has been given away.
struct Range {
  Slot first, count;
  bool has_scalars, open;
};
inline constexpr std::uint32_t no_range = 0xffffffff;

/// Where the adjoint of an operand of an array operation goes: nowhere (false) for a constant. A result of one element, and a tensor that is a scalar variable,
/// have no range.
struct Destination {
  Slot first = 0;
  std::uint32_t range = no_range;
  explicit operator bool() const noexcept { return first != 0; }
};

/// The memory of the adjoint of an operand during a sweep. Unless `add`, it is uninitialised and every element must be written.
template <class Real> struct Target {
  Real* to;
  bool add;
  void put(std::size_t i, const Real& part) const {
    if (add) to[i] += part;
    else to[i] = part;
  }
};

/// An array that is remembered on a tape. A pullback may say that adjoints are a multiple of it, instead of writing them: the one that they are for may
/// know more of the array, such as its sum.
template <class Real> struct Direction {
  void (*write)(const Direction& self, Real factor, Real* to);  ///< to = factor·array
  const void* of;  ///< who knows more of it
};
template <class Real> struct Multiple {
  Real factor;
  const Direction<Real>* direction;
  [[nodiscard]] bool is(const Multiple& other) const noexcept { return factor == other.factor && direction == other.direction; }
};

template <class Real> class BasicSweep;

/// One array operation: reads the adjoints of its outputs (slots first … first+count-1) and contributes to those of its inputs.
template <class Real> struct Block {
  std::size_t nodes;    ///< how many bytes of scalar nodes precede it
  Slot first, count;
  std::uint32_t range;  ///< that of the outputs, unless it is one scalar
  void (*pull)(void* closure, BasicSweep<Real>& sweep);
  void* closure;
};

/// A sweep as a pullback sees it: the adjoints of its result, which are complete, and those of its operands, which it contributes to.
template <class Real> class BasicSweep {
 public:
  /// So many of the ranges do not hold one number each yet.
  BasicSweep(Real* adjoint, const Range* ranges, Held* held, std::size_t others) : adjoint_(adjoint), ranges_(ranges), held_(held), others_(others) {}

  /// The adjoints of the result of the pullback, an array that was recorded from slot `first` on.
  [[nodiscard]] const Real* adjoint(Slot first) noexcept {
    if (result_->range != no_range && held_[result_->range] > Held::each) [[unlikely]] write_out(result_->range);
    return adjoint_ + first;
  }
  /// The adjoint of a result of one element, which has no range.
  [[nodiscard]] const Real& single() const noexcept { return adjoint_[result_->first]; }
  /// The adjoint of every element of the result where they have the same; else null.
  [[nodiscard]] const Real* uniform() const noexcept { return result_->range != no_range && held_[result_->range] == Held::one ? adjoint_ + result_->first : nullptr; }
  /// The adjoints of the result where they are a multiple of a direction that `of` knows more of; else the direction is null.
  [[nodiscard]] Multiple<Real> multiple(const void* of) const noexcept {
    if (result_->range == no_range || held_[result_->range] != Held::multiple) return {Real(0), nullptr};
    const Multiple<Real> m = read_multiple(adjoint_ + result_->first);
    return m.direction->of == of ? m : Multiple<Real>{Real(0), nullptr};
  }
  /// False where the adjoints of an operand have no range, or are not written one by one.
  [[nodiscard]] bool holds_each_or_nothing(Destination d) const noexcept { return d.range != no_range && held_[d.range] <= Held::each; }
  /// For a pullback that can write as well as add. An operand that occurs twice is written once and added to once, in the order of the calls.
  [[nodiscard]] Target<Real> target(Destination d) noexcept {
    if (d.range == no_range) return {adjoint_ + d.first, true};
    if (held_[d.range] > Held::each) [[unlikely]] write_out(d.range);
    const auto before = static_cast<std::size_t>(std::exchange(held_[d.range], Held::each));  // nothing or each: 0 or 1
    others_ += before - 1;
    return {adjoint_ + d.first, before != 0};
  }
  /// Contributes `part` to every element without writing them all. False, and nothing is done, when they hold different numbers already.
  [[nodiscard]] bool put_uniform(Destination d, const Real& part) noexcept {
    if (d.range == no_range || (held_[d.range] != Held::nothing && held_[d.range] != Held::one)) return false;
    if (std::exchange(held_[d.range], Held::one) == Held::one) adjoint_[d.first] += part;
    else adjoint_[d.first] = part;
    return true;
  }
  /// Contributes a multiple of a direction, which must stay on the tape, to an array that nothing has been contributed to yet. False, and nothing is
  /// done, when something has.
  [[nodiscard]] bool put_multiple(Destination d, const Multiple<Real>& m) noexcept {
    if (d.range == no_range || held_[d.range] != Held::nothing || ranges_[d.range].count * sizeof(Real) < sizeof m) return false;
    held_[d.range] = Held::multiple;
    std::memcpy(static_cast<void*>(adjoint_ + d.first), &m, sizeof m);
    return true;
  }
  [[nodiscard]] static Multiple<Real> read_multiple(const Real* first) noexcept {
    Multiple<Real> m;
    std::memcpy(static_cast<void*>(&m), first, sizeof m);
    return m;
  }
  /// For a pullback that only adds: what nobody has written yet is filled with zeros first.
  [[nodiscard]] Real* sum(Destination d) noexcept {
    const Target<Real> t = target(d);
    if (!t.add) std::fill_n(t.to, ranges_[d.range].count, Real(0));
    return t.to;
  }
  /// The next pullback is that of this block.
  void enter(const Block<Real>& block) noexcept { result_ = &block; }
  [[nodiscard]] Real* adjoints() const noexcept { return adjoint_; }
  [[nodiscard]] const Held* held() const noexcept { return held_; }
  /// True when some range does not hold one number each.
  [[nodiscard]] bool has_others() const noexcept { return others_ != 0; }

 private:
  [[gnu::noinline, gnu::cold]] void write_out(std::uint32_t range) noexcept {
    const Range& written = ranges_[range];
    Real* const to = adjoint_ + written.first;
    if (held_[range] == Held::one) {
      std::fill_n(to, written.count, Real(*to));
    } else {
      const Multiple<Real> m = read_multiple(to);
      m.direction->write(*m.direction, m.factor, to);
    }
    held_[range] = Held::each;
    --others_;
  }
  Real* adjoint_;
  const Range* ranges_;
  Held* held_;  // one a range
  std::size_t others_;
  const Block<Real>* result_;  // whose pullback is running
};

}  // namespace gradus
