// The kernels behind matrix products, rows along the last axis, reductions, differences and recurrences: tables of functions, one for each real and instruction set.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <autodiff/simd/elementwise.hpp>
#include <autodiff/simd/isa.hpp>

namespace gradus_kernels {

/// A matrix whose rows, or else columns, are contiguous and `stride` apart.
template <class Real> struct Matrix {
  const Real* data;
  std::size_t rows, columns, stride;
  bool by_rows;
};

/// Σ residual, Σ residual². `ordinary`: neither these nor what they were formed from owe anything to overflow or underflow, and no product is 0.
struct ResidualSums {
  double sum, squares;
  bool ordinary;
};

template <class Real> struct Products {
  /// How many elements `multiply` needs to work in.
  std::size_t (*workspace)(std::size_t rows, std::size_t terms, std::size_t columns);
  /// c = a·b + bias, c row-major; bias has one element a column, or is null. No more than `chain` terms are added up before they join c.
  /// True when every element of c is 0 or of ordinary size.
  bool (*multiply)(const Matrix<Real>& a, const Matrix<Real>& b, const Real* bias, Real* c, Real* workspace);
  static constexpr std::size_t chain = 64;
  /// True when every element is 0 or of ordinary size.
  bool (*is_ordinary)(const Real* x, std::size_t n);
  /// For a matrix x of samples by a few features: residual[i] = Σ_k x(i, k)·w[k] + bias - y[i], products[k] = Σ_i residual[i]·x(i, k), in one pass.
  ResidualSums (*residuals)(const Matrix<Real>& x, const Real* w, Real bias, const Real* y, Real* residual, Real* products);
  /// True when the features are few enough for that.
  bool (*has_few_features)(const Matrix<Real>& x);
};

/// A row of softmax: the largest entry, the sum of exp(z_k - top) over all entries but one that is the largest. Two numbers, which come back in registers.
class SoftmaxRow {
 public:
  SoftmaxRow(double largest, double sum, bool is_easy) : top(largest), signed_rest_(is_easy ? sum : -sum) {}
  double top;
  [[nodiscard]] double rest() const { return __builtin_fabs(signed_rest_); }
  /// False: some entry is infinite or NaN, and nothing else here holds.
  [[nodiscard]] bool is_ordinary() const { return signed_rest_ - signed_rest_ == 0; }
  /// Ordinary, and no share is so small that its product with an adjoint may leave the range although the exact product does not.
  [[nodiscard]] bool is_easy() const { return is_ordinary() && !__builtin_signbit(signed_rest_); }

 private:
  double signed_rest_;
};

/// What the sum of a few numbers is worked out from.
struct PartialSums { alignas(64) double sums[8]; };

// Rows are contiguous. Sums keep their rounding errors: off by an ulp of the sum of |terms|, however many there are.
template <class Real> struct Rows {
  /// The softmax of a row, into s; and what it is before the division by 1 + rest. The latter writes whole registers, the last one up to `beyond`
  /// elements beyond n: what is written through a mask cannot be read before all that precedes it is done.
  SoftmaxRow (*softmax)(const Real* z, Real* s, std::size_t n);
  SoftmaxRow (*exponentials)(const Real* z, Real* e, std::size_t n);
  static constexpr std::size_t beyond = 64 / sizeof(Real);
  /// The exponentials of a row of no more than `few` entries relative to entry k, written in the same way, for the loss of a class, which needs no largest
  /// entry: 0 for entry k itself and beyond the end. And what their sum is worked out from: whoever records the loss need not wait for that. False where
  /// entries lie so far from entry k that a largest one is needed.
  bool (*exponentials_about)(const Real* z, std::size_t n, std::size_t k, Real* e, PartialSums& sums);
  std::size_t few;
  static constexpr std::size_t most_few = 2 * 64 / sizeof(Real);  ///< at any instruction set
  /// The sum of the exponentials, and the loss: log(1 + that).
  double (*rest_about)(const PartialSums& sums);
  double (*loss_about)(const PartialSums& sums);
  /// The pullback for the adjoint `up` of the loss: the exponentials times up/(1 + rest), but for entry k, where they are minus the sum of the others.
  /// Returns the loss, or when that factor is not easy, and nothing is done, how it would have contributed.
  double (*pull_about)(const Real* e, const PartialSums& sums, Real up, Real* to, Into into, std::size_t n, std::size_t k);
  static constexpr double not_written = -1, not_added = -2;
  /// Products of a factor up/(1 + rest) and the exponentials of an easy row stay in range where the factor is not below the first of these, nor the adjoint
  /// above the second. (Not only the factor: the exponentials may add up to as much as it was divided by.)
  static constexpr double least_easy_factor = sizeof(Real) == sizeof(float) ? 0x1p-126 : 0x1p-500;
  static constexpr double largest_easy_adjoint = sizeof(Real) == sizeof(float) ? 0x1p127 : 0x1p500;
  /// The logarithm of it.
  void (*log_softmax)(const Real* z, const SoftmaxRow& row, double log_rest, Real* y, std::size_t n);
  /// The pullbacks of both for adjoints w; false, and nothing is done, for adjoints or shares that need a wider range.
  bool (*pull_softmax)(const Real* z, const Real* s, const Real* w, Real* to, Into into, std::size_t n);
  bool (*pull_log_softmax)(const Real* z, const Real* s, const Real* w, Real* to, Into into, std::size_t n);
  /// to = or += factor·x
  void (*scale)(const Real* x, Real factor, Real* to, Into into, std::size_t n);
  /// The same, but for element k, where it is = or += part.
  void (*scale_but_one)(const Real* x, Real factor, std::size_t k, Real part, Real* to, Into into, std::size_t n);
  /// to = or += x
  void (*spread)(Real x, Real* to, Into into, std::size_t n);
  double (*sum)(const Real* x, std::size_t n);
  double (*dot)(const Real* x, const Real* y, std::size_t n);
  /// The sum of every column of a row-major matrix; false when one has left the range; then nothing is added.
  bool (*column_sums)(const Real* x, std::size_t rows, std::size_t columns, Real* to, Into into);
};

struct Moments { double first, second; };

template <class Real> struct Differences {
  /// Σ(a - b) and Σ(a - b)²; b is one number if step_b is 0. Sums keep their rounding errors from one block to the next.
  Moments (*moments)(const Real* a, const Real* b, std::size_t step_b, std::size_t n);
  /// to = or += factor·(a - b)
  void (*scale)(const Real* a, const Real* b, std::size_t step_b, double factor, Real* to, Into into, std::size_t n);
};

/// y_t = phi·y_{t-1} + x_t, y_{-1} = start; or y_t = phi·y_{t+1} + x_t from the last one on, y_n = start.
template <class Real> struct Recurrence {
  void (*forward)(double phi, double start, const Real* x, Real* y, std::size_t n);
  void (*backward)(double phi, double start, const Real* x, Real* y, std::size_t n);
};

struct ProductTables { Products<float> of_float; Products<double> of_double; };
struct RowTables { Rows<float> of_float; Rows<double> of_double; };
struct DifferenceTables { Differences<float> of_float; Differences<double> of_double; };
struct RecurrenceTables { Recurrence<float> of_float; Recurrence<double> of_double; };

}  // namespace gradus_kernels

GRADUS_DECLARE_KERNELS(ProductTables, products)
GRADUS_DECLARE_KERNELS(RowTables, rows)
GRADUS_DECLARE_KERNELS(DifferenceTables, differences)
GRADUS_DECLARE_KERNELS(RecurrenceTables, recurrences)

namespace gradus {

/// The kernels for Real at the active instruction set.
template <class Real> [[nodiscard]] const gradus_kernels::Products<Real>& product_kernels() {
  static const auto& tables = GRADUS_ACTIVE_KERNELS(products);
  if constexpr (sizeof(Real) == sizeof(float)) return tables.of_float;
  else return tables.of_double;
}
template <class Real> [[nodiscard]] const gradus_kernels::Differences<Real>& difference_kernels() {
  static const auto& tables = GRADUS_ACTIVE_KERNELS(differences);
  if constexpr (sizeof(Real) == sizeof(float)) return tables.of_float;
  else return tables.of_double;
}
template <class Real> [[nodiscard]] const gradus_kernels::Recurrence<Real>& recurrence_kernels() {
  static const auto& tables = GRADUS_ACTIVE_KERNELS(recurrences);
  if constexpr (sizeof(Real) == sizeof(float)) return tables.of_float;
  else return tables.of_double;
}
namespace detail {
// Without the guard of a static reference, which a row of ten logits asks twice. In the library, where all see the same.
extern constinit std::atomic<const gradus_kernels::RowTables*> chosen_rows;
template <class Real> [[nodiscard, gnu::always_inline]] inline const gradus_kernels::Rows<Real>& row_table(const gradus_kernels::RowTables& tables) {
  if constexpr (sizeof(Real) == sizeof(float)) return tables.of_float;
  else return tables.of_double;
}
}  // namespace detail
template <class Real> [[nodiscard, gnu::always_inline]] inline const gradus_kernels::Rows<Real>& row_kernels() {
  const auto* tables = detail::chosen_rows.load(std::memory_order_relaxed);
  if (tables == nullptr) [[unlikely]] detail::chosen_rows.store(tables = &GRADUS_ACTIVE_KERNELS(rows), std::memory_order_relaxed);
  return detail::row_table<Real>(*tables);
}
/// The same for those who follow somebody who has asked.
template <class Real> [[nodiscard, gnu::always_inline]] inline const gradus_kernels::Rows<Real>& row_kernels_in_use() {
  return detail::row_table<Real>(*detail::chosen_rows.load(std::memory_order_relaxed));
}

}  // namespace gradus
