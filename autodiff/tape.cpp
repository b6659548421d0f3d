// The tape: growth, recordings and marks, and the words that explain misuse. The sweep is in sweep.cpp.
#include <autodiff/tape.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <autodiff/deferred.hpp>
#include <autodiff/tensor.hpp>
#include <autodiff/var.hpp>

namespace gradus {
namespace {

// Which tape drew which recording ids: consulted only to explain misuse, and once in 1024 recordings to draw new ids.
struct Registry {
  static constexpr Word ids_per_block = 1024;  // 2^31 recordings, an hour of small gradients, fill 8 MB
  struct TapeEntry { std::thread::id thread; bool alive; };
  std::mutex mutex;
  std::vector<TapeEntry> tapes;
  std::vector<std::uint32_t> block_owner;
  std::vector<void*> orphans;
  Word next_block = 0;

  Registry() { block_owner.reserve((moved_word - 1) / ids_per_block + 1); }  // address space only: a training loop must not meet a growing vector

  std::uint32_t add_tape() {
    const std::lock_guard lock(mutex);
    tapes.push_back({std::this_thread::get_id(), true});
    return static_cast<std::uint32_t>(tapes.size() - 1);
  }
  void remove_tape(std::uint32_t number) {
    const std::lock_guard lock(mutex);
    tapes[number].alive = false;
  }
  /// The first of ids_per_block unused recording ids. After 2^31 recordings they begin again.
  Word draw(std::uint32_t tape) {
    const std::lock_guard lock(mutex);
    const Word block = next_block;
    next_block = (block + 1) % ((moved_word - 1) / ids_per_block);
    if (block < block_owner.size()) block_owner[block] = tape;
    else block_owner.push_back(tape);
    return block * ids_per_block + 1;
  }
  /// Memory that some other thread may still read: never freed, and found here by leak checkers.
  void add_orphan(void* memory) {
    const std::lock_guard lock(mutex);
    orphans.push_back(memory);
  }
  struct Origin { bool known, alive, same_thread; std::uint32_t tape; };
  Origin origin(Word id) {
    const std::lock_guard lock(mutex);
    const Word block = (id - 1) / ids_per_block;
    if (id == 0 || block >= block_owner.size()) return {false, false, false, 0};
    const TapeEntry& entry = tapes[block_owner[block]];
    return {true, entry.alive, entry.thread == std::this_thread::get_id(), block_owner[block]};
  }
};
Registry& registry() {
  static Registry* const instance = new Registry;  // never destroyed: tapes of other threads may outlive static objects
  return *instance;
}

[[noreturn]] void throw_misuse(Word word, bool any_tape_active, std::uint32_t active_number) {
  const Word id = word & ~fresh_bit;
  if (id == moved_word) throw TapeError("use of a moved-from variable: assign to it before using it again");
  const Registry::Origin origin = registry().origin(id);
  if (!origin.known) throw TapeError("use of a variable that no tape recorded: its memory is not that of a variable");
  if (!origin.alive) throw TapeError(fmt::format("use of a variable of tape #{}, which has been destroyed", origin.tape));
  if (!origin.same_thread)
    throw TapeError(fmt::format("use of a variable of tape #{}, which belongs to another thread: every thread needs a tape and variables of its own", origin.tape));
  if (!any_tape_active)
    throw TapeError(fmt::format("no active tape: a variable of tape #{} is used, but no gradus::Recording is alive in this thread", origin.tape));
  if (origin.tape != active_number)
    throw TapeError(fmt::format("use of a variable of tape #{} while tape #{} is recording", origin.tape, active_number));
  throw TapeError(fmt::format("use of a stale variable: tape #{} has been cleared, or rewound to before it, since it was recorded", origin.tape));
}

}  // namespace

// ---- TapeCore: the slow paths of recording

template <class Real> void TapeCore<Real>::throw_slots_exhausted(std::size_t wanted) const {
  if (this == &no_tape<Real>) throw TapeError("no active tape: make a gradus::Tape and a gradus::Recording of it before you make inputs");
  throw TapeError(fmt::format("slots exhausted: {} more wanted, {} of {} in use; rewind or clear the tape, or split the computation", wanted, slots_, max_slots_));
}

template <class Real> void TapeCore<Real>::throw_nodes_exhausted() const {
  throw TapeError(fmt::format("memory exhausted: {} operations are recorded, and the system granted this tape address space for no more (ulimit -v?)", nodes_.count()));
}

template <class Real> void TapeCore<Real>::throw_inadmissible(Word word) const {
  if (this == &no_tape<Real>) throw_misuse(word, false, 0);
  throw_misuse(word, true, static_cast<const BasicTape<Real>&>(*this).number_);
}

template <class Real> Slot TapeCore<Real>::record_split(Slot a, Slot b, Wider<Real> da, Wider<Real> db) {
  if constexpr (PlainReal<Real>) {
    struct Halves { Real outer, inner; };
    constexpr int most = 2 * (std::numeric_limits<Real>::max_exponent - 4);
    // What two factors cannot hold goes into nodes of its own below them.
    const auto brought_near = [&](Slot& operand, Wider<Real>& d) {
      if (d == 0 || !std::isfinite(d)) return;
      int exponent = 0;
      for (static_cast<void>(std::frexp(d, &exponent)); std::abs(exponent) > most; static_cast<void>(std::frexp(d, &exponent))) {
        const int step = exponent > 0 ? most / 2 : -most / 2;
        operand = record(operand, std::ldexp(Real(1), step));
        d = std::ldexp(d, -step);
      }
    };
    brought_near(a, da);
    if (b != 0) brought_near(b, db);
    const auto halves = [](Wider<Real> d) -> Halves {
      if (d == 0 || !std::isfinite(d)) return {static_cast<Real>(d), Real(1)};
      int exponent = 0;
      const Wider<Real> fraction = std::frexp(d, &exponent);
      return {static_cast<Real>(std::ldexp(fraction, exponent / 2)), static_cast<Real>(std::ldexp(Wider<Real>(1), exponent - exponent / 2))};
    };
    const Halves ha = halves(da), hb = halves(db);
    const Slot inner_a = record(a, ha.inner);
    if (b == 0) return record(inner_a, ha.outer);
    const Slot inner_b = record(b, hb.inner);
    return record(inner_a, inner_b, ha.outer, hb.outer);
  } else {
    return b == 0 ? record(a, da) : record(a, b, da, db);
  }
}

// ---- BasicTape

template <class Real> struct BasicTape<Real>::Link {
  std::atomic<BasicTape*> tape;  // null: destroyed by another thread than that which made it, which may be reading the list
  Link* next;
};

/// The tape of this thread that is wanted, or null.
template <class Real> template <class Wanted> BasicTape<Real>* BasicTape<Real>::find(Wanted&& wanted) {
  for (Link* link = first_link_; link != nullptr; link = link->next) {
    BasicTape* const tape = link->tape.load(std::memory_order_acquire);
    if (tape != nullptr && wanted(*tape)) return tape;
  }
  return nullptr;
}

template <class Real> BasicTape<Real>::BasicTape(Options options) : fold_bit_(options.fold ? fresh_bit : 0), number_(registry().add_tape()), thread_(&active_tape<Real>) {
  this->max_slots_ = std::min(options.max_slots, Nodes<Real>::max_slots);
  begin_segment();
  std::unique_ptr<Link> link(new Link{{this}, first_link_});
  if constexpr (reserves_at_once) this->nodes_.grow();
  link_ = first_link_ = link.release();
}

template <class Real> BasicTape<Real>::~BasicTape() {
  if (thread_ != &active_tape<Real>) {
    link_->tape.store(nullptr, std::memory_order_release);
    registry().add_orphan(link_);
  } else {
    Link** at = &first_link_;
    while (*at != link_) at = &(*at)->next;
    *at = link_->next;
    delete link_;
    for (auto* r = BasicRecording<Real>::newest_; r != nullptr; r = r->previous_)
      if (r->tape_ == this) r->tape_ = &no_tape<Real>;
    BasicRecording<Real>::activate_newest();
  }
  registry().remove_tape(number_);
  this->nodes_.free_memory();
}

template <class Real> bool BasicTape<Real>::owns(Word word, Slot slot) const noexcept {
  if (this->is_current(word)) return slot >= first_;
  return std::any_of(closed_.begin(), closed_.end(), [&](const Segment& s) { return s.id == (word & ~fresh_bit) && slot >= s.first && slot < s.end; });
}

template <class Real> void BasicTape<Real>::require_alive_elsewhere(Word word, Slot slot) {
  if (find([&](const BasicTape& tape) { return tape.owns(word, slot); }) != nullptr) return;
  const TapeCore<Real>* active = active_tape<Real>;
  const bool any = active != &no_tape<Real>;
  throw_misuse(word, any, any ? static_cast<const BasicTape<Real>*>(active)->number_ : 0);
}

template <class Real> void BasicTape<Real>::note_write(Word word, Destination to, const Real* values, std::size_t created) {
  BasicTape* const tape = find([&](const BasicTape& t) { return t.owns(word, to.first); });
  if (tape == nullptr) return;
  if constexpr (PlainReal<Real>)
    if (!std::exchange(tape->ranges_[to.range].open, true))
      for (Deferred<Real>* d = tape->deferred_; d != nullptr; d = d->earlier)
        if (d->x == values) d->settle();
  if (tape->position() > created && created < tape->stale_from_) {
    tape->stale_from_ = created;
    ++tape->exceptions_;
  }
}

template <class Real> void BasicTape<Real>::note_deferred(Deferred<Real>& deferred) {
  if constexpr (PlainReal<Real>) deferred.earlier = std::exchange(deferred_, &deferred);
}

template <class Real> void BasicTape<Real>::note_scalar_elsewhere(Word word, Slot slot, std::uint32_t range) {
  BasicTape* const tape = find([&](const BasicTape& t) { return t.owns(word, slot); });
  if (tape != nullptr) tape->hold_scalars(range);
}

/// A block of ids none of which names a segment: after 2^31 recordings they begin again.
template <class Real> void BasicTape<Real>::draw_ids() {
  const auto in_use = [this] { return std::any_of(closed_.begin(), closed_.end(), [this](const Segment& s) { return s.id >= next_id_ && s.id < last_id_; }); };
  do {
    next_id_ = registry().draw(number_);
    last_id_ = next_id_ + Registry::ids_per_block;
  } while (in_use());
}

template <class Real> inline void BasicTape<Real>::take_id() {
  const Word id = next_id_;
  next_id_ = id + 1;
  this->id_ = id;
  this->fresh_word_ = id | fresh_bit;
  this->result_word_ = id | fold_bit_;
}

template <class Real> void BasicTape<Real>::begin_segment() {
  if (next_id_ == last_id_) draw_ids();
  take_id();
  first_ = this->slots_ + 1;
  this->base_id_ = closed_.empty() ? no_tape_word : closed_.back().id;
  this->older_ = closed_.begin();
  this->older_end_ = closed_.empty() ? closed_.begin() : closed_.end() - 1;
}

template <class Real> auto BasicTape<Real>::mark() -> Mark {
  const Mark m{this->nodes_.bytes(), blocks_.size(), ranges_.size(), gaps_.size(), kept_.size(), exceptions_, this->slots_, end_of_ranges_, this->id_, arena_.position(), deferred_};
  ::new (closed_.push()) Segment{this->id_, first_, this->slots_ + 1};
  begin_segment();
  return m;
}

template <class Real> inline void BasicTape<Real>::forget_above(const Mark& to) noexcept {
  this->slots_ = to.slots;
  this->nodes_.cut(to.nodes);
  blocks_.cut(to.blocks);
  ranges_.cut(to.ranges);
  end_of_ranges_ = to.end_of_ranges;
  gaps_.cut(to.gaps);
  arena_.rewind(to.arena);
  deferred_ = to.deferred;
}

template <class Real> void BasicTape<Real>::rewind(const Mark& to) {
  // A training loop comes back to the newest mark: the current segment begins anew. Here is no call that returns, so no register need be saved.
  if (to.base != this->base_id_ || to.slots + 1 != first_ || next_id_ == last_id_ || exceptions_ != to.exceptions) [[unlikely]] return rewind_further(to);
  forget_above(to);
  take_id();
}

template <class Real> void BasicTape<Real>::rewind_further(const Mark& to) {
  Segment* const base = std::find_if(closed_.begin(), closed_.end(), [&](const Segment& s) { return s.id == to.base; });
  if (base == closed_.end() || to.slots + 1 < base->first || to.slots + 1 > base->end)
    throw TapeError("rewind: the mark is no longer valid: the tape has been cleared or rewound to before it, or it is a mark of another tape");
  closed_.cut(static_cast<std::size_t>(base - closed_.begin()) + 1);
  base->end = to.slots + 1;
  forget_above(to);
  kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(to.kept), kept_.end());
  const auto forgotten = std::remove_if(with_scalars_.begin(), with_scalars_.end(), [&](std::uint32_t range) { return range >= to.ranges; });
  with_scalars_.cut(static_cast<std::size_t>(forgotten - with_scalars_.begin()));
  exceptions_ = to.exceptions;
  if (stale_from_ != none && position() <= stale_from_) stale_from_ = none;
  begin_segment();
}

template <class Real> void BasicTape<Real>::clear() {
  closed_.cut(0);
  this->nodes_.cut(0);
  this->slots_ = 0;
  blocks_.cut(0);
  ranges_.cut(0);
  end_of_ranges_ = 1;
  gaps_.cut(0);
  with_scalars_.cut(0);
  kept_.clear();
  arena_.rewind({});
  deferred_ = nullptr;
  stale_from_ = none;
  begin_segment();
}

template <class Real> std::size_t BasicTape<Real>::bytes_used() const noexcept {
  return this->nodes_.bytes() + blocks_.size() * sizeof(Block<Real>) + arena_.bytes_used();
}

template <class Real> void BasicRecording<Real>::throw_other_thread(const BasicTape<Real>& tape) {
  throw TapeError(fmt::format("tape #{} belongs to another thread: make a tape in every thread that records", tape.number_));
}

template <class Real> void BasicRecording<Real>::drop_out() noexcept {
  for (BasicRecording** at = &newest_; *at != nullptr; at = &(*at)->previous_)
    if (*at == this) {
      *at = previous_;
      break;
    }
}

template class TapeCore<float>;
template class TapeCore<double>;
template class TapeCore<Dual<double>>;
template class BasicTape<float>;
template class BasicTape<double>;
template class BasicTape<Dual<double>>;
template class BasicRecording<float>;
template class BasicRecording<double>;
template class BasicRecording<Dual<double>>;

}  // namespace gradus
