// Matrix products in tiles that stay in registers: c = a·b + bias written once, in chains of terms that are short enough for the accuracy claims.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <autodiff/arena.hpp>
#include <autodiff/simd/pack.hpp>

#include <ops/simd/row_packs.hpp>

namespace gradus {

/// c = a·b + bias for a and b of at least two rows and columns. Beside Eigen's kernels, which only add to c, this spares filling c, packing a, and the
/// passes that add a bias and look for entries that are out of range.
template <class Real> class TiledProduct {
  static constexpr std::size_t lanes = static_cast<std::size_t>(Register<Real>::lanes);
  using X = Pack<Real, Register<Real>::lanes>;
  using Bits = std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>;
  typedef Bits Words __attribute__((vector_size(register_bytes)));
  static constexpr std::size_t chain = gradus_kernels::Products<Real>::chain;
  // As many sums as registers hold, beside a row of b and a number of a: 24 of 32, 12 or 8 of 16.
  static constexpr std::size_t tile_rows = register_bytes == 64 ? 8 : 4, tile_vectors = register_bytes == 16 ? 2 : 3;
  // What is packed of b at a time (512 KiB of doubles), and of how many rows of a a chain is read while it stays in the second-level cache.
  static constexpr std::size_t most_columns = 1024, most_rows = 512;

 public:
  using Matrix = gradus_kernels::Matrix<Real>;

  /// How many elements `multiply` needs to work in.
  [[nodiscard]] static std::size_t workspace(std::size_t terms, std::size_t columns) {
    return std::min(terms, chain) * ((std::min(columns, most_columns) + lanes - 1) / lanes * lanes);
  }

  /// False when some entry of c is 0 or far from 1, infinite or NaN: only then it is worth to look at each.
  static bool multiply(const Matrix& a, const Matrix& b, const Real* bias, Real* c, Real* room) {
    const TiledProduct product{a, b, bias, c, room};
    Words far{};
    for (std::size_t row = 0; row < a.rows; row += most_rows)
      for (std::size_t column = 0; column < b.columns; column += most_columns)
        for (std::size_t term = 0; term < a.columns; term += chain)
          far |= product.multiply_block({row, std::min(most_rows, a.rows - row)}, {column, std::min(most_columns, b.columns - column)},
                                        {term, std::min(chain, a.columns - term)});
    Bits all = 0;
    for (std::size_t i = 0; i < lanes; ++i) all |= far[i];
    return (all & far_bit) == 0;
  }

 private:
  struct Section { std::size_t first, count; };
  /// A panel of b, whose rows lie `step` apart, and its place in c.
  struct Panel {
    const Real* data;
    std::size_t step, column;
    std::size_t last;  ///< columns in its last vector
  };

  // The biased exponent lies in the lower half of its range from here on, for numbers between 2^-511 and 2^513: its upper bit tells the others.
  static constexpr int digits = sizeof(Real) == 8 ? 52 : 23;
  static constexpr Bits far_bit = Bits{1} << (sizeof(Real) * 8 - 2), half_way = (far_bit >> 1);
  static_assert(half_way >> digits == (sizeof(Real) == 8 ? 512 : 64));

  Words multiply_block(Section rows, Section columns, Section terms) const {
    // Two panels of two vectors rather than one of three and one of one.
    const std::size_t vectors = (columns.count + lanes - 1) / lanes;
    Words far{};
    for (std::size_t v = 0; v < vectors;) {
      const std::size_t left = vectors - v;
      const std::size_t width = left >= tile_vectors + 2 || left <= tile_vectors ? std::min(left, tile_vectors) : (left + 1) / 2;
      const Section place{columns.first + v * lanes, std::min(width * lanes, columns.count - v * lanes)};
      const Panel panel = panel_of(place, width, terms, rows.count, room + v * lanes * terms.count);
      switch (width) {
        case 1: far |= multiply_panel<1>(rows, panel, terms); break;
        case 2: far |= multiply_panel<2>(rows, panel, terms); break;
        default: far |= multiply_panel<tile_vectors>(rows, panel, terms);
      }
      v += width;
    }
    return far;
  }

  /// The columns of b as they are, where rows of whole vectors are read a few times only; otherwise copied, row after row.
  [[nodiscard]] Panel panel_of(Section columns, std::size_t vectors, Section terms, std::size_t rows, Real* to) const {
    const std::size_t width = vectors * lanes;
    const std::size_t last = columns.count - (vectors - 1) * lanes;
    if (b.by_rows) {
      const Real* from = b.data + terms.first * b.stride + columns.first;
      if (last == lanes && rows <= 4 * tile_rows) return {from, b.stride, columns.first, last};
      for (std::size_t k = 0; k < terms.count; ++k) {
        std::size_t j = 0;
        for (; j + lanes <= columns.count; j += lanes) X::load(from + k * b.stride + j).store(to + k * width + j);
        for (; j < columns.count; ++j) to[k * width + j] = from[k * b.stride + j];
        for (; j < width; ++j) to[k * width + j] = 0;
      }
    } else {
      for (std::size_t j = 0; j < columns.count; ++j) {
        const Real* from = b.data + (columns.first + j) * b.stride + terms.first;
        for (std::size_t k = 0; k < terms.count; ++k) to[k * width + j] = from[k];
      }
      for (std::size_t j = columns.count; j < width; ++j)
        for (std::size_t k = 0; k < terms.count; ++k) to[k * width + j] = 0;
    }
    return {to, width, columns.first, last};
  }

  template <std::size_t vectors> Words multiply_panel(Section rows, const Panel& panel, Section terms) const {
    return a.by_rows ? multiply_panel<vectors, true>(rows, panel, terms) : multiply_panel<vectors, false>(rows, panel, terms);
  }
  template <std::size_t vectors, bool by_rows> Words multiply_panel(Section rows, const Panel& panel, Section terms) const {
    Words far{};
    const std::size_t end = rows.first + rows.count;
    std::size_t i = rows.first;
    for (; i + tile_rows <= end; i += tile_rows) far |= multiply_tile<tile_rows, vectors, by_rows>(i, panel, terms);
    if constexpr (tile_rows > 4)
      for (; i + 4 <= end; i += 4) far |= multiply_tile<4, vectors, by_rows>(i, panel, terms);
    for (; i < end; ++i) far |= multiply_tile<1, vectors, by_rows>(i, panel, terms);
    return far;
  }

  // All loops over sums are unrolled: indexed by a variable, they would have to lie in memory.
  template <std::size_t height, std::size_t vectors, bool by_rows> [[gnu::noinline]] Words multiply_tile(std::size_t row, const Panel& panel, Section terms) const {
    X sum[height][vectors];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < height; ++r)
#pragma GCC unroll 3
      for (std::size_t v = 0; v < vectors; ++v) sum[r][v] = X(0.0);
    const std::size_t a_row = by_rows ? a.stride : 1, a_term = by_rows ? 1 : a.stride;
    Real* const to = c + row * b.columns + panel.column;
#pragma GCC unroll 8
    for (std::size_t r = 0; r < height; ++r)
#pragma GCC unroll 3
      for (std::size_t v = 0; v < vectors; ++v) __builtin_prefetch(to + r * b.columns + v * lanes, 1);
    const Real *at = a.data + row * a_row + terms.first * a_term, *from = panel.data;
    for (std::size_t k = terms.count; k > 0; --k) {
      X of_b[vectors];
#pragma GCC unroll 3
      for (std::size_t v = 0; v < vectors; ++v) of_b[v] = X::load(from + v * lanes);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < height; ++r) {
        const X of_a(at[r * a_row]);
#pragma GCC unroll 3
        for (std::size_t v = 0; v < vectors; ++v) sum[r][v] = multiply_add(of_a, of_b[v], sum[r][v]);
      }
      // Columns of a lie in pages of their own, over whose ends the processor does not look: a tenth of the gradient of a weight.
      if constexpr (!by_rows) prefetch(at, 2 * height * sizeof(Real));
      at += a_term;
      from += panel.step;
    }
    const bool is_first = terms.first == 0;
    const Real* const start = bias == nullptr ? nullptr : bias + panel.column;
    Words far{};
#pragma GCC unroll 3
    for (std::size_t v = 0; v < vectors; ++v) {
      const bool is_part = v + 1 == vectors && panel.last != lanes;
      const X before = start == nullptr ? X(0.0) : is_part ? load(start + v * lanes, panel.last, Real(0)) : X::load(start + v * lanes);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < height; ++r) {
        Real* const out = to + r * b.columns + v * lanes;
        if (is_part) {
          far |= finish_part(out, panel.last, is_first, before, sum[r][v]);
          continue;
        }
        const X x = (is_first ? before : X::load(out)) + sum[r][v];
        x.store(out);
        far |= distance(x);
      }
    }
    return terms.first + terms.count == a.columns ? far : Words{};
  }
  GRADUS_INLINE static Words finish_part(Real* out, std::size_t count, bool is_first, const X& before, const X& sum) {
    const X x = (is_first ? before : load(out, count, Real(0))) + sum;
    store(out, x, count);
    Words lane{};
    for (std::size_t i = 0; i < lanes; ++i) lane[i] = static_cast<Bits>(i);
    return distance(x) & reinterpret_cast<Words>(lane < Words{} + static_cast<Bits>(count));  // what lies beyond a row does not count
  }
  GRADUS_INLINE static Words distance(const X& x) { return reinterpret_cast<Words>(x.part[0]) - half_way; }

  const Matrix &a, &b;
  const Real* bias;
  Real *c, *room;

  TiledProduct(const Matrix& left, const Matrix& right, const Real* start, Real* to, Real* memory) : a(left), b(right), bias(start), c(to), room(memory) {}
};

}  // namespace gradus
