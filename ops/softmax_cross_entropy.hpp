// Cross-entropy of the softmax of logits, in one pass.
#pragma once

#include <cstdint>
#include <new>
#include <span>
#include <utility>

#include <autodiff/array_op.hpp>
#include <ops/simd/array_tables.hpp>

namespace gradus {

/// What becomes of the losses of the rows.
enum class Reduction : std::uint8_t { none, mean, sum };

struct SoftmaxCrossEntropyOptions {
  Reduction reduction = Reduction::none;  ///< none: one loss a row; mean and sum: a scalar
  double label_smoothing = 0;             ///< labels become (1 - label_smoothing)·y + label_smoothing / classes; from 0 to 1
};

/// sum_k y_k (log sum_j exp(z_j) - z_k) for every row of logits along the last axis.
/// `targets` are labels in the shape of the logits, which need not sum to 1 and have gradients themselves, or classes 0, 1, … in that shape without
/// its last axis, which have none. Throws ShapeError when the shapes do not fit, ArgumentError for a class or an option out of range.
template <class Real>
[[nodiscard]] BasicTensor<Real> softmax_cross_entropy(const BasicTensor<Real>& logits, const BasicTensor<Real>& targets, SoftmaxCrossEntropyOptions options = {});

namespace detail {
/// The loss of a class from a single row of few logits, whose exponentials are relative to that of the class: log(1 + rest). The sum and its logarithm wait
/// until somebody asks, or for the pullback, which needs the sum. What comes after an instruction waits for it where it takes longer than some 400 next
/// ones, and here the exponentials, their sum, and its logarithm would make one long chain.
template <PlainReal Real> struct alignas(Arena::alignment) RowLoss : Pending {
  Real value;
  Destination to_z;
  std::uint32_t n, target;
  const Real* z;

  RowLoss(const BasicTensor<Real>& logits, std::uint32_t k)
      : Pending{&compute_values}, to_z(logits.destination()), n(static_cast<std::uint32_t>(logits.size())), target(k), z(logits.data_of_operand()) {}
  /// What lies behind it; the exponentials fill whole registers.
  struct Sums {
    gradus_kernels::PartialSums partial;
    Real e[gradus_kernels::Rows<Real>::most_few];
  };
  [[nodiscard]] const Sums& sums() const { return *std::launder(reinterpret_cast<const Sums*>(this + 1)); }
  static void compute_values(Pending& self);
  static void pull_back(void* self, BasicSweep<Real>& sweep);

 private:
  [[gnu::noinline, gnu::cold]] void pull_wide_row(BasicSweep<Real>& sweep, bool add) const;
};
extern template struct RowLoss<float>;
extern template struct RowLoss<double>;

template <class Real>
[[nodiscard]] BasicTensor<Real> cross_entropy_of_classes(const BasicTensor<Real>& logits, std::span<const int> classes, SoftmaxCrossEntropyOptions options);
}  // namespace detail

/// The same for classes as integers, one a row.
template <class Real>
[[nodiscard, gnu::always_inline]] inline BasicTensor<Real> softmax_cross_entropy(const BasicTensor<Real>& logits, std::span<const int> classes,
                                                                                 SoftmaxCrossEntropyOptions options = {}) {
  // Inlined for a row of its own: then the options are known, and the loss stays in registers.
  if constexpr (PlainReal<Real>) {
    const std::size_t rank = logits.rank(), n = logits.size();
    const bool is_scalar = options.reduction != Reduction::none || rank == 1;
    if (is_scalar && options.label_smoothing == 0 && classes.size() == 1 && rank != 0 && logits.shape()[rank - 1] == n) [[likely]] {
      TapeCore<Real>& core = *active_tape<Real>;
      const auto target = static_cast<std::uint32_t>(classes[0]);
      const auto& kernels = row_kernels<Real>();
      if (target < n && n <= kernels.few && core.is_recent(logits.word())) [[likely]] {
        auto& tape = static_cast<BasicTape<Real>&>(core);
        using Row = detail::RowLoss<Real>;
        auto* const memory = tape.template allocate<std::byte>(sizeof(Row) + sizeof(typename Row::Sums));
        auto* const sums = ::new (memory + sizeof(Row)) typename Row::Sums;
        if (kernels.exponentials_about(logits.data_of_operand(), n, target, sums->e, sums->partial)) [[likely]]
          return BasicTensor<Real>::recorded_scalar(tape, *::new (memory) Row(logits, target));
      }
    }
  }
  // A call that wrote into the result itself would have its address: then the loss above could not stay in registers either.
  BasicTensor<Real> loss = detail::cross_entropy_of_classes(logits, classes, options);
  return BasicTensor<Real>(std::move(loss));
}

/// softmax_cross_entropy, by name. Attributes reduction (none, mean, sum), label_smoothing, target (class, prob; otherwise the shapes decide).
struct SoftmaxCrossEntropy {
  static constexpr ArrayOpInfo info{
      .name = "softmax_cross_entropy", .summary = "cross-entropy of labels and the softmax of logits", .operands = {"z", "target"},
      .formula = "sum_k y_k (log(sum_j exp(z_j)) - z_k)", .derivative = "s_i sum_k y_k - y_i for z; log(sum_j exp(z_j)) - z_i for y",
      .rule = "for the largest logit m: s_m times the sum over k != m of y_k, minus y_m times the sum over k != m of s_k: s_m - y_m is 0 when s_m -> 1",
      .parameters = {{.name = "label_smoothing", .value = 0, .also = {0.1, 1}, .meaning = "labels become (1 - label_smoothing) y + label_smoothing / classes"}},
      .domain = "classes are integers from 0 to the number of logits of a row less 1",
      .cases = {{"one class a row", {"3x4", "3"}, {Fill::normal, Fill::class_index}, "target=class"},
                {"mean, smoothed", {"3x4", "3"}, {Fill::normal, Fill::class_index}, "target=class reduction=mean label_smoothing=0.1"},
                {"saturated", {"3x4", "3"}, {Fill::saturated, Fill::class_index}, "target=class"},
                {"wide, sum", {"2x4", "2"}, {Fill::wide, Fill::class_index}, "target=class reduction=sum"},
                {"soft labels", {"3x4", "3x4"}, {Fill::normal, Fill::simplex}, "target=prob"},
                {"unnormalised labels, mean", {"3x4", "3x4"}, {Fill::normal, Fill::unnormalised}, "target=prob reduction=mean"},
                {"saturated, soft labels", {"3x4", "3x4"}, {Fill::saturated, Fill::simplex}, "target=prob"},
                {"saturated, smoothed", {"2x4", "2x4"}, {Fill::saturated, Fill::one_hot}, "target=prob label_smoothing=0.1 reduction=sum"},
                {"any labels", {"2x4", "2x4"}, {Fill::wide, Fill::normal}, "target=prob"},
                {"ties", {"3x3", "3x3"}, {Fill::ties, Fill::unnormalised}, "target=prob"},
                {"one logit", {"3x1", "3"}, {Fill::normal, Fill::class_index}, "target=class"},
                {"one row", {"5", "5"}, {Fill::normal, Fill::simplex}, "target=prob"}},
      .source = "label smoothing: Szegedy et al., CVPR 2016"};
  static BasicTensor<double> call(std::span<const BasicTensor<double>> operands, const Attributes& attributes);
};

}  // namespace gradus
