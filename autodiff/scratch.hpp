// Memory that a kernel needs for a moment: taken from an arena of the thread, so that nothing is allocated twice.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include <autodiff/arena.hpp>

namespace gradus {

/// The arena that a thread's scratch memory comes from.
[[nodiscard]] Arena& scratch_arena() noexcept;

/// n elements, uninitialised if T is a plain number, valid until the end of the block. Those of a thread end in the reverse order of their beginnings.
template <class T> class Scratch {
 public:
  explicit Scratch(std::size_t n) : arena_(scratch_arena()), start_(arena_.position()), data_(n == 0 ? nullptr : arena_.allocate_array<T>(n)) {
    if constexpr (!std::is_trivially_default_constructible_v<T>) std::uninitialized_default_construct_n(data_, n);
  }
  ~Scratch() { arena_.rewind(start_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  Arena& arena_;
  Arena::Position start_;
  T* data_;
};

}  // namespace gradus
