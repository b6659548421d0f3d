// Forward mode with all tangents of a small function at once, in the widest vectors of the machine.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cfenv>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <autodiff/op.hpp>

namespace gradus {

/// What wide duals derive from, so that argument-dependent lookup finds the functions here: a user writes `using std::exp; exp(x)`.
struct WideNumber {};

namespace detail {
/// How many doubles fit in a vector of the instruction set in use: 2, 4 or 8.
std::size_t find_vector_width();
inline constinit std::atomic<std::size_t> known_vector_width{0};
[[gnu::always_inline]] inline std::size_t vector_width() {
  const std::size_t width = known_vector_width.load(std::memory_order_relaxed);
  return width != 0 ? width : find_vector_width();
}

/// An op at a point: its value and its partials.
struct Linear { double value, da, db; };

/// Raises the flag by which gradients_in_forward_mode learns that a partial has left the range.
inline void note_extreme() noexcept {
  volatile double least = std::numeric_limits<double>::min();  // by arithmetic: feraiseexcept may raise it for the x87 only
  least = least * least;
}

// Not inlined into code for other instruction sets: formulas keep their digits only as they are compiled everywhere else.
template <class Op> [[gnu::noinline]] Linear linear_at(const Op& op, double x) {
  const auto y = static_cast<double>(op.value(x)), d = static_cast<double>(op.derivative(x, y));
  if (needs_wider<Op>(d)) [[unlikely]] note_extreme();
  return {y, d, 0};
}
template <class Op> [[gnu::noinline]] Linear linear_at(const Op& op, double a, double b) {
  const auto y = static_cast<double>(op.value(a, b));
  const auto partials = op.derivatives(a, b, y);
  const auto da = static_cast<double>(partials.da), db = static_cast<double>(partials.db);
  if (needs_wider<Op>(da) || needs_wider<Op>(db)) [[unlikely]] note_extreme();
  return {y, da, db};
}

// The exception flags of this thread that tell that a result is not to be relied on. Those that were raised before are lost: to raise them again
// afterwards would take longer than a small gradient, and a program that raised one once would pay for it ever after.
#if defined(__x86_64__)
inline constexpr unsigned telling_flags = _MM_EXCEPT_INVALID | _MM_EXCEPT_DIV_ZERO | _MM_EXCEPT_OVERFLOW | _MM_EXCEPT_UNDERFLOW;
inline bool any_flag() noexcept { return (_mm_getcsr() & telling_flags) != 0; }
inline void clear_flags() noexcept {
  if (any_flag()) [[unlikely]] _mm_setcsr(_mm_getcsr() & ~telling_flags);
}
#else
inline constexpr int telling_flags = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW;
inline bool any_flag() noexcept { return std::fetestexcept(telling_flags) != 0; }
inline void clear_flags() noexcept { std::feclearexcept(telling_flags); }
#endif
}  // namespace detail

// Where f's own arithmetic on double may be fused with a later sum (GCC does so in its GNU mode, clang always), it must not be compiled for vectors of
// an instruction set that can: f would not be the function that it is on double.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__STRICT_ANSI__)
#define GRADUS_WIDE_LEVELS 1
#else
#define GRADUS_WIDE_LEVELS 0
#endif

#if defined(__clang__)
#define GRADUS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GRADUS_UNROLL _Pragma("GCC unroll 16")
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"  // wide vectors are handed over in memory only

#define GRADUS_WIDE_BYTES 16
#define GRADUS_WIDE_TARGET
namespace wide_baseline {
#include <autodiff/wide_dual_vectors.hpp>
}
#undef GRADUS_WIDE_BYTES
#undef GRADUS_WIDE_TARGET
#if GRADUS_WIDE_LEVELS
#define GRADUS_WIDE_BYTES 32
#define GRADUS_WIDE_TARGET [[gnu::target("avx2,fma")]]
namespace wide_avx2 {
#include <autodiff/wide_dual_vectors.hpp>
}
#undef GRADUS_WIDE_BYTES
#undef GRADUS_WIDE_TARGET
#define GRADUS_WIDE_BYTES 64
#define GRADUS_WIDE_TARGET [[gnu::target("avx2,fma,avx512f,avx512dq,avx512vl")]]
namespace wide_avx512 {
#include <autodiff/wide_dual_vectors.hpp>
}
#undef GRADUS_WIDE_BYTES
#undef GRADUS_WIDE_TARGET
#endif
#undef GRADUS_UNROLL
#pragma GCC diagnostic pop

namespace detail {
/// Functions of up to so many inputs are differentiated in forward mode where they can be.
inline constexpr std::size_t most_wide_tangents = 16;

/// True when f can be called with an array of N wide duals.
template <class F, std::size_t N> constexpr bool takes_wide_duals = std::is_invocable_v<F&, const std::array<wide_baseline::WideDual<N>, N>&>;

/// f and its gradient in forward mode. False when the result cannot be relied on as that of the tape can: an operation was invalid, a number left the
/// range, or the result is not finite. (A tangent meets the partials in the order in which they were computed, an adjoint in the other one: what
/// overflows, or loses its digits below 1e-308, on one way need not do so on the other. And an infinite partial times a tangent of 0 is NaN.)
template <std::size_t N, class F> bool gradient_in_forward_mode(F& f, const std::array<double, N>& x, double& value, std::array<double, N>& gradient) {
  const auto push = [&] {
#if GRADUS_WIDE_LEVELS
    const std::size_t width = vector_width();
    if (width == 8) [[likely]] return wide_avx512::push_all(f, x, value, gradient);
    if (width == 4) return wide_avx2::push_all(f, x, value, gradient);
#endif
    return wide_baseline::push_all(f, x, value, gradient);
  };
  const bool finite = push();
  if (!any_flag()) [[likely]] return finite;
  // A flag may have been raised before: a second run tells. To look at the flags before the first would cost 4 of 40 ns.
  clear_flags();
  return push() && !any_flag();
}
}  // namespace detail

}  // namespace gradus

template <std::size_t N> struct std::numeric_limits<gradus::wide_baseline::WideDual<N>> : std::numeric_limits<double> {};
#if GRADUS_WIDE_LEVELS
template <std::size_t N> struct std::numeric_limits<gradus::wide_avx2::WideDual<N>> : std::numeric_limits<double> {};
template <std::size_t N> struct std::numeric_limits<gradus::wide_avx512::WideDual<N>> : std::numeric_limits<double> {};
#endif
