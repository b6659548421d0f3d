// Where adjoints lie, and how a pullback reaches them: written in place on first use, added to from then on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/arena.hpp>

namespace gradus {

/// Index of an adjoint. 0 means "no operand".
using Slot = std::uint32_t;

/// The adjoints of one array: `count` slots from `first` on. `scalars`: an element was taken as a Var, so that nodes add to single slots.
struct Range { Slot first, count; bool scalars; };
inline constexpr std::uint32_t no_range = 0xffffffff;

/// Where the adjoint of an operand of an array operation goes: nowhere (false) for a constant. A tensor that is one scalar variable has no range of its own.
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

/// A sweep as a pullback sees it: the adjoints of its result, which are complete, and those of its operands, which it contributes to.
template <class Real> class BasicSweep {
 public:
  BasicSweep(Real* adjoint, const std::vector<Range>& ranges, unsigned char* written) : adjoint_(adjoint), ranges_(&ranges), written_(written) {}

  /// The adjoints of an array that was recorded from slot `first` on.
  [[nodiscard]] const Real* adjoint(Slot first) const noexcept { return adjoint_ + first; }
  /// For a pullback that can write as well as add. An operand that occurs twice is written once and added to once, in the order of the calls.
  [[nodiscard]] Target<Real> target(Destination d) noexcept {
    if (d.range == no_range) return {adjoint_ + d.first, true};
    return {adjoint_ + d.first, std::exchange(written_[d.range], static_cast<unsigned char>(1)) != 0};
  }
  /// For a pullback that only adds: what nobody has written yet is filled with zeros first.
  [[nodiscard]] Real* sum(Destination d) noexcept {
    const Target<Real> t = target(d);
    if (!t.add) std::fill_n(t.to, (*ranges_)[d.range].count, Real(0));
    return t.to;
  }

 private:
  Real* adjoint_;
  const std::vector<Range>* ranges_;
  unsigned char* written_;  // one a range
};

/// Memory whose elements start uninitialised, aligned to cache lines.
template <class T> struct UninitialisedAllocator {
  using value_type = T;
  UninitialisedAllocator() = default;
  template <class U> UninitialisedAllocator(const UninitialisedAllocator<U>&) noexcept {}  // NOLINT: allocators convert
  [[nodiscard]] T* allocate(std::size_t n) {
    if (n > static_cast<std::size_t>(-1) / sizeof(T) / 2) throw std::bad_array_new_length();
    return static_cast<T*>(allocate_lines(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t) noexcept { free_lines(p); }
  template <class U> void construct(U* p) noexcept {
    if constexpr (!std::is_trivially_default_constructible_v<U>) ::new (static_cast<void*>(p)) U;
  }
  template <class U, class... Arguments> void construct(U* p, Arguments&&... arguments) { ::new (static_cast<void*>(p)) U(std::forward<Arguments>(arguments)...); }
  friend bool operator==(const UninitialisedAllocator&, const UninitialisedAllocator&) noexcept { return true; }
};

}  // namespace gradus
