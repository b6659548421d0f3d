// The threads that large loops are spread over: a small pool, and parallel_for.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace gradus {

/// How many threads parallel_for uses, the calling one included: what set_threads said, else GRADUS_THREADS, else one a core. Throws ArgumentError when
/// GRADUS_THREADS is no number.
[[nodiscard]] std::size_t threads();
/// From now on n threads; 0 gives the default back.
void set_threads(std::size_t n) noexcept;

namespace detail {
void run_pieces(std::size_t count, std::size_t grain, void (*run)(void* f, std::size_t begin, std::size_t end), void* f);
}

/// f(begin, end) for each of the pieces [0, grain), [grain, 2*grain), … of [0, count), in any order and on several threads at once. The pieces do not
/// depend on how many threads there are: what is combined in their order is the same for any number. Throws what the first failing piece threw;
/// pieces that have not begun by then may be left out. Inside a piece, and while another thread uses the pool, everything runs on the calling
/// thread, as it does when threads cannot be started. The first call with more than one piece starts the threads; a forked process starts its own. In a process that was
/// forked from within a piece the loop does not go on: it throws Error, unless everything was done; where a worker forked, the process
/// ends with the piece, as a failure.
template <class F> void parallel_for(std::size_t count, std::size_t grain, F&& f) {
  using Function = std::remove_reference_t<F>;
  detail::run_pieces(
      count, grain, [](void* g, std::size_t begin, std::size_t end) { (*static_cast<Function*>(g))(begin, end); },
      const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace gradus
