// parallel_for: every piece once, whatever the number of threads; nested, failing, in several threads at once, after a fork.
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <autodiff/error.hpp>
#include <autodiff/threads.hpp>

using namespace gradus;

namespace {

/// Which pieces were run, and how often each number was covered.
struct Coverage {
  std::vector<std::atomic<int>> times;
  std::mutex mutex;
  std::set<std::pair<std::size_t, std::size_t>> pieces;
  explicit Coverage(std::size_t n) : times(n) {}
  void operator()(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) ++times[i];
    const std::lock_guard lock(mutex);
    pieces.emplace(begin, end);
  }
  [[nodiscard]] bool is_complete() const {
    for (const auto& t : times)
      if (t != 1) return false;
    return true;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_pieces_do_not_depend_on_the_number_of_threads) {
  for (const std::size_t count : {0U, 1U, 9U, 10U, 11U, 1000U})
    for (const std::size_t grain : {0U, 1U, 3U, 10U, 5000U}) {
      std::set<std::pair<std::size_t, std::size_t>> expected;
      const std::size_t step = grain == 0 ? 1 : grain;
      for (std::size_t begin = 0; begin < count; begin += step) expected.emplace(begin, begin + std::min(step, count - begin));
      for (const std::size_t n : {1U, 2U, 7U}) {
        set_threads(n);
        Coverage coverage(count);
        parallel_for(count, grain, coverage);
        BOOST_TEST(coverage.is_complete());
        BOOST_TEST((coverage.pieces == expected));
      }
    }
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(several_threads_take_part) {
  set_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::atomic<int> inside{0};
  parallel_for(2, 1, [&](std::size_t, std::size_t) {
    ++inside;
    while (inside < 2) std::this_thread::yield();  // ends only if somebody else takes the other piece
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  BOOST_TEST(seen.size() == 2U);
  set_threads(0);
  BOOST_TEST(threads() >= 1U);  // throws when GRADUS_THREADS is nonsense
}

BOOST_AUTO_TEST_CASE(nested_loops_stay_on_their_thread) {
  set_threads(3);
  std::atomic<int> strayed{0}, total{0};
  parallel_for(6, 1, [&](std::size_t, std::size_t) {
    const auto me = std::this_thread::get_id();
    parallel_for(50, 7, [&](std::size_t begin, std::size_t end) {
      if (std::this_thread::get_id() != me) ++strayed;
      total += static_cast<int>(end - begin);
    });
  });
  BOOST_TEST(strayed == 0);
  BOOST_TEST(total == 300);
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(what_a_piece_throws_arrives_and_the_pool_goes_on) {
  for (const std::size_t n : {1U, 2U, 5U}) {
    set_threads(n);
    for (int round = 0; round < 50; ++round) {
      std::string what;
      try {
        parallel_for(100, 1, [](std::size_t begin, std::size_t) {
          if (begin == 0 || begin == 60) throw std::runtime_error("piece " + std::to_string(begin));
        });
      } catch (const std::runtime_error& e) {
        what = e.what();
      }
      BOOST_TEST(what == "piece 0");
    }
    Coverage coverage(100);
    parallel_for(100, 1, coverage);
    BOOST_TEST(coverage.is_complete());
  }
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(threads_of_the_program_may_call_it_at_once) {
  set_threads(3);
  std::atomic<int> complete{0};
  std::vector<std::thread> callers;
  for (int k = 0; k < 4; ++k)
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        Coverage coverage(64);
        parallel_for(64, 4, coverage);
        complete += coverage.is_complete() ? 1 : 0;
      }
    });
  for (std::thread& t : callers) t.join();
  BOOST_TEST(complete == 400);
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(a_forked_process_has_a_pool_of_its_own) {
  set_threads(2);
  Coverage before(10);
  parallel_for(10, 1, before);
  const pid_t child = fork();
  if (child == 0) {
    Coverage coverage(100);
    parallel_for(100, 1, coverage);
    _exit(coverage.is_complete() ? 0 : 1);
  }
  int status = -1;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  set_threads(0);
}

/// Runs two pieces side by side; `forking` of them calls fork. The status of the child, which must end by itself.
int status_of_child_forked_in(bool by_caller) {
  set_threads(2);
  const auto caller = std::this_thread::get_id();
  const auto parent = ::getpid();
  std::atomic<int> inside{0};
  pid_t child = -1;
  try {
    parallel_for(2, 1, [&](std::size_t, std::size_t) {
      ++inside;
      while (inside < 2) std::this_thread::yield();
      if ((std::this_thread::get_id() == caller) == by_caller) child = fork();
    });
  } catch (const gradus::Error& e) {
    if (::getpid() == parent) throw;
    Coverage again(100);
    parallel_for(100, 1, again);
    _exit(again.is_complete() && std::string(e.what()).starts_with("parallel_for: the process was forked") ? 7 : 8);
  }
  if (::getpid() != parent) _exit(9);
  int status = -1;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFEXITED(status));
  set_threads(0);
  return WEXITSTATUS(status);
}
BOOST_AUTO_TEST_CASE(a_process_forked_from_within_a_piece_does_not_wait_for_threads_that_it_lacks) {
  BOOST_TEST(status_of_child_forked_in(true) == 7);
  BOOST_TEST(status_of_child_forked_in(false) == EXIT_FAILURE);
}
BOOST_AUTO_TEST_CASE(a_process_forked_when_no_other_piece_is_left_goes_on) {
  set_threads(2);
  const auto parent = ::getpid();
  Coverage coverage(1);
  pid_t child = -1;
  parallel_for(1, 1, [&](std::size_t begin, std::size_t end) {
    child = fork();
    coverage(begin, end);
  });
  if (::getpid() != parent) _exit(coverage.is_complete() ? 0 : 1);
  int status = -1;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(the_first_of_several_failures_is_told_whoever_meets_it) {
  set_threads(2);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> inside{0};
    std::string what;
    try {  // pieces 0 and 2 begin side by side; 2 fails before 1 is reached, which fails as well
      parallel_for(4, 1, [&](std::size_t begin, std::size_t) {
        ++inside;
        if (begin == 0)
          for (int i = 0; i < 100000 && inside < 2; ++i) std::this_thread::yield();
        if (begin != 0) throw std::runtime_error("piece " + std::to_string(begin));
      });
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    BOOST_TEST(what == "piece 1");
  }
  set_threads(0);
}
