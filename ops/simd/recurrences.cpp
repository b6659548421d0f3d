// Kernels of linear recurrences: as many steps at once as a register has lanes.
#include <cmath>
#include <utility>

#include <autodiff/simd/pack.hpp>

#include <ops/simd/array_tables.hpp>

namespace gradus {
namespace {

using Values = Register<double>::Values;
constexpr int lanes = Register<double>::lanes;

/// The lanes moved on by `by`, the way the recurrence runs; zeros come in.
template <int by, bool backward, int... lane> GRADUS_INLINE Values moved(Values x, std::integer_sequence<int, lane...>) {
  if constexpr (backward) return __builtin_shufflevector(x, Values{}, (lane + by < lanes ? lane + by : lanes)...);
  else return __builtin_shufflevector(x, Values{}, (lane >= by ? lane - by : lanes)...);
}
template <int from, int... lane> GRADUS_INLINE Values spread(Values x, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(x, x, (lane * 0 + from)...);
}
GRADUS_INLINE Values multiply_add(Values a, Values b, Values c) {
  if constexpr (has_fma) return detail::fused(a, b, c);
  else return a * b + c;
}

template <class Real> GRADUS_INLINE Values read(const Real* from) {
  Values x;
  for (int i = 0; i < lanes; ++i) x[i] = static_cast<double>(from[i]);
  return x;
}
template <> GRADUS_INLINE Values read<double>(const double* from) {
  Values x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}
template <class Real> GRADUS_INLINE void write(Real* to, Values x) {
  for (int i = 0; i < lanes; ++i) to[i] = static_cast<Real>(x[i]);
}
template <> GRADUS_INLINE void write<double>(double* to, Values x) { __builtin_memcpy(to, &x, sizeof x); }

template <class Real, bool backward> void run(double phi, double start, const Real* x, Real* y, std::size_t n) {
  constexpr std::make_integer_sequence<int, lanes> all{};
  double last = start;
  std::size_t done = 0;
  const auto place = [n](std::size_t step, std::size_t length) __attribute__((always_inline)) { return backward ? n - step - length : step; };
  // Within a register the steps are summed in pairs, pairs of pairs, and so on: powers of phi must stay in range. What is carried on from one register
  // to the next then waits for one multiplication instead of one a step.
  if (std::abs(phi) >= 0x1p-60 && std::abs(phi) <= 0x1p60) {
    const Values one = phi - Values{}, two = one * one, four = two * two;
    Values powers{};
    double power = 1;
    for (int i = 0; i < lanes; ++i) powers[backward ? lanes - 1 - i : i] = power *= phi;
    Values carried = start - Values{};
    for (; done + lanes <= n; done += lanes) {
      const std::size_t at = place(done, lanes);
      Values sum = read(x + at);
      sum = multiply_add(one, moved<1, backward>(sum, all), sum);
      if constexpr (lanes > 2) sum = multiply_add(two, moved<2, backward>(sum, all), sum);
      if constexpr (lanes > 4) sum = multiply_add(four, moved<4, backward>(sum, all), sum);
      sum = multiply_add(powers, carried, sum);
      write(y + at, sum);
      carried = spread<backward ? 0 : lanes - 1>(sum, all);
    }
    last = carried[0];
    if (!(std::abs(last) < HUGE_VAL)) [[unlikely]] last = start, done = 0;  // steps that cancel may have been out of range in pairs: one after the other
  }
  for (; done < n; ++done) {
    const std::size_t at = place(done, 1);
    last = phi * last + static_cast<double>(x[at]);
    y[at] = static_cast<Real>(last);
  }
}

template <class Real> constexpr gradus_kernels::Recurrence<Real> table{&run<Real, false>, &run<Real, true>};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const RecurrenceTables recurrences{gradus::table<float>, gradus::table<double>};
}
