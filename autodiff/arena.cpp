// Memory of a tape: reservation of address space, and chunks.
#include <autodiff/arena.hpp>
#include <autodiff/scratch.hpp>

#include <algorithm>
#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace gradus {
namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
#if defined(__linux__)
constexpr std::size_t first_reservation = std::size_t{64} << 30;

void* map(std::size_t bytes) {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  // Huge pages beyond the first: a small tape should not cost 2 MiB, a large one should not cost a page fault every 4 KiB.
  if (bytes > 2 * huge_page) ::madvise(static_cast<std::byte*>(p) + huge_page, bytes - huge_page, MADV_HUGEPAGE);
  return p;
}
#endif
}  // namespace

Reservation reserve_more(Reservation old, std::size_t used, std::size_t bytes) {
  Reservation fresh;
#if defined(__linux__)
  // A container or `ulimit -v` may refuse 64 GiB of address space: ask for less until something is granted.
  for (std::size_t size = std::max(first_reservation, 2 * bytes); fresh.data == nullptr && size >= bytes; size /= 4) fresh = {map(size), size};
  if (fresh.data == nullptr) fresh = {map(bytes), bytes};
#else
  fresh = {std::malloc(2 * bytes), 2 * bytes};
#endif
  if (fresh.data == nullptr) throw std::bad_alloc();
  if (used != 0) std::memcpy(fresh.data, old.data, used);
  release(old);
  return fresh;
}

void release(Reservation r) noexcept {
  if (r.data == nullptr) return;
#if defined(__linux__)
  ::munmap(r.data, r.capacity);
#else
  std::free(r.data);
#endif
}

void* allocate_lines(std::size_t bytes) {
  const bool large = bytes >= 2 * huge_page;
  const std::size_t line = large ? huge_page : Arena::alignment;
  void* p = std::aligned_alloc(line, std::max<std::size_t>(1, (bytes + line - 1) / line) * line);
  if (p == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (large) ::madvise(p, bytes, MADV_HUGEPAGE);  // else a page fault every 4 KiB when it is first used
#endif
  return p;
}

void free_lines(void* p) noexcept { std::free(p); }

void* Arena::allocate_from_next_chunk(std::size_t bytes) {
  constexpr std::size_t smallest = std::size_t{1} << 16;
  std::size_t next = at_.end == nullptr ? 0 : at_.chunk + 1;
  while (next < chunks_.size() && chunks_[next].size < bytes) ++next;  // too small for this request: stays unused until a rewind
  if (next == chunks_.size()) {
    const std::size_t size = std::max({smallest, bytes, chunks_.empty() ? 0 : std::min(2 * chunks_.back().size, std::size_t{64} << 20)});
    chunks_.push_back({std::unique_ptr<std::byte, Free>(static_cast<std::byte*>(allocate_lines(size))), size});
  }
  std::byte* const first = chunks_[next].data.get();
  at_ = {next, first + bytes, first + chunks_[next].size};
  return first;
}

Arena& scratch_arena() noexcept {
  thread_local Arena arena;
  return arena;
}

std::size_t Arena::bytes_used() const noexcept {
  if (at_.end == nullptr) return 0;
  auto total = static_cast<std::size_t>(at_.free - chunks_[at_.chunk].data.get());
  for (std::size_t c = 0; c < at_.chunk; ++c) total += chunks_[c].size;
  return total;
}

}  // namespace gradus
