// The scalar operations of a tape, one behind the other, in as few bytes as can be read backwards.
#pragma once

#include <cstddef>
#include <new>

#include <autodiff/adjoints.hpp>
#include <autodiff/arena.hpp>

namespace gradus {

/// One scalar operation: adjoint[a] += da·adjoint[out], adjoint[b] += db·adjoint[out]. b is 0 where there is one operand.
template <class Real> struct Node { Slot out, a, b; Real da, db; };

// How it is stored, on the way back: the slot that it defines; the first operand, with a bit that says whether there is another; that one.
template <class Real> struct NodeEnd { Real da; Slot a, out; };
template <> struct [[gnu::packed, gnu::aligned(4)]] NodeEnd<double> { double da; Slot a, out; };
template <class Real> struct SecondOperand { Slot b; Real db; };  // db and da lie side by side: one store writes both
template <> struct [[gnu::packed, gnu::aligned(4)]] SecondOperand<double> { Slot b; double db; };

/// Nodes in the order of their recording. Those of doubles take 16 bytes with one operand, 28 with two: beyond the caches, time is a matter of bytes.
template <class Real> class Nodes {
  using End = NodeEnd<Real>;
  using Second = SecondOperand<Real>;
  static constexpr Slot two = Slot{1} << 31;

 public:
  static constexpr Slot max_slots = two - 1;  ///< the largest slot that can be an operand

  Nodes() = default;
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;
  ~Nodes() { release({begin_, capacity_}); }

  /// How many bytes there are: a position to come back to.
  [[nodiscard]] std::size_t bytes() const noexcept { return static_cast<std::size_t>(end_ - begin_); }
  void cut(std::size_t bytes) noexcept { end_ = begin_ + bytes; }

  // These run at every operation: see TapeCore.
  [[nodiscard, gnu::always_inline]] bool is_full() const noexcept { return end_ >= limit_; }
  /// Asks for the memory of nodes to come. Beyond the caches a store waits for the line that it writes to: 2.3 ns an operation, 1.2 when it was asked for
  /// this early. Asked for into the first cache it takes 1.35 to 1.65, at any distance, to be written or not: few lines at a time can be on their way
  /// there. Twice as early gains little, and where a small tape ends, it looks for pages that nobody has touched (2 % of a Rosenbrock function of 10
  /// variables). Stores that pass the caches by take longer, as somebody has to collect whole lines.
  [[gnu::always_inline]] void prefetch_end() const noexcept { prefetch<Cache::second>(end_, 2048); }
  /// Unless it is full: a node of one operand, and one of two.
  [[gnu::always_inline]] void push(Slot out, Slot a, Real da) noexcept {
    ::new (static_cast<void*>(end_)) End{da, a, out};
    end_ += sizeof(End);
  }
  [[gnu::always_inline]] void push(Slot out, Slot a, Real da, Slot b, Real db) noexcept {
    std::byte* const at = end_;
    ::new (static_cast<void*>(at)) Second{b, db};
    ::new (static_cast<void*>(at + sizeof(Second))) End{da, a | two, out};
    end_ = at + sizeof(Second) + sizeof(End);
  }
  // The newest node.
  [[nodiscard]] bool newest_has_two() const noexcept { return (newest().a & two) != 0; }
  [[nodiscard]] Real newest_da() const noexcept { return newest().da; }
  [[nodiscard]] Real newest_db() const noexcept { return second().db; }
  void set_newest(Real da) noexcept { newest().da = da; }
  void set_newest(Real da, Real db) noexcept {
    newest().da = da;
    second().db = db;
  }
  void retarget_newest(Slot out) noexcept { newest().out = out; }
  /// Adds the second operand, unless it is full.
  [[gnu::always_inline]] void extend_newest(Real da, Slot b, Real db) noexcept {
    const Slot a = newest().a, out = newest().out;
    end_ -= sizeof(End);
    push(out, a, da, b, db);
  }

  /// The way back, by value: a loop keeps it in registers.
  class Backwards {
   public:
    Backwards(const Nodes& nodes, std::size_t bytes) noexcept : at_(nodes.begin_ + bytes) {}
    [[nodiscard]] bool is_at(const Backwards& other) const noexcept { return at_ == other.at_; }
    /// The node that ends here, but for its second operand, which must be taken next where it has one.
    struct First { Slot out, a; Real da; bool has_second; };
    [[gnu::always_inline]] First first() noexcept {
      at_ -= sizeof(End);
      // Beyond the caches the processor itself looks ahead too little, and not over the end of a page: 1.5 ns an operation instead of 0.8.
      prefetch(at_, -4096);
      const End& end = *std::launder(reinterpret_cast<const End*>(at_));
      const Slot word = end.a;
      return {end.out, word & ~two, end.da, (word & two) != 0};
    }
    struct Another { Slot b; Real db; };
    [[gnu::always_inline]] Another second() noexcept {
      at_ -= sizeof(Second);
      const Second& second = *std::launder(reinterpret_cast<const Second*>(at_));
      return {second.b, second.db};
    }
    [[gnu::always_inline]] Node<Real> node() noexcept {
      const First one = first();
      if (!one.has_second) return {one.out, one.a, 0, one.da, Real(0)};
      const Another another = second();
      return {one.out, one.a, another.b, one.da, another.db};
    }

   private:
    const std::byte* at_;
  };
  [[nodiscard]] Backwards from(std::size_t bytes) const noexcept { return {*this, bytes}; }
  /// f(node) for each of them, the newest first.
  template <class F> void for_each_backwards(F&& f) const {
    const Backwards begin = from(0);
    for (Backwards back = from(bytes()); !back.is_at(begin);) f(back.node());
  }
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 0;
    for_each_backwards([&](const Node<Real>&) { ++n; });
    return n;
  }

  /// Makes room. Throws std::bad_alloc.
  [[gnu::noinline, gnu::cold]] void grow() {
    const std::size_t used = bytes();
    const Reservation grown = reserve_more({begin_, capacity_}, used, 2 * (used + most));
    begin_ = static_cast<std::byte*>(grown.data);
    end_ = begin_ + used;
    limit_ = begin_ + (grown.capacity - most);
    capacity_ = grown.capacity;
  }

 private:
  static constexpr std::size_t most = sizeof(End) + sizeof(Second);
  [[nodiscard]] End& newest() const noexcept { return *std::launder(reinterpret_cast<End*>(end_ - sizeof(End))); }
  [[nodiscard]] Second& second() const noexcept { return *std::launder(reinterpret_cast<Second*>(end_ - sizeof(End) - sizeof(Second))); }

  std::byte *begin_ = nullptr, *end_ = nullptr, *limit_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace gradus
