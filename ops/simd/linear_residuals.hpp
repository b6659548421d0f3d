// The residuals of a linear model of a few features in one pass over the data, with the sums that its gradient is made of.
#pragma once

#include <ops/simd/difference_sums.hpp>
#include <ops/simd/thin_products.hpp>

namespace gradus {

/// Σ_k x(i, k)·w[k] is formed term by term as ThinProducts does, so that a residual is what the prediction in memory would give. The data of a block are
/// still in the first cache when they meet its residuals.
template <class Real> class LinearResiduals {
  static constexpr std::size_t lanes = lanes_of<Real>, block = DifferenceSums<Real>::block * lanes;
  static constexpr std::integral_constant<std::size_t, lanes> whole{};
  using X = Stored<Real>;
  using Thin = ThinProducts<Real>;
  using Matrix = gradus_kernels::Matrix<Real>;
  using Sums = gradus_kernels::ResidualSums;

 public:
  static bool fits(const Matrix& x) { return x.by_rows ? Thin::fits(x.columns) : x.columns <= Thin::few; }

  /// residual[i] = Σ_k x(i, k)·w[k] + bias - y[i]; products[k] = Σ_i residual[i]·x(i, k).
  static Sums take(const Matrix& x, const Real* w, Real bias, const Real* y, Real* residual, Real* products) {
    const Moments moments = x.by_rows ? by_samples(x, w, bias, y, residual, products) : by_features(x, w, bias, y, residual, products);
    const auto [sum, squares] = moments.sums.totals();
    return {sum, squares, squares - squares == 0 && are_ordinary(residual, x.rows, moments.smallest) && are_ordinary(products, x, residual)};
  }

 private:
  // Sums of a magnitude between these have lost nothing to underflow or overflow on the way, whatever finite numbers they are made of.
  static constexpr Real least = static_cast<Real>(std::is_same_v<Real, double> ? 0x1p-900 : 0x1p-100), most = static_cast<Real>(1) / least;
  struct Moments {
    DifferenceSums<Real> sums;
    X smallest;  ///< magnitudes
  };
  /// Whatever a residual owes to underflow is nothing beside a number that is not tiny; 0 has been met exactly, or is what is left of less.
  static bool are_ordinary(const Real* residual, std::size_t n, const X& smallest) {
    if (!any(smallest < X(least))) [[likely]] return true;
    bool tiny = false;
    for (std::size_t i = 0; i < n; ++i) tiny |= (residual[i] != 0) & (residual[i] < least) & (residual[i] > -least);
    return !tiny;
  }
  static bool are_ordinary(const Real* products, const Matrix& x, const Real* residual) {
    for (std::size_t k = 0; k < x.columns; ++k) {
      const Real size = products[k] < 0 ? -products[k] : products[k];
      if (!(size >= least && size <= most)) [[unlikely]]
        if (size != 0 || !vanishes(x, k, residual)) return false;
    }
    return true;
  }
  /// True when every term is 0, and has not become so: a feature that no sample has.
  static bool vanishes(const Matrix& x, std::size_t k, const Real* residual) {
    bool nothing = true;
    for (std::size_t i = 0; i < x.rows; ++i) nothing = nothing && (residual[i] == 0 || x.data[x.by_rows ? i * x.stride + k : k * x.stride + i] == 0);
    return nothing;
  }

  static Moments by_features(const Matrix x, const Real* w, Real bias, const Real* y, Real* residual, Real* products) {
    constexpr std::size_t section = 64 * block;  // no more than 64 terms a lane, each the sum of eight
    const std::size_t n = x.rows, features = x.columns;
    DifferenceSums<Real> sums;
    X smallest(most);
    LaneSum<Real, lanes> total[Thin::few];
    X part[Thin::few];
    // For as many packs of samples from i on; the last one has `count`.
    const auto take = [&]<std::size_t packs>(std::size_t i, auto count) __attribute__((always_inline)) {
      X e[packs], size[packs];
      for (std::size_t p = 0; p < packs; ++p) e[p] = X(0.0);
      const Real* at = x.data + i;
      for (std::size_t k = 0; k < features; ++k, at += x.stride) {
        const X by(w[k]);
        for (std::size_t p = 0; p < packs; ++p) e[p] = multiply_add(load(at + p * lanes, count, Real(0)), by, e[p]);
      }
      for (std::size_t p = 0; p < packs; ++p) {
        e[p] = (e[p] + X(bias)) - load(y + i + p * lanes, count, bias);
        store(residual + i + p * lanes, e[p], count);
        size[p] = abs(std::is_same_v<decltype(count), std::size_t> ? load(residual + i + p * lanes, count, most) : e[p]);
      }
      for (std::size_t half = packs / 2; half > 0; half /= 2)
        for (std::size_t p = 0; p < half; ++p) size[p] = smaller(size[p], size[p + half]);
      smallest = smaller(size[0], smallest);
      if constexpr (packs == 1) sums.add(e[0]);
      else sums.template add_block<packs>([&](std::size_t p) __attribute__((always_inline)) { return e[p]; });
      at = x.data + i;
      for (std::size_t k = 0; k < features; ++k, at += x.stride) {
        X sum[2] = {X(0.0), X(0.0)};
        for (std::size_t p = 0; p < packs; ++p) {
          // What comes next: while these are read from the first cache, those come from the second (a tenth of the whole).
          if (packs == 8 && p * lanes * sizeof(Real) % 64 == 0) __builtin_prefetch(at + (packs + p) * lanes);
          sum[p % 2] = multiply_add(load(at + p * lanes, count, Real(0)), e[p], sum[p % 2]);
        }
        part[k] += packs == 1 ? sum[0] : sum[0] + sum[1];
      }
    };
    for (std::size_t from = 0; from < n; from += section) {
      const std::size_t end = n - from < section ? n : from + section;
      for (std::size_t k = 0; k < features; ++k) part[k] = X(0.0);
      std::size_t i = from;
      for (; i + 8 * lanes <= end; i += 8 * lanes) take.template operator()<8>(i, whole);
      if (i + 4 * lanes <= end) take.template operator()<4>(i, whole), i += 4 * lanes;
      for (; i + 2 * lanes <= end; i += 2 * lanes) take.template operator()<2>(i, whole);
      if (i + lanes <= end) take.template operator()<1>(i, whole), i += lanes;
      if (i < end) take.template operator()<1>(i, end - i);
      for (std::size_t k = 0; k < features; ++k) total[k].add(part[k]);
    }
    for (std::size_t k = 0; k < features; ++k) products[k] = static_cast<Real>(plain_total(total[k].by_lane()));
    return {sums, smallest};
  }

  static Moments by_samples(const Matrix x, const Real* w, Real bias, const Real* y, Real* residual, Real* products) {
    DifferenceSums<Real> sums;
    X smallest(most);
    constexpr std::size_t section = 256;  // no more than 64 terms in one of the four sums of ThinProducts
    const std::size_t n = x.rows, features = x.columns;
    Real low[4 * lanes] = {}, part[4 * lanes];
    for (std::size_t k = 0; k < features; ++k) products[k] = 0;
    for (std::size_t from = 0; from < n; from += section) {
      const std::size_t end = n - from < section ? n : from + section;
      for (std::size_t i = from; i < end; ++i) residual[i] = 0;
      Thin::times(x.data + from * x.stride, x.stride, end - from, features, w, residual + from);
      const auto take = [&](std::size_t i, auto count) __attribute__((always_inline)) {
        store(residual + i, (load(residual + i, count, Real(0)) + X(bias)) - load(y + i, count, Real(0)), count);
        smallest = smaller(abs(load(residual + i, count, most)), smallest);
        return load(residual + i, count, Real(0));
      };
      std::size_t i = from;
      for (; i + block <= end; i += block) sums.add_block([&](std::size_t p) __attribute__((always_inline)) { return take(i + p * lanes, whole); });
      for (; i + lanes <= end; i += lanes) sums.add(take(i, whole));
      if (i < end) sums.add(take(i, end - i));
      for (std::size_t k = 0; k < features; ++k) part[k] = 0;
      Thin::combine(x.data + from * x.stride, x.stride, end - from, features, residual + from, 1, part);
      for (std::size_t k = 0; k < features; ++k) {
        const Real sum = products[k] + part[k], rest = sum - products[k];
        low[k] += (products[k] - (sum - rest)) + (part[k] - rest);
        products[k] = sum;
      }
    }
    for (std::size_t k = 0; k < features; ++k) products[k] += low[k];
    return {sums, smallest};
  }
};

}  // namespace gradus
