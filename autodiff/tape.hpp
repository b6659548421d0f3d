// The tape: scalar nodes punctuated by array blocks over one flat array of slots; recordings, marks and the sweep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/adjoints.hpp>
#include <autodiff/arena.hpp>
#include <autodiff/dual.hpp>
#include <autodiff/error.hpp>
#include <autodiff/nodes.hpp>
#include <autodiff/stack.hpp>

namespace gradus {

/// The bookkeeping word of a variable: the recording that made it, and whether it alone holds its slot.
using Word = std::uint32_t;
inline constexpr Word fresh_bit = Word{1} << 31;
inline constexpr Word constant_word = 0;                // carries no derivative
inline constexpr Word moved_word = 0x7ffffffe;          // moved from: may only be assigned to
inline constexpr Word no_tape_word = 0x7fffffff;

/// The slots that were made under one recording id.
struct Segment { Word id; Slot first, end; };

template <class Real> class BasicTape;
template <class Real> class BasicVar;
template <class Real> class BasicTensor;
template <class Real> class BasicAdjoints;
template <class Real> struct Deferred;

/// What recording needs at every operation. Var reads it through one thread-local pointer; use BasicTape.
template <class Real> class TapeCore {
 public:
  constexpr TapeCore() = default;

  /// True when a variable with this word was made since the last clear, mark or rewind of this tape.
  [[nodiscard]] bool is_current(Word word) const noexcept { return (word & ~fresh_bit) == id_; }
  [[nodiscard]] bool are_current(Word a, Word b) const noexcept {
    if (a == id_ && b == id_) [[likely]] return true;
    return (((a ^ id_) | (b ^ id_)) & ~fresh_bit) == 0;
  }
  /// True when the variable was made in the current segment or in the one below it, where a training loop has its weights: it may be an operand.
  [[nodiscard]] bool is_recent(Word word) const noexcept { return (word & ~fresh_bit) == id_ || (word & ~fresh_bit) == base_id_; }
  /// True when the variable may be used as an operand of a node; false when it is a constant; throws TapeError when it is neither.
  [[nodiscard, gnu::always_inline]] bool admits(Word word) const {
    if (word == id_) [[likely]] return true;
    return admits_any(word);
  }
  /// The same for a word that is probably not that of an input: the branches are laid out for the others.
  [[nodiscard, gnu::always_inline]] bool admits_any(Word word) const {
    if (is_recent(word)) [[likely]] return true;
    if (word == constant_word) return false;
    for (const Segment* s = older_; s != older_end_; ++s)
      if (s->id == (word & ~fresh_bit)) return true;
    throw_inadmissible(word);
  }
  [[nodiscard]] bool admits(Word word, Slot) const { return admits(word); }
  /// A variable that alone holds the slot which the newest node alone defines may be rewritten in place: nobody else can have seen it.
  /// (The newest slot is not enough: after `acc = a*b; acc += c` two nodes define it.)
  [[nodiscard]] bool is_foldable(Word word, Slot slot) const noexcept { return ((word ^ fresh_word_) | (slot ^ open_)) == 0; }
  [[nodiscard]] Word result_word() const noexcept { return result_word_; }
  [[nodiscard]] Word input_word() const noexcept { return id_; }
  [[nodiscard]] bool holds_alone(Word word) const noexcept { return word == fresh_word_; }

  // These run at every operation. They are inlined, take their numbers by value, and contain no call that returns: no register for floating
  // point survives a call, so the compiler would keep the values of a running sum in memory (a short sum takes 2.5 times as long).
  [[gnu::always_inline]] Slot record(Slot a, Real da) {
    if (slots_ >= max_slots_) [[unlikely]] throw_slots_exhausted(1);
    make_room();
    nodes_.push(++slots_, a, da);
    return open_ = slots_;
  }
  [[gnu::always_inline]] Slot record(Slot a, Slot b, Real da, Real db) {
    if (slots_ >= max_slots_) [[unlikely]] throw_slots_exhausted(1);
    make_room();
    nodes_.push(++slots_, a, da, b, db);
    return open_ = slots_;
  }
  /// One more node that defines `into`: its adjoint also flows to a.
  [[gnu::always_inline]] void accumulate(Slot into, Slot a, Real da) {
    make_room();
    nodes_.push(into, a, da);
    open_ = 0;
  }
  /// Multiplies the newest node's partials by one more factor of the chain. False, and nothing is done, when a product would leave the range.
  [[gnu::always_inline]] bool scale_newest(Real factor) {
    const Real old_last = nodes_.template newest_d<0>(), last = old_last * factor;
    if (!in_range(last, old_last, factor)) [[unlikely]] return false;
    if (nodes_.newest_has_two()) {
      const Real old_first = nodes_.template newest_d<1>(), first = old_first * factor;
      if (!in_range(first, old_first, factor)) [[unlikely]] return false;
      nodes_.template set_newest_d<1>(first);
    }
    nodes_.template set_newest_d<0>(last);
    return true;
  }
  /// Turns the newest node, which defines `folded` from one operand, into one that defines a function of it and of `other`.
  /// False, and nothing is done, when it has two operands, or the product would leave the range.
  [[gnu::always_inline]] bool absorb(Slot folded, Real d_folded, Slot other, Real d_other) {
    if (nodes_.newest_has_two() || other == folded) return false;
    const Real old = nodes_.template newest_d<0>(), d = old * d_folded;
    if (!in_range(d, old, d_folded)) [[unlikely]] return false;
    nodes_.template set_newest_d<0>(d);
    nodes_.extend_newest(folded, other, d_other);
    return true;
  }
  [[gnu::always_inline]] void negate_newest() noexcept {
    if (nodes_.newest_has_two()) nodes_.template set_newest_d<1>(-nodes_.template newest_d<1>());
    nodes_.template set_newest_d<0>(-nodes_.template newest_d<0>());
  }
  /// Lets the newest node define `into` instead of `newest`, the newest slot, which is given back. (open_ still names that slot: nobody holds it.)
  [[gnu::always_inline]] void retarget_newest(Slot into, Slot newest) noexcept {
    slots_ = newest - 1;  // does not wait for the increment to be read back (a sixth of a dot product)
    nodes_.retarget_newest(into);
  }
  [[gnu::always_inline]] Slot input() {
    if (slots_ >= max_slots_) [[unlikely]] throw_slots_exhausted(1);
    open_ = 0;
    return ++slots_;
  }
  /// n slots in a row; returns the first. Throws TapeError when slots are exhausted.
  Slot inputs(std::size_t n) {
    if (n > max_slots_ - slots_) [[unlikely]] throw_slots_exhausted(n);
    const Slot first = slots_ + 1;
    open_ = 0;
    slots_ += static_cast<Slot>(n);
    return first;
  }
  /// A node whose partials have left the range of Real: the partials are given in the wider real and split over two nodes each.
  Slot record_split(Slot a, Slot b, Wider<Real> da, Wider<Real> db);

 protected:
  // A folded product must not under- or overflow where the unfolded chain, which meets the adjoint first, would not.
  static bool in_range(Real product, Real a, Real b) {
    if constexpr (PlainReal<Real>) return !is_extreme(product) || (product == 0 && (is_zero(a) || is_zero(b)));
    else return is_zero(product - product);  // finite; 0·∞ of a folded chain would be NaN where an adjoint of 0 stops the unfolded one
  }
  /// Room for one more node. Where address space is reserved at the start there is room, or there will never be.
  [[gnu::always_inline]] void make_room() {
    nodes_.prefetch_end();
    if (nodes_.is_full()) [[unlikely]] {
      if constexpr (reserves_at_once) throw_nodes_exhausted();
      else nodes_.grow();
    }
  }
  [[noreturn, gnu::cold]] void throw_inadmissible(Word word) const;
  [[noreturn, gnu::cold]] void throw_slots_exhausted(std::size_t wanted) const;
  [[noreturn, gnu::cold]] void throw_nodes_exhausted() const;

  Nodes<Real> nodes_;
  Slot slots_ = 0, max_slots_ = 0;
  // The slot that the newest node alone defines; 0 when there is none. After a mark or rewind one of before, which no variable with the new fresh_word_ has.
  mutable Slot open_ = 0;
  Word id_ = no_tape_word, fresh_word_ = no_tape_word | fresh_bit, result_word_ = no_tape_word | fresh_bit;
  Word base_id_ = no_tape_word;  // of the segment below the current one; a segment issues no variables after the mark that closed it
  const Segment *older_ = nullptr, *older_end_ = nullptr;  // those below base_id_
};

template <class Real> inline constinit TapeCore<Real> no_tape{};
static_assert(std::is_trivially_destructible_v<TapeCore<double>>, "variables may outlive the other static objects");
/// The tape that operations of this thread are recorded on. A constant-initialised thread-local pointer costs nothing; a dynamic one 2-6 times as much.
template <class Real> inline constinit thread_local TapeCore<Real>* active_tape = &no_tape<Real>;

/// An output and the adjoint to start from, for sweeps with several outputs or seeds other than 1.
template <class Real> struct Seed {
  Seed(const BasicVar<Real>& y, Real s = Real(1));
  Seed(const BasicTensor<Real>& y, std::span<const Real> s);
  Word word;
  Destination to;
  Real scalar;
  std::span<const Real> values;
};

/// Records operations of this thread while a Recording of it is alive, and computes adjoints from the record.
/// A tape belongs to the thread that made it; it cannot be copied or moved.
template <class Real> class BasicTape : public TapeCore<Real> {
 public:
  struct Options {
    Slot max_slots = Nodes<Real>::max_slots;  ///< scalars and elements of arrays; recording more throws TapeError, as do more than 2^31 - 1
    bool fold = true;             ///< false: every operation keeps a node of its own
  };
  explicit BasicTape(Options options = Options());
  ~BasicTape();
  BasicTape(const BasicTape&) = delete;
  BasicTape& operator=(const BasicTape&) = delete;

  /// A position to rewind to. Valid until the tape is cleared or rewound to before it.
  struct Mark {
    std::size_t nodes, blocks, ranges, gaps, kept, exceptions;
    Slot slots, end_of_ranges;
    Word base;
    Arena::Position arena;
    Deferred<Real>* deferred;
  };
  /// Remembers the present position; what is recorded later can be forgotten by rewind, what was recorded earlier stays usable.
  [[nodiscard]] Mark mark();
  /// Forgets everything recorded since the mark; variables made since then throw when used. Throws TapeError if the mark is no longer valid.
  void rewind(const Mark& to);
  /// Forgets everything.
  void clear();

  /// Propagates the adjoint `seed` of y back to everything recorded. Throws TapeError if y is a constant or not of this recording.
  [[gnu::always_inline]] void sweep(const BasicVar<Real>& y, BasicAdjoints<Real>& adjoints, Real seed = Real(1)) const { sweep_from(y.word(), y.slot(), adjoints, seed); }
  /// The same for a tensor with one element.
  [[gnu::always_inline]] void sweep(const BasicTensor<Real>& y, BasicAdjoints<Real>& adjoints, Real seed = Real(1)) const {
    if (y.size() != 1) [[unlikely]] throw_not_one_element("sweep", ", or one seed an element", y);
    if (y.destination().range == no_range) sweep_from(y.word(), y.slot(), adjoints, seed);
    else sweep_from_range(y.word(), y.slot(), y.destination().range, adjoints, seed);
  }
  /// The same from several outputs at once: the adjoints of the weighted sum.
  void sweep(std::initializer_list<Seed<Real>> seeds, BasicAdjoints<Real>& adjoints) const { sweep(std::span(seeds.begin(), seeds.size()), adjoints); }
  void sweep(std::span<const Seed<Real>> seeds, BasicAdjoints<Real>& adjoints) const;

  /// The running-error scale: the sweep with every partial replaced by its magnitude, so that an entry is the sum of the |terms| of the adjoint.
  /// Throws TapeError when array blocks were recorded: their pullbacks are opaque.
  void sweep_magnitudes(const BasicVar<Real>& y, BasicAdjoints<Real>& magnitudes) const;

  [[nodiscard]] const Nodes<Real>& nodes() const noexcept { return this->nodes_; }
  [[nodiscard]] std::span<const Block<Real>> blocks() const noexcept { return {blocks_.data(), blocks_.size()}; }
  [[nodiscard]] Slot slots() const noexcept { return this->slots_; }
  /// Bytes in use for the present record, adjoints not included.
  [[nodiscard]] std::size_t bytes_used() const noexcept;

  // What tensors build on.
  /// Memory that lives until the tape is rewound before this point.
  template <class T = Real> [[nodiscard]] T* allocate(std::size_t n) { return arena_.template allocate_array<T>(n); }
  /// Slots for the adjoints of n > 0 elements of an array, aligned to cache lines unless they are few. Throws TapeError when slots are exhausted.
  [[nodiscard, gnu::always_inline]] Destination array(std::size_t n) {
    constexpr Slot line = Arena::alignment / sizeof(Real);
    const Slot padding = (line - this->slots_ % line) % line;
    if (n >= line && n < this->max_slots_ - this->slots_ && padding < this->max_slots_ - this->slots_ - n) this->slots_ += padding;
    const Slot first = this->inputs(n);
    const auto range = static_cast<std::uint32_t>(ranges_.size());
    if (end_of_ranges_ != first) ::new (gaps_.push()) Gap{end_of_ranges_, first};
    end_of_ranges_ = first + static_cast<Slot>(n);
    ::new (ranges_.push()) Range{first, static_cast<Slot>(n), false, false};  // made in place: see make_block
    return {first, range};
  }
  /// The same for the result of an operation: a single element is a slot like that of a Var, without a range that a sweep would look at.
  [[nodiscard, gnu::always_inline]] Destination result(std::size_t n) { return n == 1 ? Destination{this->input(), no_range} : array(n); }
  /// An element of an array becomes a Var of its own: its adjoints are zeroed before a sweep, and added to.
  static void note_scalar(Word word, Slot slot, std::uint32_t range) {
    TapeCore<Real>* const active = active_tape<Real>;
    if (active->is_recent(word)) static_cast<BasicTape*>(active)->hold_scalars(range);
    else note_scalar_elsewhere(word, slot, range);
  }
  /// Records an array operation: pull(sweep) reads the adjoints of the result and contributes to those of its inputs. It must be trivially destructible.
  template <class Pull> void record_block(Destination result, std::size_t count, Pull&& pull) {
    make_block(result, count, [&]() -> std::remove_cvref_t<Pull> { return std::forward<Pull>(pull); });
  }
  /// The same, where make() returns the pullback: it is made where it stays. A copy would read what has just been written in smaller pieces, and wait
  /// until all of that has reached the cache: so does the sweep then (a quarter of a small softmax). So the block, too, is made in place.
  template <class Make> void make_block(Destination result, std::size_t count, Make&& make) {
    using Closure = std::remove_cvref_t<decltype(make())>;
    add_block(*::new (arena_.allocate(sizeof(Closure))) Closure(make()), result, count, [](void* c, BasicSweep<Real>& sweep) { (*static_cast<Closure*>(c))(sweep); });
  }
  /// The same with a pullback that lies in memory of this tape.
  template <class Closure> [[gnu::always_inline]] void add_block(Closure& closure, Destination result, std::size_t count, void (*pull)(void*, BasicSweep<Real>&)) {
    static_assert(std::is_trivially_destructible_v<Closure>, "a pullback holds plain pointers; give the tape what it must keep alive");
    ::new (blocks_.push()) Block<Real>{this->nodes_.bytes(), result.first, static_cast<Slot>(count), result.range, pull, &closure};
  }
  /// Keeps memory that a pullback reads alive until the tape is rewound.
  void keep(std::shared_ptr<const void> memory) {
    kept_.push_back(std::move(memory));
    ++exceptions_;
  }
  /// The values of an input made at that position are about to be written: a sweep over operations that may have read the old ones throws, and
  /// deferred operations read them now.
  static void note_write(Word word, Destination to, const Real* values, std::size_t created);
  /// True when a span for writing an input has been given away: nobody says when it is written through.
  [[nodiscard]] bool is_open(Destination to) const noexcept { return ranges_[to.range].open; }
  /// An operation that reads an input may be deferred until the input is opened.
  void note_deferred(Deferred<Real>& deferred);
  /// How much has been recorded: a number that grows with every node and block.
  [[nodiscard]] std::size_t position() const noexcept { return this->nodes_.bytes() + blocks_.size(); }
  /// True when the variable was recorded on this tape and has not been forgotten since.
  [[nodiscard]] bool owns(Word word, Slot slot) const noexcept;
  /// Throws TapeError unless some tape of this thread owns the variable: then memory of that tape's arena may be read.
  static void require_alive(Word word, Slot slot) {
    if (!active_tape<Real>->is_recent(word)) [[unlikely]] require_alive_elsewhere(word, slot);
  }

 private:
  template <class R> friend class BasicRecording;
  template <class R> friend class BasicAdjoints;
  void begin_segment();
  [[gnu::always_inline]] void take_id();
  [[gnu::noinline, gnu::cold]] void draw_ids();
  [[gnu::always_inline]] void forget_above(const Mark& to) noexcept;
  [[gnu::noinline]] void rewind_further(const Mark& to);
  // In sweep.cpp. A tensor whose address is given away cannot stay in registers: hence no references to one.
  struct Sweeping;
  void sweep_from(Word word, Slot slot, BasicAdjoints<Real>& adjoints, Real seed) const;
  [[gnu::cold]] void sweep_from_range(Word word, Slot first, std::uint32_t range, BasicAdjoints<Real>& adjoints, Real seed) const;
  static void require_alive_elsewhere(Word word, Slot slot);
  static void note_scalar_elsewhere(Word word, Slot slot, std::uint32_t range);
  void hold_scalars(std::uint32_t range) {
    if (std::exchange(ranges_[range].has_scalars, true)) return;
    ::new (with_scalars_.push()) std::uint32_t(range);
    ++exceptions_;
  }

  Stack<Block<Real>> blocks_;
  Stack<Range> ranges_;      // in the order of their slots
  Slot end_of_ranges_ = 1;   // the slot behind the last of them; slot 0 is nobody's
  struct Gap { Slot first, end; };
  Stack<Gap> gaps_;          // between ranges: slots of scalars, and those that align arrays
  Stack<std::uint32_t> with_scalars_;  // the ranges that have_scalars
  Stack<Segment> closed_;    // the segments below the current one
  Slot first_ = 1;           // of the current segment
  std::vector<std::shared_ptr<const void>> kept_;
  Arena arena_;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  Deferred<Real>* deferred_ = nullptr;  // the newest that reads an input
  std::size_t exceptions_ = 0;     // grows with what a rewind has to undo one by one: where it has not, there is nothing of that kind
  std::size_t stale_from_ = none;  // operations from this position on may have read values that were overwritten since
  Word fold_bit_ = fresh_bit;      // 0: no result may be folded into
  std::uint32_t number_ = 0;       // this tape in the registry that error messages consult
  const void* thread_ = nullptr;   // where that of its maker has active_tape
  struct Link;                     // the tapes of a thread form a list, with links of their own
  Link* link_ = nullptr;
  static inline constinit thread_local Link* first_link_ = nullptr;  // without a destructor: tapes may outlive any thread-local object
  template <class Wanted> static BasicTape* find(Wanted&& wanted);
  Word next_id_ = 0, last_id_ = 0; // recording ids drawn from the common stock

  friend class TapeCore<Real>;
};

/// While alive, operations of this thread are recorded on the tape. Recordings nest: the previous one goes on when this one ends.
/// One that ends before a later one, or whose tape is destroyed, merely drops out.
template <class Real> class BasicRecording {
 public:
  /// Throws TapeError when the tape belongs to another thread.
  explicit BasicRecording(BasicTape<Real>& tape) : tape_(&tape), previous_(newest_) {
    if (tape.thread_ != &active_tape<Real>) [[unlikely]] throw_other_thread(tape);
    newest_ = this;
    active_tape<Real> = &tape;
  }
  ~BasicRecording() {
    if (newest_ == this) [[likely]] newest_ = previous_;
    else drop_out();
    activate_newest();
  }
  BasicRecording(const BasicRecording&) = delete;
  BasicRecording& operator=(const BasicRecording&) = delete;

 private:
  friend class BasicTape<Real>;
  static void activate_newest() noexcept { active_tape<Real> = newest_ == nullptr ? &no_tape<Real> : newest_->tape_; }
  [[noreturn, gnu::cold]] static void throw_other_thread(const BasicTape<Real>& tape);
  [[gnu::cold]] void drop_out() noexcept;
  static inline constinit thread_local BasicRecording* newest_ = nullptr;
  TapeCore<Real>* tape_;
  BasicRecording* previous_;
};
template <class Real> BasicRecording(BasicTape<Real>&) -> BasicRecording<Real>;

/// The adjoints of one sweep. Reusable: keeps its memory.
template <class Real> class BasicAdjoints {
 public:
  /// d output / d x. Throws TapeError when x was not recorded before the sweep, or is a constant.
  [[nodiscard]] const Real& operator[](const BasicVar<Real>& x) const;
  /// The same for every element of x, row-major.
  [[nodiscard]] std::span<const Real> operator[](const BasicTensor<Real>& x) const;
  /// All adjoints by slot; slot 0 is unused.
  [[nodiscard]] std::span<const Real> by_slot() const noexcept;

  BasicAdjoints() = default;
  BasicAdjoints(const BasicAdjoints& other);
  BasicAdjoints& operator=(const BasicAdjoints& other);
  BasicAdjoints(BasicAdjoints&& other) noexcept { swap(other); }
  BasicAdjoints& operator=(BasicAdjoints&& other) noexcept {
    BasicAdjoints(std::move(other)).swap(*this);
    return *this;
  }
  ~BasicAdjoints() = default;

 private:
  friend class BasicTape<Real>;
  void swap(BasicAdjoints& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(held_, other.held_);
    std::swap(unwritten_, other.unwritten_);
    std::swap(older_, other.older_);
    std::swap(newest_of_older_, other.newest_of_older_);
    std::swap(newest_, other.newest_);
    std::swap(complete_, other.complete_);
  }
  void require(Word word, Slot first, std::size_t count) const;
  void write_out(Slot first, std::size_t count) const noexcept;
  /// A range whose elements all have the adjoint in its first slot, or those of another range, which begins at `source`; they are written when
  /// somebody looks, who may be several threads at once.
  struct Unwritten { Slot first, count, source; bool written; };
  static constexpr std::size_t line = Arena::alignment / sizeof(Real);
  static constexpr std::size_t before = line - 1;  ///< so many elements precede that of slot 0: slot 1 begins a line
  static constexpr std::size_t beside = before + line;  ///< and a line follows that of the last slot, for zeros
  [[nodiscard]] Real* values() const noexcept { return values_.data() + before; }
  [[nodiscard]] std::size_t slots() const noexcept { return values_.size() - beside; }
  mutable Stack<Real> values_;
  Stack<Held> held_;         // by every range, and room for some more
  mutable Stack<Unwritten> unwritten_;
  Stack<Segment> older_;           // the segments that were closed then
  Word newest_of_older_ = no_tape_word;
  Segment newest_{};
  bool complete_ = false;          // else there is nothing to read
};

extern template class TapeCore<float>;
extern template class TapeCore<double>;
extern template class TapeCore<Dual<double>>;
extern template class BasicTape<float>;
extern template class BasicTape<double>;
extern template class BasicTape<Dual<double>>;

using Tape = BasicTape<double>;
using Recording = BasicRecording<double>;
using Adjoints = BasicAdjoints<double>;

}  // namespace gradus
