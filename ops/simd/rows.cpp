// Kernels of rows along the last axis and of reductions, on packs.
#include <ops/simd/log_of_total.hpp>
#include <ops/simd/row_packs.hpp>

namespace gradus {
namespace {

using gradus_kernels::PartialSums, gradus_kernels::SoftmaxRow;

template <class Real> struct RowKernels {
  using Table = gradus_kernels::Rows<Real>;
  static constexpr std::size_t lanes = lanes_of<Real>;
  using X = Stored<Real>;
  using W = Work<Real>;
  static constexpr Real infinity = std::numeric_limits<Real>::infinity();
  static constexpr bool is_float = sizeof(Real) == sizeof(float);
  // As is_easy_row in rows.hpp: below `small` a share may meet an adjoint that brings the product back, unless it is nothing to any adjoint.
  static constexpr double small = is_float ? 0x1p-126 : 0x1p-250, nothing = is_float ? -200 : -1460;
  static constexpr double least_adjoint = is_float ? 0 : 0x1p-300, most_adjoint = is_float ? infinity : 0x1p500;

  using P = Pack<Precise<Real>, lanes_of<Real>>;
  using Sum = LaneSum<Precise<Real>, lanes_of<Real>>;
  using Holds = Mask<Precise<Real>, lanes_of<Real>>;

  /// Entries nearer to the largest than this need no care: their exponentials are in range, and so are the products of what is easy.
  static constexpr Real near = is_float ? 64 : 150;

  /// x - y and its rounding error.
  GRADUS_INLINE static TwoPart<P> difference(const P& x, const P& y) {
    const P high = x - y, back = high + y;
    return {high, (x - back) - (y - (back - high))};
  }

  /// The exponentials of one pack after the other, and what is known of their sum, which is that without one of the largest entries.
  template <bool tame> struct Exponentials {
    P top, limit;
    Sum sum{};
    int ties = 0;
    Holds hard = P(0.0) != P(0.0);
    Exponentials(Real largest_entry, std::size_t n) : top(largest_entry), limit(2 * small * static_cast<double>(n)) {}
    /// Sets e and returns what it adds to the sum.
    GRADUS_INLINE P of(const X& z, P& e) {
      auto [high, low] = difference(P(z), top);
      if constexpr (!tame) low = where(low == low, low, 0.0);
      e = exp_below<tame>(high, low);
      const auto tie = high == 0.0;
      ties += __builtin_popcount(tie.bits());
      if constexpr (!tame) hard = hard || (e < limit && !(high < nothing));  // before it is divided by at most n
      return where(tie, P(0.0), e);
    }
    GRADUS_INLINE SoftmaxRow row(double rest) const {
      const Real first = largest_of(top);
      return {static_cast<double>(first), rest, tame || !any(hard)};
    }
    GRADUS_INLINE static Real largest_of(const P& x) { return static_cast<Real>(x.lane(0)); }
  };

  /// e/(1 + rest) for a pack.
  struct Shares {
    P total, inverse;
    explicit Shares(double rest) : total(1 + rest), inverse(1 / (1 + rest)) {}
    GRADUS_INLINE X of(const P& e) const { return X(quotient(e, total, inverse)); }
  };

  /// A row of a few packs, which stay in registers. Lanes beyond the end are taken for the largest entry once more.
  template <bool normalised, bool tame, std::size_t packs> GRADUS_INLINE static SoftmaxRow finish_few(const X* at, Real top, Real* s, std::size_t n) {
    constexpr std::integral_constant<std::size_t, lanes> whole;
    constexpr std::size_t last = (packs - 1) * lanes;
    Exponentials<tame> exponentials(top, n);
    P e[packs], sum = exponentials.of(at[0], e[0]);  // so few terms need no compensation
    for (std::size_t p = 1; p < packs; ++p) sum += exponentials.of(at[p], e[p]);
    const double rest = plain_total(sum) + (exponentials.ties - 1 - static_cast<int>(packs * lanes - n));
    if constexpr (normalised) {
      const Shares shares(rest);
      for (std::size_t p = 0; p + 1 < packs; ++p) store(s + p * lanes, shares.of(e[p]), whole);
      store(s + last, shares.of(e[packs - 1]), n - last);
    } else {
      for (std::size_t p = 0; p < packs; ++p) store(s + p * lanes, X(e[p]), whole);
    }
    return exponentials.row(rest);
  }
  // On its own: together with what follows, it would set up a frame for that.
  template <bool normalised, std::size_t packs> [[gnu::noinline]] static SoftmaxRow few(const Real* z, Real* s, std::size_t n) {
    constexpr std::integral_constant<std::size_t, lanes> whole;
    constexpr std::size_t last = (packs - 1) * lanes;
    X at[packs];
    X most = load(z + last, n - last, -infinity);
    for (std::size_t p = 0; p + 1 < packs; ++p) {
      at[p] = load(z + p * lanes, whole, -infinity);
      most = larger(at[p], most);
    }
    const Real top = largest(most);
    at[packs - 1] = load(z + last, n - last, top);
    auto far = !(at[0] > X(top - near));
    for (std::size_t p = 1; p < packs; ++p) far = far || !(at[p] > X(top - near));
    if (any(far)) [[unlikely]] return few_far_apart<normalised, packs>(z, top, s, n);
    return finish_few<normalised, true, packs>(at, top, s, n);
  }
  template <bool normalised, std::size_t packs> [[gnu::noinline, gnu::cold]] static SoftmaxRow few_far_apart(const Real* z, Real top, Real* s, std::size_t n) {
    constexpr std::integral_constant<std::size_t, lanes> whole;
    constexpr std::size_t last = (packs - 1) * lanes;
    X at[packs];
    for (std::size_t p = 0; p + 1 < packs; ++p) at[p] = load(z + p * lanes, whole, -infinity);
    at[packs - 1] = load(z + last, n - last, top);
    return finish_few<normalised, false, packs>(at, top, s, n);
  }

  /// The rounding error of x - y for less waiting and more work: that of the larger one's subtraction.
  GRADUS_INLINE static TwoPart<P> quick_difference(const P& x, const P& y) {
    const P high = x - y;
    return {high, where(abs(y) < abs(x), (x - high) - y, x - (high + y))};
  }
  template <std::size_t packs> GRADUS_INLINE static bool few_about(const Real* z, std::size_t n, std::size_t k, Real* e, PartialSums& sums) {
    constexpr std::integral_constant<std::size_t, lanes> whole;
    constexpr std::size_t last = (packs - 1) * lanes;
    const P own(z[k]);
    X at[packs];
    for (std::size_t p = 0; p + 1 < packs; ++p) at[p] = X::load(z + p * lanes);
    at[packs - 1] = load(z + last, n - last, z[k]);
    P sum;
    Holds is_near;
    for (std::size_t p = 0; p < packs; ++p) {
      const auto [high, low] = quick_difference(P(at[p]), own);
      const P part = where(lanes_but<P>(n, k, p * lanes), exp_below<true>(high, low), P(0.0));
      store(e + p * lanes, X(part), whole);
      const Holds here = abs(high) < P(near);
      sum = p == 0 ? part : sum + part;
      is_near = p == 0 ? here : is_near && here;
    }
    one_register(sum).store(sums.sums);
    return all(is_near);
  }
  static bool exponentials_about(const Real* z, std::size_t n, std::size_t k, Real* e, PartialSums& sums) {
    return n <= lanes ? few_about<1>(z, n, k, e, sums) : few_about<2>(z, n, k, e, sums);
  }
  static double rest_about(const PartialSums& sums) { return plain_total(OneRegister::load(sums.sums)); }
  static double loss_about(const PartialSums& sums) { return log_of_moderate_total<Real>(rest_about(sums)); }

  template <std::size_t packs>
  GRADUS_INLINE static double pull_few_about(const Real* e, const PartialSums& sums, Real up, Real* to, Into into, std::size_t n, std::size_t k) {
    constexpr std::size_t last = (packs - 1) * lanes;
    const double rest = rest_about(sums), by = static_cast<double>(up) / (1 + rest);
    if (!(__builtin_fabs(by) >= Table::least_easy_factor && __builtin_fabs(static_cast<double>(up)) <= Table::largest_easy_adjoint)) [[unlikely]] return into == Into::add ? Table::not_added : Table::not_written;
    auto own = static_cast<Real>(-rest * by);
    const X factor(static_cast<Real>(by));
    X part[packs];
    for (std::size_t p = 0; p < packs; ++p) part[p] = X::load(e + p * lanes) * factor;
    if (into == Into::add) [[unlikely]] {
      own += to[k];
      for (std::size_t p = 0; p + 1 < packs; ++p) part[p] += X::load(to + p * lanes);
      part[packs - 1] += load(to + last, n - last, Real(0));
    }
    for (std::size_t p = 0; p + 1 < packs; ++p) part[p].store(to + p * lanes);
    store(to + last, part[packs - 1], n - last);
    to[k] = own;
    return log_of_moderate_total<Real>(rest);
  }
  static double pull_about(const Real* e, const PartialSums& sums, Real up, Real* to, Into into, std::size_t n, std::size_t k) {
    return n <= lanes ? pull_few_about<1>(e, sums, up, to, into, n, k) : pull_few_about<2>(e, sums, up, to, into, n, k);
  }

  template <bool normalised, bool tame> static SoftmaxRow finish_many(const Real* z, Real top, Real* s, std::size_t n) {
    constexpr std::integral_constant<std::size_t, lanes> whole;
    constexpr std::size_t side_by_side = 4;  // they are added up before they join the sum that keeps its rounding errors
    Exponentials<tame> exponentials(top, n);
    std::size_t i = 0;
    for (; i + side_by_side * lanes <= n; i += side_by_side * lanes) {
      P part[side_by_side];
      for (std::size_t k = 0; k < side_by_side; ++k) {
        P e;
        part[k] = exponentials.of(X::load(z + i + k * lanes), e);
        store(s + i + k * lanes, X(e), whole);
      }
      exponentials.sum.add((part[0] + part[1]) + (part[2] + part[3]));
    }
    int beyond = 0;  // as above
    for (; i < n; i += lanes) {
      const std::size_t count = n - i < lanes ? n - i : lanes;
      P e;
      exponentials.sum.add(exponentials.of(load(z + i, count, top), e));
      if constexpr (normalised) store(s + i, X(e), count);
      else store(s + i, X(e), whole);
      beyond = static_cast<int>(lanes - count);
    }
    const double rest = exponentials.sum.total() + (exponentials.ties - 1 - beyond);
    if constexpr (normalised) {
      const Shares shares(rest);
      for_each_pack<lanes>(n, [&](std::size_t k, auto count) __attribute__((always_inline)) { store(s + k, shares.of(P(load(s + k, count, Real(0)))), count); });
    }
    return exponentials.row(rest);
  }

  template <bool normalised> static SoftmaxRow exponentials_of(const Real* z, Real* s, std::size_t n) {
    if (n <= lanes) return few<normalised, 1>(z, s, n);
    if (n <= 2 * lanes) return few<normalised, 2>(z, s, n);
    return many<normalised>(z, s, n);
  }
  template <bool normalised> [[gnu::noinline]] static SoftmaxRow many(const Real* z, Real* s, std::size_t n) {
    X most(-infinity), other = most, least(infinity), lesser = least;
    std::size_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      const X a = X::load(z + i), b = X::load(z + i + lanes);
      most = larger(a, most), other = larger(b, other);
      least = smaller(a, least), lesser = smaller(b, lesser);
    }
    for (; i < n; i += lanes) {
      const std::size_t count = n - i < lanes ? n - i : lanes;
      most = larger(load(z + i, count, -infinity), most);
      least = smaller(load(z + i, count, infinity), least);
    }
    const Real top = largest(larger(other, most)), bottom = -largest(-smaller(lesser, least));
    if (bottom > top - near) [[likely]] return finish_many<normalised, true>(z, top, s, n);
    return finish_many<normalised, false>(z, top, s, n);
  }
  static SoftmaxRow softmax(const Real* z, Real* s, std::size_t n) { return exponentials_of<true>(z, s, n); }
  static SoftmaxRow exponentials(const Real* z, Real* e, std::size_t n) { return exponentials_of<false>(z, e, n); }

  static void log_softmax(const Real* z, const SoftmaxRow& row, double log_rest, Real* y, std::size_t n) {
    const W top(row.top), log_sum(log_rest);
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const auto [high, low] = two_sum(W(load(z + i, count, Real(0))), -top);
      store(y + i, X((high - log_sum) + low), count);
    });
  }

  /// Where the largest of n > 0 entries is.
  GRADUS_INLINE static std::size_t find_largest(const Real* x, std::size_t n) {
    X most(-infinity);
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const X at = load(x + i, count, -infinity);
      most = larger(at, most);
    });
    const X top(largest(most));
    for (std::size_t i = 0; i < n; i += lanes) {
      const unsigned bits = (load(x + i, n - i < lanes ? n - i : lanes, Real(-infinity)) == top).bits();
      if (bits != 0) return i + static_cast<std::size_t>(__builtin_ctz(bits));
    }
    return 0;
  }
  /// True when no product of these shares and adjoints can leave the range.
  GRADUS_INLINE static bool is_easy(const Real* z, const Real* s, const Real* w, std::size_t n, std::size_t top) {
    const W limit(static_cast<double>(z[top]) + nothing);
    Mask<double, lanes_of<Real>> hard = W(0.0) != W(0.0);
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      const W up = abs(W(load(w + i, count, Real(0))));
      hard = hard || !(up == 0.0 || (up >= least_adjoint && up <= most_adjoint)) || !(W(load(s + i, count, Real(1))) >= small || W(load(z + i, count, -infinity)) < limit);
    });
    return !any(hard);
  }

  /// to_i = s_i (w_i - sum_k s_k w_k), by differences to the adjoint of the largest entry, or near their mean: see ops/softmax.cpp.
  static bool pull_softmax(const Real* z, const Real* s, const Real* w, Real* to, Into into, std::size_t n) {
    const std::size_t top = find_largest(s, n);
    if (!is_easy(z, s, w, n, top)) return false;
    W r(static_cast<double>(w[top]));
    const auto total_below = [&] {
      return sum_over<Real>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
        return W(load(s + i, count, Real(0))) * (r - W(load(w + i, count, Real(0))));
      });
    };
    double below = total_below();
    if (!(s[top] >= Real(0.5))) {
      r = r - below;
      below = total_below();
    }
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      put(to + i, X(W(load(s + i, count, Real(0))) * ((W(load(w + i, count, Real(0))) - r) + below)), into, count);
    });
    return true;
  }

  /// to_i = w_i - s_i sum_k w_k.
  static bool pull_log_softmax(const Real* z, const Real* s, const Real* w, Real* to, Into into, std::size_t n) {
    const std::size_t top = find_largest(s, n);
    if (!is_easy(z, s, w, n, top)) return false;
    const auto others_of = [&](const Real* x) __attribute__((always_inline)) {
      return sum_over<Real>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
        W at(load(x + i, count, Real(0)));
        if (top - i < lanes) at.set_lane(static_cast<int>(top - i), 0);
        return at;
      });
    };
    const double others = others_of(w), rest = others_of(s), total = others + static_cast<double>(w[top]);
    const auto part = static_cast<Real>(static_cast<double>(w[top]) * rest - static_cast<double>(s[top]) * others);
    const Real at_top = into == Into::add ? to[top] + part : part;
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) {
      put(to + i, X(W(load(w + i, count, Real(0))) - W(load(s + i, count, Real(0))) * total), into, count);
    });
    to[top] = at_top;
    return true;
  }

  static void scale(const Real* x, Real factor, Real* to, Into into, std::size_t n) {
    const X by(factor);
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) { put(to + i, load(x + i, count, Real(0)) * by, into, count); });
  }
  static void scale_but_one(const Real* x, Real factor, std::size_t k, Real part, Real* to, Into into, std::size_t n) {
    const Real at_k = into == Into::add ? to[k] + part : part;
    scale(x, factor, to, into, n);
    to[k] = at_k;
  }
  static void spread(Real x, Real* to, Into into, std::size_t n) {
    for_each_pack<lanes>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) { put(to + i, X(x), into, count); });
  }
  static double sum(const Real* x, std::size_t n) {
    return sum_over<Real, ArraySum<Real>>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) { return W(load(x + i, count, Real(0))); });
  }
  static double dot(const Real* x, const Real* y, std::size_t n) {
    return sum_over<Real>(n, [&](std::size_t i, auto count) __attribute__((always_inline)) { return W(load(x + i, count, Real(0))) * W(load(y + i, count, Real(0))); });
  }
  static bool column_sums(const Real* x, std::size_t rows, std::size_t columns, Real* to, Into into) {
    if (columns == 1) {  // a single row
      const double total = sum(x, rows);
      if (!(total - total == 0)) return false;
      *to = static_cast<Real>(into == Into::add ? *to + total : total);
      return true;
    }
    bool finite = true;
    const auto total_of = [&](std::size_t j, auto count) __attribute__((always_inline)) {
      Sum sum;
      for (std::size_t i = 0; i < rows; ++i) sum.add(P(load(x + i * columns + j, count, Real(0))));
      const P total = sum.by_lane();
      finite = finite && all(total - total == 0.0);
      return X(total);
    };
    if (into == Into::add)  // nothing may be added in vain
      for_each_pack<lanes>(columns, [&](std::size_t j, auto count) __attribute__((always_inline)) { static_cast<void>(total_of(j, count)); });
    if (!finite) return false;
    for_each_pack<lanes>(columns, [&](std::size_t j, auto count) __attribute__((always_inline)) { put(to + j, total_of(j, count), into, count); });
    return finite;
  }

  static constexpr Table table{&softmax, &exponentials, &exponentials_about, 2 * lanes, &rest_about, &loss_about, &pull_about, &log_softmax, &pull_softmax, &pull_log_softmax, &scale, &scale_but_one, &spread, &sum, &dot, &column_sums};
};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const RowTables rows{gradus::RowKernels<float>::table, gradus::RowKernels<double>::table};
}
