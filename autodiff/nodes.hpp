// The scalar operations of a tape, one behind the other, in as few bytes as can be read backwards.
#pragma once

#include <cstddef>
#include <new>

#include <autodiff/adjoints.hpp>
#include <autodiff/arena.hpp>

namespace gradus {

/// One scalar operation: adjoint[a] += da·adjoint[out], adjoint[b] += db·adjoint[out]. b is 0 where there is one operand.
template <class Real> struct Node { Slot out, a, b; Real da, db; };

// How it is stored: an operand or two, and the slot that it defines. A bit of the last operand says that there is one before it.
template <class Real> struct StoredOperand { Real d; Slot slot; };
template <> struct [[gnu::packed, gnu::aligned(4)]] StoredOperand<double> { double d; Slot slot; };
template <class Real> struct alignas(StoredOperand<Real>) StoredSlot { Slot out; };

/// Nodes in the order of their recording. Those of doubles take 16 bytes with one operand, 28 with two: beyond the caches, time is a matter of bytes.
template <class Real> class Nodes {
  using In = StoredOperand<Real>;
  using Out = StoredSlot<Real>;
  static constexpr Slot second = Slot{1} << 31;

 public:
  static constexpr Slot max_slots = second - 1;  ///< the largest slot that can be an operand

  Nodes() = default;
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;
  /// The tape's destructor calls it: one of these is constant-initialised and belongs to no tape, and no destructor may run for that.
  void free_memory() noexcept { release({begin_, capacity_}); }

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
    std::byte* const at = end_;
    put(at, In{da, a});
    put(at + sizeof(In), Out{out});
    end_ = at + sizeof(In) + sizeof(Out);
  }
  [[gnu::always_inline]] void push(Slot out, Slot a, Real da, Slot b, Real db) noexcept {
    std::byte* const at = end_;
    put(at, In{da, a});
    put(at + sizeof(In), In{db, b | second});
    put(at + 2 * sizeof(In), Out{out});
    end_ = at + 2 * sizeof(In) + sizeof(Out);
  }
  // The newest node: its last operand, and the other one if it has two.
  [[nodiscard]] bool newest_has_two() const noexcept { return (newest<1>().slot & second) != 0; }
  template <int from_last> [[nodiscard]] Real newest_d() const noexcept { return newest<from_last + 1>().d; }
  template <int from_last> void set_newest_d(Real d) noexcept { newest<from_last + 1>().d = d; }
  void retarget_newest(Slot out) noexcept { put(end_ - sizeof(Out), Out{out}); }
  /// A second operand for the newest node, which defines `out`. There is room for it: a node is only made where there is room for one of two.
  [[gnu::always_inline]] void extend_newest(Slot out, Slot b, Real db) noexcept {
    std::byte* const at = end_ - sizeof(Out);
    put(at, In{db, b | second});
    put(at + sizeof(In), Out{out});
    end_ = at + sizeof(In) + sizeof(Out);
  }

  /// The way back, by value: a loop keeps it in registers.
  class Backwards {
   public:
    Backwards(const Nodes& nodes, std::size_t bytes) noexcept : at_(nodes.begin_ + bytes) {}
    [[nodiscard]] bool is_at(const Backwards& other) const noexcept { return at_ == other.at_; }
    // The node that ends here: what it defines; its last operand; and the one before, which must be taken where there is one.
    [[nodiscard, gnu::always_inline]] Slot out() noexcept {
      // Beyond the caches the processor itself looks ahead too little, and not over the end of a page: 1.5 ns an operation instead of 0.8.
      prefetch(at_, -4096);
      return back<Out>().out;
    }
    struct Last { Slot slot; Real d; bool is_second; };
    [[nodiscard, gnu::always_inline]] Last last() noexcept {
      const In& in = back<In>();
      const Slot word = in.slot;
      return {word & ~second, in.d, (word & second) != 0};
    }
    struct First { Slot slot; Real d; };
    [[nodiscard, gnu::always_inline]] First first() noexcept {
      const In& in = back<In>();
      return {in.slot, in.d};
    }
    [[nodiscard]] Node<Real> node() noexcept {
      const Slot defined = out();
      const Last b = last();
      if (!b.is_second) return {defined, b.slot, 0, b.d, Real(0)};
      const First a = first();
      return {defined, a.slot, b.slot, a.d, b.d};
    }

   private:
    template <class T> [[nodiscard, gnu::always_inline]] const T& back() noexcept {
      at_ -= sizeof(T);
      return *std::launder(reinterpret_cast<const T*>(at_));
    }
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
  static constexpr std::size_t most = 2 * sizeof(In) + sizeof(Out);
  template <class T> [[gnu::always_inline]] static void put(std::byte* at, const T& x) noexcept { ::new (static_cast<void*>(at)) T(x); }
  /// An operand of the newest node, counted from its end.
  template <int n> [[nodiscard]] In& newest() const noexcept { return *std::launder(reinterpret_cast<In*>(end_ - sizeof(Out) - n * sizeof(In))); }

  std::byte *begin_ = nullptr, *end_ = nullptr, *limit_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace gradus
