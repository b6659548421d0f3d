// Kernels of rows along the last axis and of reductions, on packs.
#include <ops/simd/row_packs.hpp>

namespace gradus {
namespace {

using gradus_kernels::SoftmaxRow;

template <class Real> struct RowKernels {
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

  /// The exponentials of one pack after the other, and what is known of their sum.
  struct Exponentials {
    P top, limit;
    Sum even{}, odd{};
    int ties = 0;
    Holds hard = P(0.0) != P(0.0);
    Exponentials(Real largest_entry, std::size_t n) : top(largest_entry), limit(2 * small * static_cast<double>(n)) {}
    /// Adds to a sum what is not the largest entry.
    template <class AnySum> GRADUS_INLINE P of(const X& z, AnySum& sum) {
      const auto [high, low] = two_sum(P(z), -top);
      const P e = exp_below(high, low);
      const auto tie = high == 0.0;
      ties += __builtin_popcount(tie.bits());
      hard = hard || (e < limit && !(high < nothing));  // before it is divided by at most n
      if constexpr (std::is_same_v<AnySum, P>) sum += where(tie, P(0.0), e);
      else sum.add(where(tie, P(0.0), e));
      return e;
    }
    GRADUS_INLINE double rest() {
      even.add(odd);
      return even.total() + (ties - 1);
    }
  };

  /// A row of a few packs, which stay in registers.
  template <std::size_t packs> GRADUS_INLINE static SoftmaxRow softmax_of_few(const Real* z, Real* s, std::size_t n) {
    constexpr std::integral_constant<std::size_t, lanes> whole;
    constexpr std::size_t last = (packs - 1) * lanes;
    X at[packs], most = at[packs - 1] = load(z + last, n - last, -infinity);
    for (std::size_t p = 0; p + 1 < packs; ++p) {
      at[p] = load(z + p * lanes, whole, -infinity);
      most = where(at[p] > most, at[p], most);
    }
    const Real top = largest(most);
    Exponentials exponentials(top, n);
    P e[packs];
    P sum(0.0);  // so few terms need no compensation
    for (std::size_t p = 0; p < packs; ++p) e[p] = exponentials.of(at[p], sum);
    const double rest = plain_total(sum) + (exponentials.ties - 1);
    const P total(1 + rest), inverse(1 / (1 + rest));
    for (std::size_t p = 0; p + 1 < packs; ++p) store(s + p * lanes, X(quotient(e[p], total, inverse)), whole);
    store(s + last, X(quotient(e[packs - 1], total, inverse)), n - last);
    return finish(top, rest, exponentials.hard);
  }

  static SoftmaxRow softmax(const Real* z, Real* s, std::size_t n) {
    if (n <= lanes) return softmax_of_few<1>(z, s, n);
    if (n <= 2 * lanes) return softmax_of_few<2>(z, s, n);
    X most(-infinity), other = most;
    std::size_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      const X a = X::load(z + i), b = X::load(z + i + lanes);
      most = where(a > most, a, most);
      other = where(b > other, b, other);
    }
    for (; i < n; i += lanes) {
      const X at = load(z + i, n - i < lanes ? n - i : lanes, -infinity);
      most = where(at > most, at, most);
    }
    const Real top = largest(where(other > most, other, most));
    Exponentials exponentials(top, n);
    constexpr std::integral_constant<std::size_t, lanes> whole;
    i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      const P a = exponentials.of(X::load(z + i), exponentials.even), b = exponentials.of(X::load(z + i + lanes), exponentials.odd);
      store(s + i, X(a), whole);
      store(s + i + lanes, X(b), whole);
    }
    for (; i < n; i += lanes) {
      const std::size_t count = n - i < lanes ? n - i : lanes;
      store(s + i, X(exponentials.of(load(z + i, count, -infinity), exponentials.even)), count);
    }
    const double rest = exponentials.rest();
    const P total(1 + rest), inverse(1 / (1 + rest));
    for_each_pack<lanes>(n, [&](std::size_t k, auto count) __attribute__((always_inline)) {
      store(s + k, X(quotient(P(load(s + k, count, Real(0))), total, inverse)), count);
    });
    return finish(top, rest, exponentials.hard);
  }
  GRADUS_INLINE static SoftmaxRow finish(Real top, double rest, const Holds& hard) {
    return {static_cast<double>(top), rest, rest - rest == 0 && top - top == 0, !any(hard)};
  }

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
      most = where(at > most, at, most);
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

  static constexpr gradus_kernels::Rows<Real> table{&softmax, &log_softmax, &pull_softmax, &pull_log_softmax, &scale, &spread, &sum, &dot, &column_sums};
};

}  // namespace
}  // namespace gradus

namespace gradus_kernels::GRADUS_ISA_NAME {
constinit const RowTables rows{gradus::RowKernels<float>::table, gradus::RowKernels<double>::table};
}
