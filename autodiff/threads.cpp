// The pool: workers that sleep until there are pieces to take.
#include <autodiff/threads.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

namespace gradus {
namespace {

constexpr std::size_t most_threads = 1024;
std::atomic<std::size_t> chosen_threads{0};
constinit thread_local bool inside_piece = false;

std::size_t default_threads() {
  if (const char* text = std::getenv("GRADUS_THREADS")) {
    char* end = nullptr;
    const unsigned long n = std::strtoul(text, &end, 10);
    if (end != text && *end == '\0' && n >= 1) return std::min<std::size_t>(n, most_threads);
  }
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_threads);
}

struct Job {
  std::size_t count, grain;
  void (*run)(void*, std::size_t, std::size_t);
  void* f;
  std::size_t helpers;  // workers that may take part
  std::atomic<std::size_t> next{0};
  std::mutex failing{};
  std::size_t failed_piece = static_cast<std::size_t>(-1);
  std::exception_ptr failure{};

  void work() {
    const std::size_t pieces = (count - 1) / grain + 1;
    for (std::size_t piece = next++; piece < pieces; piece = next++) {
      const std::size_t begin = piece * grain;
      try {
        run(f, begin, begin + std::min(grain, count - begin));
      } catch (...) {
        const std::lock_guard lock(failing);
        if (piece < failed_piece) {
          failed_piece = piece;
          failure = std::current_exception();
        }
        next = pieces;
      }
    }
  }
};

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

/// Never destroyed: its workers sleep until the process ends, whatever static objects have been destroyed by then.
class Pool {
 public:
  /// False when somebody else uses the pool.
  bool try_run(Job& job) {
    const std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner) return false;
    start(job.helpers);
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    job.work();
    std::unique_lock lock(mutex_);
    job_ = nullptr;  // who has not begun will not
    done_.wait(lock, [this] { return working_ == 0; });
    return true;
  }

 private:
  void start(std::size_t helpers) {
    try {
      for (; started_ < helpers; ++started_) std::thread([this, me = started_] { serve(me); }).detach();
    } catch (const std::system_error&) {
      // As many as the system allows.
    }
  }
  void serve(std::size_t me) {
    inside_piece = true;
    std::size_t seen = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      // The next job often comes at once, and waking up can take longer than it: look out for it for a while (some 25 us).
      lock.unlock();
      for (int i = 0; i < 500 && generation_.load(std::memory_order_relaxed) == seen; ++i) pause();
      lock.lock();
      wake_.wait(lock, [&] { return job_ != nullptr && generation_ != seen; });
      seen = generation_;
      Job* job = job_;
      if (me >= job->helpers) continue;
      ++working_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--working_ == 0) done_.notify_one();
    }
  }

  std::mutex owner_, mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  std::atomic<std::size_t> generation_{0};
  std::size_t working_ = 0, started_ = 0;
};

std::atomic<Pool*> pool{nullptr};

Pool& the_pool() {
  Pool* existing = pool.load(std::memory_order_acquire);
  if (existing != nullptr) return *existing;
#if __has_include(<pthread.h>)
  // The workers do not follow into a forked process, and its copies of their locks may be held for ever.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr, std::memory_order_release); });
  static_cast<void>(registered);
#endif
  auto* made = new Pool;
  if (pool.compare_exchange_strong(existing, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *existing;
}

/// Marks this thread while it works on pieces.
class InsidePiece {
 public:
  InsidePiece() { inside_piece = true; }
  ~InsidePiece() { inside_piece = false; }
  InsidePiece(const InsidePiece&) = delete;
  InsidePiece& operator=(const InsidePiece&) = delete;
};

}  // namespace

std::size_t threads() noexcept {
  const std::size_t n = chosen_threads.load(std::memory_order_relaxed);
  if (n != 0) return n;
  static const std::size_t by_default = default_threads();
  return by_default;
}
void set_threads(std::size_t n) noexcept { chosen_threads.store(std::min(n, most_threads), std::memory_order_relaxed); }

namespace detail {
void run_pieces(std::size_t count, std::size_t grain, void (*run)(void*, std::size_t, std::size_t), void* f) {
  if (count == 0) return;
  grain = std::max<std::size_t>(grain, 1);
  const std::size_t pieces = (count - 1) / grain + 1, helpers = std::min(threads(), pieces) - 1;
  if (helpers > 0 && !inside_piece) {
    const InsidePiece inside;
    Job job{.count = count, .grain = grain, .run = run, .f = f, .helpers = helpers};
    if (the_pool().try_run(job)) {
      if (job.failure) std::rethrow_exception(job.failure);
      return;
    }
  }
  for (std::size_t begin = 0; begin < count; begin += std::min(grain, count - begin)) run(f, begin, begin + std::min(grain, count - begin));
}
}  // namespace detail

}  // namespace gradus
