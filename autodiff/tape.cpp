// The tape: growth, recordings and marks, the sweep, and the words that explain misuse.
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

template <class Real> void TapeCore<Real>::grow() {
  const std::size_t used = size() * sizeof(Node<Real>);
  const Reservation grown = reserve_more({nodes_, static_cast<std::size_t>(limit_ - nodes_) * sizeof(Node<Real>)}, used, 2 * (used + sizeof(Node<Real>)));
  nodes_ = static_cast<Node<Real>*>(grown.data);
  end_ = nodes_ + used / sizeof(Node<Real>);
  limit_ = nodes_ + grown.capacity / sizeof(Node<Real>);
}

template <class Real> void TapeCore<Real>::throw_slots_exhausted(std::size_t wanted) const {
  if (this == &no_tape<Real>) throw TapeError("no active tape: make a gradus::Tape and a gradus::Recording of it before you make inputs");
  throw TapeError(fmt::format("slots exhausted: {} more wanted, {} of {} in use; rewind or clear the tape, or split the computation", wanted, slots_, max_slots_));
}

template <class Real> void TapeCore<Real>::throw_nodes_exhausted() const {
  throw TapeError(fmt::format("memory exhausted: {} operations are recorded, and the system granted this tape address space for no more (ulimit -v?)", size()));
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
        operand = record(operand, 0, std::ldexp(Real(1), step), Real(0));
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
    const Slot inner_a = record(a, 0, ha.inner, Real(0));
    const Slot inner_b = b == 0 ? 0 : record(b, 0, hb.inner, Real(0));
    const Slot out = record(inner_a, inner_b, ha.outer, hb.outer);
    return out;
  } else {
    return record(a, b, da, db);
  }
}

// ---- BasicTape

template <class Real> struct BasicTape<Real>::Link {
  std::atomic<BasicTape*> tape;  // null: destroyed by another thread than that which made it, which may be reading the list
  Link* next;
};

namespace {
template <class Real> constinit thread_local BasicRecording<Real>* newest_recording = nullptr;
constinit thread_local char here = 0;  // its address names the thread
}  // namespace

/// The tape of this thread that is wanted, or null.
template <class Real> template <class Wanted> BasicTape<Real>* BasicTape<Real>::find(Wanted&& wanted) {
  for (Link* link = first_link_; link != nullptr; link = link->next) {
    BasicTape* const tape = link->tape.load(std::memory_order_acquire);
    if (tape != nullptr && wanted(*tape)) return tape;
  }
  return nullptr;
}

template <class Real> BasicTape<Real>::BasicTape(Options options) : fold_bit_(options.fold ? fresh_bit : 0), number_(registry().add_tape()), thread_(&here) {
  this->max_slots_ = options.max_slots;
  begin_segment();
  std::unique_ptr<Link> link(new Link{{this}, first_link_});
  if constexpr (reserves_at_once) this->grow();
  link_ = first_link_ = link.release();
}

template <class Real> BasicTape<Real>::~BasicTape() {
  if (thread_ != &here) {
    link_->tape.store(nullptr, std::memory_order_release);
    registry().add_orphan(link_);
  } else {
    Link** at = &first_link_;
    while (*at != link_) at = &(*at)->next;
    *at = link_->next;
    delete link_;
    for (auto* r = newest_recording<Real>; r != nullptr; r = r->previous_)
      if (r->tape_ == this) r->tape_ = &no_tape<Real>;
    BasicRecording<Real>::activate_newest();
  }
  registry().remove_tape(number_);
  release({this->nodes_, static_cast<std::size_t>(this->limit_ - this->nodes_) * sizeof(Node<Real>)});
}

template <class Real> bool BasicTape<Real>::owns(Word word, Slot slot) const noexcept {
  for (const Segment& s : segments_)
    if (s.id == (word & ~fresh_bit) && slot >= s.first && slot < s.end) return true;
  return false;
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
  if (tape->position() > created && created < tape->stale_from_) tape->stale_from_ = created;
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
  const auto in_use = [this] { return std::any_of(segments_.begin(), segments_.end(), [this](const Segment& s) { return s.id >= next_id_ && s.id < last_id_; }); };
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
  this->open_ = 0;
}

template <class Real> void BasicTape<Real>::begin_segment() {
  if (next_id_ == last_id_) draw_ids();
  take_id();
  this->base_id_ = segments_.empty() ? no_tape_word : segments_.back().id;
  ::new (segments_.push()) Segment{this->id_, this->slots_ + 1, static_cast<Slot>(-1)};
  this->older_ = segments_.data();
  this->older_end_ = segments_.data() + (segments_.size() < 2 ? 0 : segments_.size() - 2);
}

template <class Real> auto BasicTape<Real>::mark() -> Mark {
  const Mark m{this->size(), blocks_.size(), ranges_.size(), kept_.size(), this->slots_, this->id_, arena_.position(), deferred_};
  segments_.back().end = this->slots_ + 1;
  begin_segment();
  return m;
}

template <class Real> inline void BasicTape<Real>::forget_above(const Mark& to) noexcept {
  this->slots_ = to.slots;
  this->resize(to.nodes);
  blocks_.cut(to.blocks);
  ranges_.cut(to.ranges);
  arena_.rewind(to.arena);
  deferred_ = to.deferred;
}

template <class Real> void BasicTape<Real>::rewind(const Mark& to) {
  // A training loop comes back to the newest mark: the current segment begins anew. Here is no call that returns, so no register need be saved.
  Segment* const newest = segments_.end() - 1;
  if (to.base == this->base_id_ && to.slots + 1 == newest[-1].end && next_id_ != last_id_ && kept_.size() == to.kept && stale_from_ == none) [[likely]] {
    forget_above(to);
    take_id();
    ::new (newest) Segment{this->id_, to.slots + 1, static_cast<Slot>(-1)};
    return;
  }
  rewind_further(to);
}

template <class Real> void BasicTape<Real>::rewind_further(const Mark& to) {
  Segment* const base = std::find_if(segments_.begin(), segments_.end(), [&](const Segment& s) { return s.id == to.base; });
  if (base == segments_.end() || to.slots + 1 < base->first || to.slots + 1 > base->end)
    throw TapeError("rewind: the mark is no longer valid: the tape has been cleared or rewound to before it, or it is a mark of another tape");
  segments_.cut(static_cast<std::size_t>(base - segments_.begin()) + 1);
  base->end = to.slots + 1;
  forget_above(to);
  kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(to.kept), kept_.end());
  if (stale_from_ != none && position() <= stale_from_) stale_from_ = none;
  begin_segment();
}

template <class Real> void BasicTape<Real>::clear() {
  segments_.cut(0);
  this->resize(0);
  this->slots_ = 0;
  blocks_.cut(0);
  ranges_.cut(0);
  kept_.clear();
  arena_.rewind({});
  deferred_ = nullptr;
  stale_from_ = none;
  begin_segment();
}

template <class Real> std::size_t BasicTape<Real>::bytes_used() const noexcept {
  return this->size() * sizeof(Node<Real>) + blocks_.size() * sizeof(Block<Real>) + arena_.bytes_used();
}

namespace {
template <class Real> void sweep_nodes(const Node<Real>* nodes, std::size_t begin, std::size_t end, Real* adjoint) {
  for (std::size_t k = end; k-- > begin;) {
    const Node<Real>& n = nodes[k];
    // Beyond the caches the processor itself looks ahead too little, and not over the end of a page: 1.5 ns an operation instead of 0.8.
    prefetch(&n, -4096);
    const Real up = adjoint[n.out];
    // An adjoint of 0 contributes 0, even through an infinite partial: an unused sqrt(0) must not turn the gradient into NaN.
    if (is_zero(up)) continue;
    adjoint[n.a] += n.da * up;
    if (n.b != 0) adjoint[n.b] += n.db * up;  // unconditional, every unary node would queue on slot 0
  }
}
}  // namespace

template <class Real> inline Target<Real> BasicTape<Real>::target_of_seed(Word word, Destination to, BasicSweep<Real>& sweep) const {
  if (!this->admits(word)) [[unlikely]]
    throw TapeError("sweep: the output is a constant: it depends on no recorded variable");
  return sweep.target(to);
}

namespace {
template <class Real> [[gnu::noinline]] void zero(Real* first, std::size_t n) { std::fill_n(first, n, Real(0)); }
}  // namespace

template <class Real> inline void BasicTape<Real>::start_sweep(BasicAdjoints<Real>& adjoints) const {
  if (stale_from_ != none) [[unlikely]]
    throw TapeError("sweep: the values of an input were opened for writing after operations had read them; sweep before you write, then rewind");
  this->open_ = 0;  // what has an adjoint now keeps its slot: were it given back, a later variable would be taken for the earlier one
  adjoints.complete_ = false;
  constexpr std::size_t line = Arena::alignment / sizeof(Real);
  const std::size_t n = std::size_t{this->slots_} + 1, ranges = ranges_.size();
  adjoints.values_.replace_uninitialised(n, line);
  adjoints.held_.replace_uninitialised(ranges, 0);
  adjoints.uniform_.cut(0);
  // Only what nodes add to starts from 0; an array is written by whatever contributes to it first.
  Real* const adjoint = adjoints.values_.data();
  Held* const held = adjoints.held_.data();
  const auto put_zeros = [adjoint](std::size_t from, std::size_t to) {
    // A whole line where it is less: nothing is in what follows yet, and there is room. Without a call, the loop keeps its registers.
    if (to - from <= line) std::memset(static_cast<void*>(adjoint + from), 0, line * sizeof(Real));
    else zero(adjoint + from, to - from);
  };
  std::size_t done = 0;
  const Range* range = ranges_.data();
  for (std::size_t r = 0; r < ranges; ++r, ++range) {
    if (range->below != range->zeros_end) put_zeros(range->below, range->zeros_end);
    held[r] = range->start;
    done = std::size_t{range->first} + range->count;
  }
  if (done != n) put_zeros(done, n);
}

template <class Real> inline void BasicTape<Real>::finish_sweep(BasicAdjoints<Real>& adjoints) const {
  constexpr std::size_t few = 64;  // sooner written than remembered
  const std::size_t ranges = ranges_.size();
  const Held* const held = adjoints.held_.data();
  for (std::size_t r = 0; r < ranges; ++r) {
    if (held[r] == Held::each) [[likely]] continue;
    const Slot slot = ranges_[r].first, count = ranges_[r].count;
    Real* const first = adjoints.values_.data() + slot;
    if (held[r] == Held::nothing) zero(first, count);
    else if (count <= few) std::fill_n(first, count, Real(*first));
    else ::new (adjoints.uniform_.push()) typename BasicAdjoints<Real>::Uniform{slot, count, false};
  }
  // The newest one is not copied: read in other pieces than a rewind has just written, it would not be there yet.
  const std::size_t older = segments_.size() - 1;
  adjoints.segments_.replace_uninitialised(segments_.size(), 0);
  for (std::size_t s = 0; s < older; ++s) adjoints.segments_[s] = segments_[s];
  Segment& newest = adjoints.segments_[older];
  newest.id = this->id_;
  newest.first = segments_[older].first;
  newest.end = this->slots_ + 1;
  adjoints.complete_ = true;
}

template <class Real> template <class PutSeeds>
inline void BasicTape<Real>::sweep_from(BasicAdjoints<Real>& adjoints, PutSeeds&& put_seeds) const {
  start_sweep(adjoints);
  Real* const adjoint = adjoints.values_.data();
  Held* const held = adjoints.held_.data();
  BasicSweep<Real> sweep(adjoint, ranges_.data(), held);
  put_seeds(sweep);
  std::size_t end = this->size();
  const Block<Real>* const first_block = blocks_.begin();
  for (const Block<Real>* block = blocks_.end(); block != first_block;) {
    --block;
    if (end != block->node) sweep_nodes(this->nodes_, block->node, end, adjoint);
    end = block->node;
    if (held[block->range] == Held::nothing) continue;
    const Real* up = adjoint + block->first;
    if (is_zero(*up)) {
      const Real* const up_end = up + (held[block->range] == Held::one ? 1 : block->count);
      do ++up;
      while (up != up_end && is_zero(*up));
      if (up == up_end) continue;
    }
    sweep.enter(block->range);
    block->pull(block->closure, sweep);
  }
  if (end != 0) sweep_nodes(this->nodes_, 0, end, adjoint);
  finish_sweep(adjoints);
}

template <class Real> void BasicTape<Real>::sweep(std::span<const Seed<Real>> seeds, BasicAdjoints<Real>& adjoints) const {
  sweep_from(adjoints, [&](BasicSweep<Real>& sweep) {
    for (const Seed<Real>& s : seeds) {
      const Target<Real> target = target_of_seed(s.word, s.to, sweep);
      if (s.values.empty()) target.put(0, s.scalar);
      for (std::size_t i = 0; i < s.values.size(); ++i) target.put(i, s.values[i]);
    }
  });
}

template <class Real> void BasicTape<Real>::sweep_magnitudes(const BasicVar<Real>& y, BasicAdjoints<Real>& magnitudes) const {
  if (!blocks_.empty()) throw TapeError("sweep_magnitudes: array blocks have been recorded; their pullbacks are opaque");
  start_sweep(magnitudes);
  Real* const m = magnitudes.values_.data();
  BasicSweep<Real> sweep(m, ranges_.data(), magnitudes.held_.data());
  target_of_seed(y.word(), {y.slot(), no_range}, sweep).put(0, Real(1));
  const auto magnitude = [](const Real& d) { return d < 0.0 ? -d : d; };
  for (std::size_t k = this->size(); k-- > 0;) {
    const Node<Real>& n = this->nodes_[k];
    const Real up = m[n.out];
    if (is_zero(up)) continue;
    m[n.a] += magnitude(Real(n.da)) * up;
    if (n.b != 0) m[n.b] += magnitude(Real(n.db)) * up;
  }
  finish_sweep(magnitudes);
}

template <class Real> void BasicTape<Real>::sweep(const BasicVar<Real>& y, BasicAdjoints<Real>& adjoints, Real s) const {
  sweep_from(adjoints, [&](BasicSweep<Real>& sweep) { target_of_seed(y.word(), {y.slot(), no_range}, sweep).put(0, s); });
}

template <class Real> void BasicTape<Real>::sweep(const BasicTensor<Real>& y, BasicAdjoints<Real>& adjoints, Real s) const {
  if (y.size() != 1) [[unlikely]]
    throw ShapeError(fmt::format("sweep: the output has shape {}: one element is needed, or one seed an element", y.shape().text()));
  sweep_from(adjoints, [&](BasicSweep<Real>& sweep) { target_of_seed(y.word(), y.destination(), sweep).put(0, s); });
}

template <class Real> Seed<Real>::Seed(const BasicVar<Real>& y, Real s) : word(y.word()), to{y.slot(), no_range}, scalar(s) {}
template <class Real> Seed<Real>::Seed(const BasicTensor<Real>& y, std::span<const Real> s) : word(y.word()), to(y.destination()), scalar(0), values(s) {
  if (s.size() != y.size()) throw ShapeError(fmt::format("sweep: {} seeds for an output of shape {}", s.size(), y.shape().text()));
  if (s.empty()) throw ShapeError("sweep: the output is empty");
}

template <class Real> BasicRecording<Real>::BasicRecording(BasicTape<Real>& tape) : tape_(&tape), previous_(newest_recording<Real>) {
  if (tape.thread_ != &here) throw TapeError(fmt::format("tape #{} belongs to another thread: make a tape in every thread that records", tape.number_));
  newest_recording<Real> = this;
  active_tape<Real> = &tape;
}

template <class Real> BasicRecording<Real>::~BasicRecording() {
  for (BasicRecording** at = &newest_recording<Real>; *at != nullptr; at = &(*at)->previous_)
    if (*at == this) {
      *at = previous_;
      break;
    }
  activate_newest();
}

template <class Real> void BasicRecording<Real>::activate_newest() noexcept {
  active_tape<Real> = newest_recording<Real> == nullptr ? &no_tape<Real> : newest_recording<Real>->tape_;
}

template <class Real> void BasicAdjoints<Real>::require(Word word, Slot first, std::size_t count) const {
  if (!complete_ || segments_.empty()) throw TapeError("adjoint: no sweep has filled these adjoints yet");
  if (word == constant_word) throw TapeError("adjoint: asked for that of a constant, which was never recorded");
  if (word == moved_word) throw TapeError("adjoint: asked for that of a moved-from variable");
  for (const Segment& s : segments_)
    if (s.id == (word & ~fresh_bit) && first >= s.first && first + count <= s.end) return;
  throw TapeError("adjoint: asked for that of a variable which was recorded after this sweep, or on another tape, or before a clear or rewind");
}

template <class Real> const Real& BasicAdjoints<Real>::operator[](const BasicVar<Real>& x) const {
  require(x.word(), x.slot(), 1);
  write_out(x.slot(), 1);
  return values_[x.slot()];
}
template <class Real> std::span<const Real> BasicAdjoints<Real>::operator[](const BasicTensor<Real>& x) const {
  require(x.word(), x.slot(), x.size());
  write_out(x.slot(), x.size());
  return {values_.data() + x.slot(), x.size()};
}
template <class Real> std::span<const Real> BasicAdjoints<Real>::by_slot() const noexcept {
  write_out(0, values_.size());
  return {values_.data(), values_.size()};
}
template <class Real> void BasicAdjoints<Real>::write_out(Slot first, std::size_t count) const noexcept {
  static std::mutex mutex;
  for (Uniform& u : uniform_) {
    if (u.first >= first + count || first >= std::size_t{u.first} + u.count) continue;
    const std::atomic_ref<bool> written(u.written);
    if (written.load(std::memory_order_acquire)) continue;
    const std::lock_guard lock(mutex);
    if (written.load(std::memory_order_relaxed)) continue;
    std::fill_n(values_.data() + u.first + 1, u.count - 1, Real(values_[u.first]));
    written.store(true, std::memory_order_release);
  }
}
template <class Real>
BasicAdjoints<Real>::BasicAdjoints(const BasicAdjoints& other)
    : values_((other.write_out(0, other.values_.size()), other.values_)), held_(other.held_), segments_(other.segments_), complete_(other.complete_) {}
template <class Real> BasicAdjoints<Real>& BasicAdjoints<Real>::operator=(const BasicAdjoints& other) { return *this = BasicAdjoints(other); }

template class TapeCore<float>;
template class TapeCore<double>;
template class TapeCore<Dual<double>>;
template class BasicTape<float>;
template class BasicTape<double>;
template class BasicTape<Dual<double>>;
template class BasicRecording<float>;
template class BasicRecording<double>;
template class BasicRecording<Dual<double>>;
template class BasicAdjoints<float>;
template class BasicAdjoints<double>;
template class BasicAdjoints<Dual<double>>;
template struct Seed<float>;
template struct Seed<double>;
template struct Seed<Dual<double>>;

}  // namespace gradus
