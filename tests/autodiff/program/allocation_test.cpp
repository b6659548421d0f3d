// A replay that has been warmed up allocates nothing, nor does the gradient of a small function.
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

#include <autodiff/program/program.hpp>
#include <autodiff/threads.hpp>
#include <ops/exp.hpp>
#include <ops/tanh.hpp>

namespace {
thread_local std::size_t allocations = 0;
void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

// Not inlined: GCC 12 takes a malloc or free that it sees through one of a pair for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return counted(size, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

using namespace gradus;

BOOST_AUTO_TEST_CASE(a_warm_replay_allocates_nothing) {
  const auto f = [](const auto& x, const auto& p) { return x[0] < x[1] ? exp(p[0]) * x[0] + x[1] : tanh(p[1] * x[1]) * x[0]; };
  std::vector<double> samples, p = {0.3, -0.7}, values(1000), inputs(2000), gradient(2);
  for (int i = 0; i < 2000; ++i) samples.push_back(std::sin(i));
  const Program program = Program::record(f, {1.0, 2.0}, p);
  for (const std::size_t n : {1U, 2U}) {
    set_threads(n);
    for (int i = 0; i < 3; ++i) program.replay(samples, p, {values, inputs, gradient});
    program.replay(samples, p, {.parameter_gradient = gradient});
    const std::size_t before = allocations;
    for (int i = 0; i < 20; ++i) {
      program.replay(samples, p, {values, inputs, gradient});
      program.replay(std::span(samples).first(100 + 10 * static_cast<std::size_t>(i)), p, {.parameter_gradient = gradient});
    }
    BOOST_TEST(allocations == before);
  }
  set_threads(0);
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_small_function_allocates_nothing) {
  const auto f = [](const auto& x) { return exp(x[0]) * x[1] + x[2]; };
  const std::array x = {0.5, 2.0, 3.0};
  static_cast<void>(value_and_gradient(f, x));
  const std::size_t before = allocations;
  BOOST_TEST(value_and_gradient(f, x).gradient[1] == std::exp(0.5));
  BOOST_TEST(allocations == before);
}
