// The adjoints of a sweep, as they are read.
#include <autodiff/tape.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>

#include <autodiff/tensor.hpp>
#include <autodiff/var.hpp>

namespace gradus {

template <class Real> void BasicAdjoints<Real>::require(Word word, Slot first, std::size_t count) const {
  if (!complete_) throw TapeError("adjoint: no sweep has filled these adjoints yet");
  if (word == constant_word) throw TapeError("adjoint: asked for that of a constant, which was never recorded");
  if (word == moved_word) throw TapeError("adjoint: asked for that of a moved-from variable");
  const auto holds = [&](const Segment& s) { return s.id == (word & ~fresh_bit) && first >= s.first && first + count <= s.end; };
  if (holds(newest_) || std::any_of(older_.begin(), older_.end(), holds)) return;
  throw TapeError("adjoint: asked for that of a variable which was recorded after this sweep, or on another tape, or before a clear or rewind");
}

template <class Real> const Real& BasicAdjoints<Real>::operator[](const BasicVar<Real>& x) const {
  require(x.word(), x.slot(), 1);
  write_out(x.slot(), 1);
  return values()[x.slot()];
}
template <class Real> std::span<const Real> BasicAdjoints<Real>::operator[](const BasicTensor<Real>& x) const {
  require(x.word(), x.slot(), x.size());
  write_out(x.slot(), x.size());
  return {values() + x.slot(), x.size()};
}
template <class Real> std::span<const Real> BasicAdjoints<Real>::by_slot() const noexcept {
  if (values_.empty()) return {};
  write_out(0, slots());
  return {values(), slots()};
}
template <class Real> void BasicAdjoints<Real>::write_out(Slot first, std::size_t count) const noexcept {
  static std::mutex mutex;
  for (Unwritten& u : unwritten_) {
    if (u.first >= first + count || first >= std::size_t{u.first} + u.count) continue;
    const std::atomic_ref<bool> written(u.written);
    if (written.load(std::memory_order_acquire)) continue;
    const std::lock_guard lock(mutex);
    if (written.load(std::memory_order_relaxed)) continue;
    if (u.source == u.first) std::fill_n(values() + u.first + 1, u.count - 1, Real(values()[u.first]));
    else std::copy_n(values() + u.source, u.count, values() + u.first);
    written.store(true, std::memory_order_release);
  }
}
template <class Real>
BasicAdjoints<Real>::BasicAdjoints(const BasicAdjoints& other)
    : values_((static_cast<void>(other.by_slot()), other.values_)), held_(other.held_), older_(other.older_), newest_of_older_(other.newest_of_older_), newest_(other.newest_), complete_(other.complete_) {}
template <class Real> BasicAdjoints<Real>& BasicAdjoints<Real>::operator=(const BasicAdjoints& other) { return *this = BasicAdjoints(other); }

template class BasicAdjoints<float>;
template class BasicAdjoints<double>;
template class BasicAdjoints<Dual<double>>;

}  // namespace gradus
