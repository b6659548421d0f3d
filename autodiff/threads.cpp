// The pool: workers that sleep until there are pieces to take.
#include <autodiff/threads.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

#include <autodiff/error.hpp>

namespace gradus {
namespace {

constexpr std::size_t most_threads = 1024;
std::atomic<std::size_t> chosen_threads{0};
constinit thread_local bool inside_piece = false;

std::atomic<unsigned> forks{0};  // how often this process or an ancestor has been forked since the pool was made

std::size_t default_threads() {
  const char* text = std::getenv("GRADUS_THREADS");
  if (text == nullptr || *text == 0) return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_threads);
  std::size_t n = 0;
  const char* const end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, n);
  const bool beyond = error == std::errc::result_out_of_range;
  if (rest != end || (n == 0 && !beyond)) throw ArgumentError("GRADUS_THREADS: '" + std::string(text) + "' is no number of threads: it must be a whole number above 0");
  return beyond ? most_threads : std::min(n, most_threads);
}

struct Job {
  std::size_t count, grain;
  void (*run)(void*, std::size_t, std::size_t);
  void* f;
  std::size_t helpers;  // workers that may take part
  // Who takes part begins with a share of neighbouring pieces of his own, and then helps the others: what neighbours leave in the caches is of use to
  // each other, and to those who combine their results.
  static constexpr std::size_t most_shares = 16;
  struct alignas(64) Share { std::atomic<std::size_t> next{0}; std::size_t end = 0; };
  Share shares[most_shares]{};
  std::size_t share_count = 1;
  std::mutex failing{};
  std::size_t failed_piece = static_cast<std::size_t>(-1);
  std::exception_ptr failure{};
  const unsigned forks_before = forks.load(std::memory_order_relaxed);

  Job(std::size_t n, std::size_t piece_size, void (*function)(void*, std::size_t, std::size_t), void* object, std::size_t workers)
      : count(n), grain(piece_size), run(function), f(object), helpers(workers), share_count(std::min(workers + 1, most_shares)) {
    const std::size_t pieces = (count - 1) / grain + 1;
    for (std::size_t k = 0; k < share_count; ++k) {
      shares[k].next.store(pieces / share_count * k + std::min(k, pieces % share_count), std::memory_order_relaxed);
      shares[k].end = pieces / share_count * (k + 1) + std::min(k + 1, pieces % share_count);
    }
  }
  /// True in a process that was forked from within a piece: there is no other thread in it.
  [[nodiscard]] bool was_forked() const noexcept { return forks.load(std::memory_order_relaxed) != forks_before; }
  /// Takes pieces until there are none; how many. Throws in a forked process only.
  std::size_t work(std::size_t me) {
    std::size_t done = 0;
    for (std::size_t k = 0; k < share_count; ++k) {
      Share& share = shares[(me + k) % share_count];
      for (std::size_t piece = share.next++; piece < share.end; piece = share.next++) {
        const std::size_t begin = piece * grain;
        try {
          run(f, begin, begin + std::min(grain, count - begin));
        } catch (...) {
          if (was_forked()) throw;
          fail(piece);
        }
        ++done;
        if (was_forked()) return done;
      }
    }
    return done;
  }
  void fail(std::size_t piece) {
    const std::lock_guard lock(failing);
    if (piece < failed_piece) {
      failed_piece = piece;
      failure = std::current_exception();
    }
    for (std::size_t k = 0; k < share_count; ++k)  // what comes before it may fail as well, and is to be told of first
      if (shares[k].end > piece) shares[k].next = shares[k].end;
  }
};

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

/// Looks out for something that will probably happen soon, as waking up takes longer than that: up to `patience`. True when it has happened.
template <class Happened> bool look_out(std::chrono::microseconds patience, Happened&& happened) {
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 64; ++i) {
      if (happened()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return happened();
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
    const std::size_t done = job.work(0);
    if (job.was_forked()) {  // the locks may be held for ever
      if (done == (job.count - 1) / job.grain + 1) return true;
      throw Error("parallel_for: the process was forked from within a piece; in the child, what other threads had begun is lost");
    }
    std::unique_lock lock(mutex_);
    job_ = nullptr;  // who has not begun will not
    lock.unlock();
    // The others are at their last pieces.
    const auto all_done = [this] { return working_.load(std::memory_order_acquire) == 0; };
    if (look_out(patience, all_done)) return true;
    lock.lock();
    done_.wait(lock, all_done);
    return true;
  }

 private:
  static constexpr std::chrono::microseconds patience{100};
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
      // The next job often comes at once.
      lock.unlock();
      look_out(patience, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
      lock.lock();
      wake_.wait(lock, [&] { return job_ != nullptr && generation_ != seen; });
      seen = generation_;
      Job* job = job_;
      if (me >= job->helpers) continue;
      ++working_;
      lock.unlock();
      job->work(me + 1);
      if (job->was_forked()) std::_Exit(EXIT_FAILURE);  // the only thread of this process has nothing to go back to
      lock.lock();
      if (working_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_one();
    }
  }

  std::mutex owner_, mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  std::atomic<std::size_t> generation_{0};
  std::atomic<std::size_t> working_{0};
  std::size_t started_ = 0;
};

std::atomic<Pool*> pool{nullptr};

Pool& the_pool() {
  Pool* existing = pool.load(std::memory_order_acquire);
  if (existing != nullptr) return *existing;
#if __has_include(<pthread.h>)
  // The workers do not follow into a forked process, and its copies of their locks may be held for ever.
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    pool.store(nullptr, std::memory_order_release);
    forks.fetch_add(1, std::memory_order_relaxed);
  });
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

std::size_t threads() {
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
    Job job(count, grain, run, f, helpers);
    if (the_pool().try_run(job)) {
      if (job.failure) std::rethrow_exception(job.failure);
      return;
    }
  }
  for (std::size_t begin = 0; begin < count; begin += std::min(grain, count - begin)) run(f, begin, begin + std::min(grain, count - begin));
}
}  // namespace detail

}  // namespace gradus
