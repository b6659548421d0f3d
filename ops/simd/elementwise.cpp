// Kernels of every elementwise op: its formula over packs.
#include <autodiff/simd/math.hpp>

#include <ops/ops.hpp>
#include <ops/simd/division.hpp>
#include <ops/simd/tables.hpp>

namespace gradus {
namespace {

using gradus_kernels::Into, gradus_kernels::Single;

/// What arrays of Real are read into: one register.
template <class Real> inline constexpr int lanes_of = Register<Real>::lanes;
template <class Real> using Stored = Pack<Real, lanes_of<Real>>;

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
/// Evaluates a formula of Op over packs of Real: as they are, or in double where it calls a function.
template <class Op, class Real, class F, class... X> GRADUS_INLINE auto evaluate(F f, const X&... x) {
  if constexpr (std::is_same_v<Real, float> && !has_step_derivative<Op>) return in_double(f)(x...);
  else return f(x...);
}

/// f(i, count) for every pack of the range; the last may hold less than a full one.
template <int lanes, class F> GRADUS_INLINE void for_each_pack(std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) f(i, std::integral_constant<std::size_t, lanes>());
  if (i < n) f(i, n - i);
}
template <class Real> GRADUS_INLINE Stored<Real> load(const Real* from, std::integral_constant<std::size_t, lanes_of<Real>>) {
  return Stored<Real>::load(from);
}
template <class Real> GRADUS_INLINE Stored<Real> load(const Real* from, std::size_t count) { return Stored<Real>::load(from, count); }
template <class Real> GRADUS_INLINE void store(Real* to, const Stored<Real>& x, std::integral_constant<std::size_t, lanes_of<Real>>) { x.store(to); }
template <class Real> GRADUS_INLINE void store(Real* to, const Stored<Real>& x, std::size_t count) { x.store(to, count); }
template <class Real, class Count> GRADUS_INLINE void put(Real* to, Stored<Real> x, Into into, Count count) {
  if (into == Into::add) x += load(to, count);
  store(to, x, count);
}

/// Lanes whose partial must be formed in the wider range before it meets its adjoint.
template <class Op, class T, int N> GRADUS_INLINE Mask<T, N> out_of_range(const Pack<T, N>& partial) {
  if constexpr (is_flat<Op>) return is_extreme(partial) && partial != 0.0;
  else return is_extreme(partial);
}

template <class Op, class Real> struct UnaryKernels {
  static constexpr int lanes = lanes_of<Real>;
  using X = Stored<Real>;

  static void value(const void* pointer, const Real* x, Real* y, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    const auto formula = [&]<class P>(const P& at) __attribute__((always_inline)) { return P(op.value(at)); };
    for_each_pack<lanes>(
        n, [&](std::size_t i, auto count) __attribute__((always_inline)) { store(y + i, evaluate<Op, Real>(formula, load(x + i, count)), count); });
  }
  static void value_and_slope(const void* pointer, const Real* x, Real* y, Real* slope, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    const auto formulas = [&]<class P>(const P& at) __attribute__((always_inline)) {
      const P result(op.value(at));
      return Partials<P>{result, P(op.derivative(at, result))};
    };
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const auto both = evaluate<Op, Real>(formulas, load(x + i, count));
      store(y + i, both.da, count);
      store(slope + i, both.db, count);
    });
  }
  static void pull(const void* pointer, const Real* x, const Real* saved, const Real* up, Real* to, Into into, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    const auto formula = [&]<class P>(const P& at, const P& y) __attribute__((always_inline)) { return P(op.derivative(at, y)); };
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const X adjoint = load(up + i, count), kept = load(saved + i, count);
      X partial;
      if constexpr (has_cheap_derivative<Op>) partial = evaluate<Op, Real>(formula, load(x + i, count), kept);
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
  static constexpr gradus_kernels::Unary<Real> table{&value, has_cheap_derivative<Op> ? nullptr : &value_and_slope, &pull};
};

/// A sum over lanes that keeps its rounding errors.
template <int N> class LaneSum {
 public:
  GRADUS_INLINE void add(const Pack<double, N>& x) {
    const auto sum = high_ + x, rest = sum - high_;
    low_ += (high_ - (sum - rest)) + (x - rest);
    high_ = sum;
  }
  [[nodiscard]] double total() const {
    double high = 0, low = 0;
    for (int i = 0; i < N; ++i) {
      const double x = high_.lane(i), sum = high + x, rest = sum - high;
      low += ((high - (sum - rest)) + (x - rest)) + low_.lane(i);
      high = sum;
    }
    return low - low == 0 ? high + low : high;  // an infinity has no rounding error
  }

 private:
  Pack<double, N> high_{0.0}, low_{0.0};
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
      const X at_a = single == Single::first ? first : load(a + i, count), at_b = single == Single::second ? second : load(b + i, count);
      store(y + i, evaluate<Op, Real>(formula, at_a, at_b), count);
    });
  }

  template <Single single> static void pull(const void* pointer, const Real* a, const Real* b, const Real* y, const Real* up, Real* to_a, Into into_a,
                                            Real* to_b, Into into_b, std::size_t n) {
    const Op op = *static_cast<const Op*>(pointer);
    if (n == 0) return;
    const X first(*a), second(*b);
    LaneSum<lanes> sum;
    if constexpr (std::is_same_v<Op, Div> && single == Single::second && std::is_same_v<Real, double>)
      if (pull_division_by_one(y, *b, up, to_a, into_a, sum, n)) {
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
      const X at_a = single == Single::first ? first : load(a + i, count), at_b = single == Single::second ? second : load(b + i, count);
      const X adjoint = load(up + i, count);
      const auto [da, db] = evaluate<Op, Real>(formulas, at_a, at_b, load(y + i, count));
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
