// The sweep: what it starts with, the way back through nodes and blocks, what it leaves behind.
#include <autodiff/tape.hpp>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <autodiff/tensor.hpp>
#include <autodiff/var.hpp>

namespace gradus {
namespace {

template <class Real> void sweep_nodes(const Nodes<Real>& nodes, std::size_t begin, std::size_t end, Real* adjoint) {
  const auto stop = nodes.from(begin);
  for (auto back = nodes.from(end); !back.is_at(stop);) {
    const Real up = adjoint[back.out()];
    const auto last = back.last();
    // An adjoint of 0 contributes 0, even through an infinite partial: an unused sqrt(0) must not turn the gradient into NaN.
    if (is_zero(up)) {
      if (last.is_second) static_cast<void>(back.first());
      continue;
    }
    adjoint[last.slot] += last.d * up;
    if (last.is_second) [[likely]] {
      const auto first = back.first();
      adjoint[first.slot] += first.d * up;
    }
  }
}
template <class Real> [[gnu::noinline]] void zero(Real* first, std::size_t n) { std::fill_n(first, n, Real(0)); }
}  // namespace

/// One sweep. Inlined: on arrays of ten elements, calls between these take longer than what they do.
template <class Real> struct BasicTape<Real>::Sweeping {
  const BasicTape& tape;
  BasicAdjoints<Real>& adjoints;

  // Throw before anything is touched: the adjoints of the sweep before stay.
  void require_recorded(Word word) const {
    if (!tape.admits(word)) [[unlikely]] throw TapeError("sweep: the output is a constant: it depends on no recorded variable");
  }
  void require_fresh() const {
    if (tape.stale_from_ != BasicTape::none) [[unlikely]]
      throw TapeError("sweep: the values of an input were opened for writing after operations had read them; sweep before you write, then rewind");
  }

  [[nodiscard, gnu::always_inline]] BasicSweep<Real> start() const {
    tape.open_ = 0;  // what has an adjoint now keeps its slot: were it given back, a later variable would be taken for the earlier one
    adjoints.complete_ = false;
    constexpr std::size_t line = BasicAdjoints<Real>::line, beside = BasicAdjoints<Real>::beside, few = 16 / sizeof(Real);
    const std::size_t n = std::size_t{tape.slots_} + 1, ranges = tape.ranges_.size();
    // In a loop nothing of this changes; stores are what a small sweep consists of, and they take longer than asking.
    if (adjoints.values_.size() != n + beside) [[unlikely]] {
      adjoints.values_.replace_uninitialised(n + beside, 0);
      ::new (adjoints.values()) Real(0);  // slot 0
    }
    if (adjoints.held_.size() != ranges + few_ranges) [[unlikely]] adjoints.held_.replace_uninitialised(ranges + few_ranges, 0);
    if (!adjoints.unwritten_.empty()) [[unlikely]] adjoints.unwritten_.cut(0);
    // Only what nodes add to starts from 0; an array is written by whatever contributes to it first.
    Real* const adjoint = adjoints.values();
    Held* const held = adjoints.held_.data();
    const auto put_zeros = [adjoint](std::size_t from, std::size_t to) {
      // A whole line, or 16 bytes, where it is less: nothing is in what follows yet. Without a call, the loop keeps its registers.
      if (to - from <= few) [[likely]] std::memset(static_cast<void*>(adjoint + from), 0, few * sizeof(Real));
      else if (to - from <= line) std::memset(static_cast<void*>(adjoint + from), 0, line * sizeof(Real));
      else zero(adjoint + from, to - from);
    };
    if (ranges <= few_ranges) [[likely]] std::memset(static_cast<void*>(held), 0, few_ranges);
    else std::memset(static_cast<void*>(held), 0, ranges);
    if (!tape.gaps_.empty()) [[unlikely]]
      for (const Gap& gap : tape.gaps_) put_zeros(gap.first, gap.end);
    if (tape.end_of_ranges_ != n) [[likely]] put_zeros(tape.end_of_ranges_, n);
    BasicSweep<Real> sweep(adjoint, tape.ranges_.data(), held, ranges);
    if (!tape.with_scalars_.empty()) [[unlikely]]
      for (const std::uint32_t r : tape.with_scalars_) static_cast<void>(sweep.sum({tape.ranges_[r].first, r}));
    return sweep;
  }
  static constexpr std::size_t few_ranges = 16;
  static_assert(static_cast<int>(Held::nothing) == 0 && sizeof(Held) == 1);

  struct Written { Multiple<Real> multiple; Slot slot; };
  /// Writes a multiple, or leaves it to those who look where the range before held the same: a sum hands it on to its terms.
  [[gnu::noinline]] static void finish_multiple(BasicAdjoints<Real>& adjoints, const Range& range, Written& last) {
    Real* const to = adjoints.values() + range.first;
    const Multiple<Real> m = BasicSweep<Real>::read_multiple(to);
    if (last.slot != 0 && m.is(last.multiple)) {
      ::new (adjoints.unwritten_.push()) typename BasicAdjoints<Real>::Unwritten{range.first, range.count, last.slot, false};
      return;
    }
    m.direction->write(*m.direction, m.factor, to);
    last = {m, range.first};
  }

  // Not of this object, which would have to be in memory.
  /// Writes what ranges hold in other ways, or leaves it to those who look.
  [[gnu::noinline]] static void finish_ranges(const BasicTape& tape, BasicAdjoints<Real>& adjoints) {
    constexpr std::size_t few = 64;  // sooner written than remembered
    Written last{};
    const Held* const held = adjoints.held_.data();
    for (std::size_t r = 0; r < tape.ranges_.size(); ++r) {
      if (held[r] == Held::each) continue;
      const Slot slot = tape.ranges_[r].first, count = tape.ranges_[r].count;
      Real* const first = adjoints.values() + slot;
      if (held[r] == Held::nothing) zero(first, count);
      else if (held[r] == Held::multiple) finish_multiple(adjoints, tape.ranges_[r], last);
      else if (count <= few) std::fill_n(first, count, Real(*first));
      else ::new (adjoints.unwritten_.push()) typename BasicAdjoints<Real>::Unwritten{slot, count, slot, false};
    }
  }
  [[gnu::noinline]] static void copy_segments(const BasicTape& tape, BasicAdjoints<Real>& adjoints) {
    adjoints.older_.replace_uninitialised(tape.closed_.size(), 0);
    std::copy(tape.closed_.begin(), tape.closed_.end(), adjoints.older_.begin());
    adjoints.newest_of_older_ = tape.base_id_;
  }

  [[gnu::always_inline]] void finish(const BasicSweep<Real>& sweep) const {
    if (sweep.has_others()) [[unlikely]] finish_ranges(tape, adjoints);
    // A loop sweeps over the same closed segments every time: where the newest of them is the same, all are.
    if (adjoints.newest_of_older_ != tape.base_id_) [[unlikely]] copy_segments(tape, adjoints);
    adjoints.newest_ = {tape.id_, tape.first_, tape.slots_ + 1};
    adjoints.complete_ = true;
  }

  /// put_seeds(sweep) puts the adjoints of the outputs.
  template <class PutSeeds> [[gnu::always_inline]] void from(PutSeeds&& put_seeds) const {
    require_fresh();
    BasicSweep<Real> sweep = start();
    Real* const adjoint = sweep.adjoints();
    const Held* const held = sweep.held();
    put_seeds(sweep);
    std::size_t end = tape.nodes_.bytes();
    const Block<Real>* const first_block = tape.blocks_.begin();
    for (const Block<Real>* block = tape.blocks_.end(); block != first_block;) {
      --block;
      if (end != block->nodes) [[unlikely]] sweep_nodes(tape.nodes_, block->nodes, end, adjoint);
      end = block->nodes;
      const Real* up = adjoint + block->first;
      if (block->range != no_range && held[block->range] == Held::nothing) [[unlikely]] continue;
      if (is_zero(*up)) [[unlikely]] {
        const Real* const up_end = up + (block->range != no_range && held[block->range] == Held::each ? block->count : 1);
        do ++up;
        while (up != up_end && is_zero(*up));
        if (up == up_end) continue;
      }
      sweep.enter(*block);
      block->pull(block->closure, sweep);
    }
    if (end != 0) [[unlikely]] sweep_nodes(tape.nodes_, 0, end, adjoint);
    finish(sweep);
  }
};

template <class Real> void BasicTape<Real>::sweep(std::span<const Seed<Real>> seeds, BasicAdjoints<Real>& adjoints) const {
  const Sweeping sweeping{*this, adjoints};
  for (const Seed<Real>& s : seeds) sweeping.require_recorded(s.word);
  sweeping.from([&](BasicSweep<Real>& sweep) {
    for (const Seed<Real>& s : seeds) {
      const Target<Real> target = sweep.target(s.to);
      if (s.values.empty()) target.put(0, s.scalar);
      for (std::size_t i = 0; i < s.values.size(); ++i) target.put(i, s.values[i]);
    }
  });
}

template <class Real> void BasicTape<Real>::sweep_magnitudes(const BasicVar<Real>& y, BasicAdjoints<Real>& magnitudes) const {
  if (!blocks_.empty()) throw TapeError("sweep_magnitudes: array blocks have been recorded; their pullbacks are opaque");
  const Sweeping sweeping{*this, magnitudes};
  sweeping.require_recorded(y.word());
  sweeping.require_fresh();
  const BasicSweep<Real> sweep = sweeping.start();
  Real* const m = magnitudes.values();
  m[y.slot()] = Real(1);
  const auto magnitude = [](const Real& d) { return d < 0.0 ? -d : d; };
  this->nodes_.for_each_backwards([&](const Node<Real>& n) {
    const Real up = m[n.out];
    if (is_zero(up)) return;
    m[n.a] += magnitude(n.da) * up;
    if (n.b != 0) m[n.b] += magnitude(n.db) * up;
  });
  sweeping.finish(sweep);
}

template <class Real> void BasicTape<Real>::sweep_from(Word word, Slot slot, BasicAdjoints<Real>& adjoints, Real seed) const {
  const Sweeping sweeping{*this, adjoints};
  sweeping.require_recorded(word);
  sweeping.from([&](BasicSweep<Real>& sweep) { sweep.adjoints()[slot] = seed; });
}

template <class Real> void BasicTape<Real>::sweep_from_range(Word word, Slot first, std::uint32_t range, BasicAdjoints<Real>& adjoints, Real seed) const {
  const Sweeping sweeping{*this, adjoints};
  sweeping.require_recorded(word);
  sweeping.from([&](BasicSweep<Real>& sweep) { sweep.target({first, range}).put(0, seed); });
}

template <class Real> Seed<Real>::Seed(const BasicVar<Real>& y, Real s) : word(y.word()), to{y.slot(), no_range}, scalar(s) {}
template <class Real> Seed<Real>::Seed(const BasicTensor<Real>& y, std::span<const Real> s) : word(y.word()), to(y.destination()), scalar(0), values(s) {
  if (s.size() != y.size()) throw ShapeError(fmt::format("sweep: {} seeds for an output of shape {}", s.size(), y.shape().text()));
  if (s.empty()) throw ShapeError("sweep: the output is empty");
}

template void BasicTape<float>::sweep(std::span<const Seed<float>>, BasicAdjoints<float>&) const;
template void BasicTape<float>::sweep_from(Word, Slot, BasicAdjoints<float>&, float) const;
template void BasicTape<float>::sweep_from_range(Word, Slot, std::uint32_t, BasicAdjoints<float>&, float) const;
template void BasicTape<float>::sweep_magnitudes(const BasicVar<float>&, BasicAdjoints<float>&) const;
template struct Seed<float>;
template void BasicTape<double>::sweep(std::span<const Seed<double>>, BasicAdjoints<double>&) const;
template void BasicTape<double>::sweep_from(Word, Slot, BasicAdjoints<double>&, double) const;
template void BasicTape<double>::sweep_from_range(Word, Slot, std::uint32_t, BasicAdjoints<double>&, double) const;
template void BasicTape<double>::sweep_magnitudes(const BasicVar<double>&, BasicAdjoints<double>&) const;
template struct Seed<double>;
template void BasicTape<Dual<double>>::sweep(std::span<const Seed<Dual<double>>>, BasicAdjoints<Dual<double>>&) const;
template void BasicTape<Dual<double>>::sweep_from(Word, Slot, BasicAdjoints<Dual<double>>&, Dual<double>) const;
template void BasicTape<Dual<double>>::sweep_from_range(Word, Slot, std::uint32_t, BasicAdjoints<Dual<double>>&, Dual<double>) const;
template void BasicTape<Dual<double>>::sweep_magnitudes(const BasicVar<Dual<double>>&, BasicAdjoints<Dual<double>>&) const;
template struct Seed<Dual<double>>;

}  // namespace gradus
