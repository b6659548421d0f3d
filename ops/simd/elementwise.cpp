// Kernels of every elementwise op: its formula over packs.
#include <autodiff/simd/math.hpp>

#include <ops/ops.hpp>
#include <ops/simd/division.hpp>
#include <ops/simd/row_packs.hpp>
#include <ops/simd/tables.hpp>

namespace gradus {
namespace {

using gradus_kernels::RunningSum, gradus_kernels::Single;

/// Results of two halves, as floats.
template <int N> GRADUS_INLINE Pack<float, 2 * N> joined(const Pack<double, N>& low, const Pack<double, N>& high) { return join(low, high); }
template <class P> GRADUS_INLINE auto joined(const Partials<P>& low, const Partials<P>& high) {
  return Partials<decltype(join(low.da, high.da))>{join(low.da, high.da), join(low.db, high.db)};
}

/// f of packs of doubles, for packs of floats: one half after the other, as the compiler finds no common parts among packs of several registers.
/// No digits are then lost on the way, and no derivative leaves the range.
template <class F> GRADUS_INLINE auto in_double(F f) {
  return [f](const auto&... x) __attribute__((always_inline)) {
    const auto low = f(low_half(x)...), high = f(high_half(x)...);
    return joined(low, high);
  };
}
/// Evaluates a formula of Op over packs of Real: as they are, or those of floats in double unless the op works in float.
template <class Op, class Real, class InFloat, class F, class... X> GRADUS_INLINE auto evaluate(InFloat, F f, const X&... x) {
  if constexpr (std::is_same_v<Real, float> && !has_step_derivative<Op> && !InFloat::value) return in_double(f)(x...);
  else return f(x...);
}
/// f(whether Op works in float), which is asked once an array.
template <class Op, class Real, class F> GRADUS_INLINE auto with_choice(const Op& op, F f) {
  if constexpr (std::is_same_v<Real, float> && has_fma && can_work_in_float<Op>)
    if (op.works_in_float()) return f(std::true_type());
  return f(std::false_type());
}

/// Lanes whose partial must be formed in the wider range before it meets its adjoint.
template <class Op, class T, int N> GRADUS_INLINE Mask<T, N> out_of_range(const Pack<T, N>& partial) {
  if constexpr (is_flat<Op>) return is_extreme(partial) && partial != 0.0;
  else return is_extreme(partial);
}

/// Adds up floats in memory: a load widens half a register, which would have to be cut out of a whole one. Fetches what is read and written next.
[[gnu::noinline]] void add_floats(SumOfPairs<float, ArraySum<float>>& to, const float* y, std::size_t n, const float* next_x, float* next_slope) {
  SumOfPairs<float, ArraySum<float>> sums = to;
  sums.add(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
    Work<float> wide;
    if constexpr (std::is_same_v<decltype(count), std::size_t>) {
      wide = load(y + i, count, 0.0F);
    } else {
      for (int p = 0; p < Work<float>::parts; ++p) {
        detail::HalfRegister half;
        __builtin_memcpy(&half, y + i + p * Work<float>::per_register, sizeof half);
        wide.part[p] = detail::widened(half);
      }
      __builtin_prefetch(next_x + i);
      __builtin_prefetch(next_slope + i, 1);
    }
    return wide;
  });
  to = sums;
}

#if defined(__AVX512F__)
// The lesser and the greater of two magnitudes; of a NaN and a number the number.
GRADUS_INLINE __m512d smaller_size(__m512d a, __m512d b) { return _mm512_range_pd(a, b, 0b1010); }
GRADUS_INLINE __m512 smaller_size(__m512 a, __m512 b) { return _mm512_range_ps(a, b, 0b1010); }
GRADUS_INLINE __m512d larger_size(__m512d a, __m512d b) { return _mm512_range_pd(a, b, 0b1011); }
GRADUS_INLINE __m512 larger_size(__m512 a, __m512 b) { return _mm512_range_ps(a, b, 0b1011); }
#endif
/// Whether some of many partials must be formed in the wider range. (A NaN is as good as it gets.)
template <class Op, class X> class Sizes {
 public:
  GRADUS_INLINE void add(const X& partial) {
    if constexpr (has_step_derivative<Op>) return;
    else if constexpr (is_flat<Op>) outside_ = outside_ || out_of_range<Op>(partial);
#if defined(__AVX512F__)
    else for (int p = 0; p < X::parts; ++p) least_.part[p] = smaller_size(partial.part[p], least_.part[p]), most_.part[p] = larger_size(partial.part[p], most_.part[p]);
#else
    else least_ = smaller(abs(partial), least_), most_ = larger(abs(partial), most_);
#endif
  }
  [[nodiscard]] GRADUS_INLINE bool leave_range() const { return any(outside_ || is_extreme(least_) || is_extreme(most_)); }

 private:
  X least_{1.0}, most_{1.0};
  typename X::Holds outside_ = X(0.0) != X(0.0);
};

template <class Op, class Real> struct UnaryKernels {
  static constexpr int lanes = lanes_of<Real>;
  using X = Stored<Real>;

  static void value(const void* pointer, const Real* x, Real* y, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    const auto formula = [&]<class P>(const P& at) __attribute__((always_inline)) { return P(op.value(at)); };
    with_choice<Op, Real>(op, [&](auto in_float) __attribute__((always_inline)) {
      for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
        store(y + i, evaluate<Op, Real>(in_float, formula, load(x + i, count, Real(0))), count);
      });
    });
  }
  static void value_and_slope(const void* pointer, const Real* x, Real* y, Real* slope, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    with_choice<Op, Real>(op, [&](auto in_float) __attribute__((always_inline)) {
      for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
        const auto [value, partial] = value_and_partial(in_float, op, load(x + i, count, Real(0)));
        store(y + i, value, count);
        store(slope + i, partial, count);
      });
    });
  }
  /// Both at once where they share more than the value.
  struct Both { X value, partial; };
  template <class InFloat> GRADUS_INLINE static Both value_and_partial(InFloat in_float, const Op& op, const X& at) {
    if constexpr (has_cheap_derivative<Op>) {
      const X value = evaluate<Op, Real>(in_float, [&]<class P>(const P& p) __attribute__((always_inline)) { return P(op.value(p)); }, at);
      const auto derivative = [&]<class P>(const P& p, const P& y) __attribute__((always_inline)) { return P(op.derivative(p, y)); };
      return {value, evaluate<Op, Real>(in_float, derivative, at, value)};
    } else {
      const auto formulas = [&]<class P>(const P& p) __attribute__((always_inline)) {
        const P result(op.value(p));
        return Partials<P>{result, P(op.derivative(p, result))};
      };
      const auto [value, partial] = evaluate<Op, Real>(in_float, formulas, at);
      return {value, partial};
    }
  }

  using Sums = SumOfPairs<Real, ArraySum<Real>>;
  static_assert(sizeof(Sums) <= sizeof(RunningSum));
  static bool sum_and_slope(const void* pointer, const Real* x, Real* slope, std::size_t n, RunningSum& running) {
    const Op op = *static_cast<const Op*>(pointer);
    Sums sums;
    __builtin_memcpy(&sums, running.memory, sizeof sums);
    Sizes<Op, X> sizes;
    with_choice<Op, Real>(op, [&](auto in_float) __attribute__((always_inline)) {
      const auto value = [&](std::size_t i, auto count) __attribute__((always_inline)) {
        const auto [y, partial] = value_and_partial(in_float, op, load(x + i, count, Real(0)));
        store(slope + i, partial, count);
        sizes.add(partial);
        return y;
      };
      if constexpr (std::is_same_v<Real, float>) {
        constexpr std::size_t most = 512;
        alignas(X) float y[most];
        for (std::size_t from = 0; from < n; from += most) {
          const std::size_t part = n - from < most ? n - from : most;
          for_each_pack<lanes>(part, [&](std::size_t i, auto count) __attribute__((always_inline)) { store(y + i, value(from + i, count), count); });
          add_floats(sums, y, part, x + from + part, slope + from + part);
        }
      } else {
        sums.add(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
          const X y = value(i, count);
          if constexpr (!std::is_same_v<decltype(count), std::size_t>) return y;
          alignas(X) Real part[lanes] = {};
          store(part, y, count);
          return X::load(part);
        });
      }
    });
    __builtin_memcpy(running.memory, &sums, sizeof sums);
    return !sizes.leave_range();
  }
  static double total(const RunningSum& running) {
    Sums sums;
    __builtin_memcpy(&sums, running.memory, sizeof sums);
    return sums.total();
  }
  static void pull_uniform(const void* pointer, const Real* x, const Real* slope, Real up, Real* to, Into into, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    const X adjoint(up);
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const X partial = load(slope + i, count, Real(1));
      X part = partial * adjoint;
      if constexpr (!has_step_derivative<Op>) {
        const unsigned bits = out_of_range<Op>(partial).bits();
        if (bits != 0) [[unlikely]]
          part = wide(op, x + i, adjoint, part, bits);
      }
      put(to + i, part, into, count);
    });
  }
  static void pull(const void* pointer, const Real* x, const Real* saved, const Real* up, Real* to, Into into, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    const auto formula = [&]<class P>(const P& at, const P& y) __attribute__((always_inline)) { return P(op.derivative(at, y)); };
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const X adjoint = load(up + i, count, Real(0)), kept = load(saved + i, count, Real(0));
      X partial;
      if constexpr (has_cheap_derivative<Op>) partial = evaluate<Op, Real>(std::false_type(), formula, load(x + i, count, Real(0)), kept);
      else partial = kept;
      const auto nothing = adjoint == 0.0;
      X part = where(nothing, adjoint, partial * adjoint);
      if constexpr (!has_step_derivative<Op>) {
        const unsigned bits = (out_of_range<Op>(partial) && !nothing).bits();
        if (bits != 0) [[unlikely]]
          part = wide(op, x + i, adjoint, part, bits);
      }
      put(to + i, part, into, count);
    });
  }
  [[gnu::noinline, gnu::cold]] static X wide(const Op& op, const Real* x, const X& up, X part, unsigned bits) {
    for (int i = 0; i < lanes; ++i)
      if ((bits >> i & 1) != 0) part.set_lane(i, static_cast<Real>(wide_derivative(op, x[i]) * static_cast<Wider<Real>>(up.lane(i))));
    return part;
  }
  static constexpr gradus_kernels::Unary<Real> table{&value, has_cheap_derivative<Op> ? nullptr : &value_and_slope, &pull, &sum_and_slope, &total, &pull_uniform};
};

template <class Op, class Real> struct BinaryKernels {
  static constexpr int lanes = lanes_of<Real>;
  using X = Stored<Real>;

  template <Single single> static void value(const void* pointer, const Real* a, const Real* b, Real* y, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    if (n == 0) return;
    if constexpr (std::is_same_v<Op, Div> && single == Single::second)
      if (divide_by_one(a, *b, y, n)) return;
    const X first(*a), second(*b);
    const auto formula = [&]<class P>(const P& at_a, const P& at_b) __attribute__((always_inline)) { return P(op.value(at_a, at_b)); };
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const X at_a = single == Single::first ? first : load(a + i, count, Real(0)), at_b = single == Single::second ? second : load(b + i, count, Real(0));
      store(y + i, evaluate<Op, Real>(std::false_type(), formula, at_a, at_b), count);
    });
  }

  template <Single single> static void pull(const void* pointer, const Real* a, const Real* b, const Real* y, const Real* up, Real* to_a, Into into_a,
                                            Real* to_b, Into into_b, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    if (n == 0) return;
    const X first(*a), second(*b);
    LaneSum<double, lanes> sum;
    if constexpr (std::is_same_v<Op, Div> && single == Single::second && std::is_same_v<Real, double>)
      if (pull_division_by_one(a, y, *b, up, to_a, into_a, sum, n)) {
        if (into_b != Into::none) *to_b = (into_b == Into::add ? *to_b : 0) + sum.total();
        return;
      }
    const auto formulas = [&]<class P>(const P& at_a, const P& at_b, const P& result) __attribute__((always_inline)) {
      P exact = result;
      if constexpr (std::is_same_v<Real, float> && !has_step_derivative<Op>) exact = P(op.value(at_a, at_b));  // a float has too few digits, or none below 1e-45
      const auto [da, db] = op.derivatives(at_a, at_b, exact);
      return Partials<P>{P(da), P(db)};
    };
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const X at_a = single == Single::first ? first : load(a + i, count, Real(0)), at_b = single == Single::second ? second : load(b + i, count, Real(0));
      const X adjoint = load(up + i, count, Real(0));
      const auto [da, db] = evaluate<Op, Real>(std::false_type(), formulas, at_a, at_b, load(y + i, count, Real(0)));
      const auto nothing = adjoint == 0.0;
      X part_a = where(nothing, adjoint, da * adjoint), part_b = where(nothing, adjoint, db * adjoint);
      if constexpr (!has_step_derivative<Op>) {
        const unsigned bits = ((out_of_range<Op>(da) || out_of_range<Op>(db)) && !nothing).bits();
        if (bits != 0) [[unlikely]]
          wide(op, at_a, at_b, adjoint, part_a, part_b, bits);
      }
      if constexpr (single == Single::first) sum.add(part_a);
      else if (into_a != Into::none) put(to_a + i, part_a, into_a, count);
      if constexpr (single == Single::second) sum.add(part_b);
      else if (into_b != Into::none) put(to_b + i, part_b, into_b, count);
    });
    if (single == Single::first && into_a != Into::none) *to_a = static_cast<Real>((into_a == Into::add ? *to_a : 0) + sum.total());
    if (single == Single::second && into_b != Into::none) *to_b = static_cast<Real>((into_b == Into::add ? *to_b : 0) + sum.total());
  }
  [[gnu::noinline, gnu::cold]] static void wide(const Op& op, const X& a, const X& b, const X& up, X& part_a, X& part_b, unsigned bits) {
    for (int i = 0; i < lanes; ++i) {
      if ((bits >> i & 1) == 0) continue;
      const auto d = wide_derivatives(op, a.lane(i), b.lane(i));
      const auto adjoint = static_cast<Wider<Real>>(up.lane(i));
      part_a.set_lane(i, static_cast<Real>(d.da * adjoint));
      part_b.set_lane(i, static_cast<Real>(d.db * adjoint));
    }
  }
  static constexpr gradus_kernels::Binary<Real> table{{&value<Single::neither>, &value<Single::first>, &value<Single::second>},
                                                      {&pull<Single::neither>, &pull<Single::first>, &pull<Single::second>}};
};

template <class Op, class Real> constexpr gradus_kernels::Unary<Real> unary_entry() {
  if constexpr (UnaryOp<Op> && !is_scalar_only<Op>) return UnaryKernels<Op, Real>::table;
  else return {};
}
template <class Op, class Real> constexpr gradus_kernels::Binary<Real> binary_entry() {
  if constexpr (BinaryOp<Op> && !is_scalar_only<Op>) return BinaryKernels<Op, Real>::table;
  else return {};
}

template <class Ops> struct Entries;
template <class... Ops> struct Entries<OpList<Ops...>> {
  template <class Real> static constexpr gradus_kernels::Unary<Real> unary[] = {unary_entry<Ops, Real>()...};
  template <class Real> static constexpr gradus_kernels::Binary<Real> binary[] = {binary_entry<Ops, Real>()...};
  static constexpr gradus_kernels::Elementwise table{unary<float>, unary<double>, binary<float>, binary<double>};
};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const Elementwise elementwise = gradus::Entries<gradus::ElementwiseOps>::table;
}
