// The exhaustive proof for float: a unary op has 2^32 inputs there, and all of them are checked.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include <autodiff/op.hpp>
#include <ops/verify/float_reference.hpp>

namespace gradus {

/// The errors of the value, or of the derivative, over all inputs. An ulp is that of a float at the true result, or at the sum of |terms| where
/// OpInfo::cancels has one.
struct FloatErrors {
  double claim = 0;                      ///< what OpInfo promises, in ulps
  double ulps = 0;                       ///< the largest error; infinite for NaN or an infinity where there should be none, or the reverse
  float at = 0;                          ///< where it is; if at several inputs, the one of the smallest bit pattern
  float got = 0;
  double expected = 0;
  std::uint64_t correctly_rounded = 0;   ///< results than which no float is nearer to the truth
  std::uint64_t wrong = 0;               ///< results farther off than claimed
};

/// What was found about one op.
struct ExhaustiveResult {
  std::string name;
  std::uint64_t stride = 1;
  std::uint64_t inputs = 0;  ///< all of them
  std::uint64_t nans = 0;    ///< those that are NaN: value and derivative must be NaN as well
  FloatErrors value, derivative;
  double seconds = 0;
  [[nodiscard]] explicit operator bool() const noexcept { return value.wrong == 0 && derivative.wrong == 0; }
};

struct ExhaustiveOptions {
  std::uint64_t stride = 1;  ///< only the bit patterns 0, stride, 2*stride, …; at least 1
  unsigned threads = 0;      ///< 0: one a core
};

/// The errors of one part of the inputs.
struct FloatTally {
  std::uint64_t inputs = 0, nans = 0;
  FloatErrors value, derivative;
};

/// A unary op, callable with float at a range of bit patterns first, first + stride, …, below last. Parameters have their defaults.
struct FloatEntry {
  const OpInfo* info;
  void (*check)(std::uint64_t first, std::uint64_t last, std::uint64_t stride, FloatTally& tally);
};

/// All registered unary ops.
[[nodiscard]] std::span<const FloatEntry> float_ops();
/// Throws ArgumentError when there is no op of that name, or not of one number.
[[nodiscard]] const FloatEntry& float_op(std::string_view name);

/// Checks the value that `op` gives for float and the derivative that the scalar tape gives, for adjoint 1, against reference_at in double; where
/// that lies so near the middle of two floats that it cannot tell which is nearer, in long double. `progress` gets the number of
/// inputs done, from one thread at a time. Throws ArgumentError when the stride is 0.
[[nodiscard]] ExhaustiveResult check_all_floats(const FloatEntry& op, const ExhaustiveOptions& options = {},
                                                const std::function<void(std::uint64_t done, std::uint64_t of)>& progress = {});

namespace detail {

/// Nearer than this, relatively, to the middle of two floats the rounding of a reference is decided in long double. It is far more than the error.
inline constexpr double doubtful = 1e-9;

/// The size of an ulp of float at a double, inverted.
inline double ulps_per_one(double size) noexcept {
  const auto exponent = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(size) >> 52 & 0x7ff) - 1023;
  return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + 23 - (exponent < -126 ? -126 : exponent)) << 52);
}

/// Takes a result that is not finite, or whose rounding needs `exact`: the reference in long double.
void take_unusual(FloatErrors& errors, float x, float got, long double exact);
/// Takes an error that is the largest so far or larger than claimed. `cancels` is the text of the sum of |terms|, or empty.
void take_large(FloatErrors& errors, float x, float got, double expected, double ulps, const OpInfo* cancels);

template <class Exact> [[gnu::always_inline]] inline void take(FloatErrors& errors, float x, float got, double expected, const OpInfo* cancels, Exact exact) {
  const auto low = static_cast<float>(expected * (1 - doubtful)), high = static_cast<float>(expected * (1 + doubtful));
  if (low == high && std::fabs(low) <= std::numeric_limits<float>::max() && std::fabs(got) <= std::numeric_limits<float>::max()) [[likely]] {
    errors.correctly_rounded += got == low ? 1u : 0u;
  } else {
    const long double truth = std::fabs(expected) < 1e39 ? exact() : static_cast<long double>(expected);  // no doubt far beyond the range, nor about NaN
    take_unusual(errors, x, got, truth);
    expected = static_cast<double>(truth);
    if (!(std::fabs(expected) <= std::numeric_limits<float>::max()) || !std::isfinite(got)) return;
  }
  const double ulps = std::fabs(static_cast<double>(got) - expected) * ulps_per_one(expected);
  if (ulps > errors.ulps || ulps > errors.claim) [[unlikely]] take_large(errors, x, got, expected, ulps, cancels);
}

/// The derivative that a tape of floats gives for adjoint 1. One that leaves the range of float is formed in double and split over two nodes,
/// which round it to 24 bits before the product of the two rounds it into the range.
template <class Op> [[gnu::always_inline]] inline float tape_derivative(const Op& op, float x, float y) {
  const auto d = static_cast<float>(op.derivative(x, y));
  if (!needs_wider<Op>(d)) [[likely]] return d;
  const double wide = wide_derivative(op, x), factor = std::fabs(wide) < 1 ? 0x1p100 : 0x1p-100;
  return static_cast<float>(static_cast<double>(static_cast<float>(wide * factor)) / factor);
}

template <UnaryOp Op> void check_floats(std::uint64_t first, std::uint64_t last, std::uint64_t stride, FloatTally& tally) {
  const Op op{};
  FloatTally t = tally;  // a copy that the compiler can keep in registers
  for (std::uint64_t bits = first; bits < last; bits += stride) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    const auto y = static_cast<float>(op.value(x));
    const float d = tape_derivative(op, x, y);
    ++t.inputs;
    if (x != x) [[unlikely]] {
      constexpr long double nan = std::numeric_limits<long double>::quiet_NaN();
      ++t.nans;
      take_unusual(t.value, x, y, nan);
      take_unusual(t.derivative, x, d, nan);
      continue;
    }
    const auto truth = reference_at(op, static_cast<double>(x));
    take(t.value, x, y, truth.value, nullptr, [&] { return reference_at(op, static_cast<long double>(x)).value; });
    take(t.derivative, x, d, truth.derivative, Op::info.cancels.empty() ? nullptr : &Op::info, [&] { return reference_at(op, static_cast<long double>(x)).derivative; });
  }
  tally = t;
}

}  // namespace detail

/// The entry of a unary op, registered or not.
template <UnaryOp Op> [[nodiscard]] constexpr FloatEntry float_entry_of() { return {&Op::info, &detail::check_floats<Op>}; }

}  // namespace gradus
