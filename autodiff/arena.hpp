// Memory of a tape: an array that grows without moving, and a bump arena that is reset in O(1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

/// Address space reserved at once and filled by the operating system page by page, where there is one that can; `capacity` bytes are usable.
struct Reservation {
  void* data = nullptr;
  std::size_t capacity = 0;
};
/// Returns at least `bytes` (usually far more), keeping the first `used` bytes of `old`, which is released. Throws std::bad_alloc.
#if defined(__linux__)
inline constexpr bool reserves_at_once = true;  ///< the first reservation is as large as can be had, far larger than memory: it need not grow
#else
inline constexpr bool reserves_at_once = false;
#endif
[[nodiscard]] Reservation reserve_more(Reservation old, std::size_t used, std::size_t bytes);
void release(Reservation) noexcept;

/// How close to the core a prefetched line is wanted.
enum class Cache { first, second };
/// Asks for the cache line that lies so many bytes behind p, whatever is there.
template <Cache cache = Cache::first> [[gnu::always_inline]] inline void prefetch(const void* p, std::ptrdiff_t bytes) noexcept {
  const auto* const line = reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(p) + static_cast<std::uintptr_t>(bytes));
  __builtin_prefetch(line, 0, cache == Cache::first ? 3 : 2);
}

/// Uninitialised memory aligned to cache lines, and to huge pages where it is large. Throws std::bad_alloc.
[[nodiscard]] void* allocate_lines(std::size_t bytes);
void free_lines(void*) noexcept;

/// Chunks of memory handed out in order and taken back together; a rewound arena keeps its chunks, so a warmed-up loop allocates nothing.
class Arena {
 public:
  /// A chunk, what is free of it, and where it ends; before the first chunk no memory at all.
  struct Position { std::size_t chunk = 0; std::byte *free = nullptr, *end = nullptr; };
  static constexpr std::size_t alignment = 64;

  /// Uninitialised memory aligned to a cache line; valid until the arena is rewound before it.
  [[nodiscard, gnu::always_inline]] void* allocate(std::size_t bytes) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (bytes > static_cast<std::size_t>(at_.end - at_.free)) [[unlikely]] return allocate_from_next_chunk(bytes);
    return std::exchange(at_.free, at_.free + bytes);
  }
  template <class T> [[nodiscard]] T* allocate_array(std::size_t n) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignment);
    if (n > static_cast<std::size_t>(-1) / sizeof(T) / 2) throw std::bad_array_new_length();
    return static_cast<T*>(allocate(n * sizeof(T)));
  }
  [[nodiscard]] Position position() const noexcept { return at_; }
  void rewind(Position to) noexcept { at_ = to; }
  [[nodiscard]] std::size_t bytes_used() const noexcept;

 private:
  struct Free { void operator()(std::byte* p) const noexcept { free_lines(p); } };
  struct Chunk { std::unique_ptr<std::byte, Free> data; std::size_t size; };
  void* allocate_from_next_chunk(std::size_t bytes);

  std::vector<Chunk> chunks_;
  Position at_;
};

}  // namespace gradus
