// Cross-entropy of the softmax of logits.
#include <ops/softmax_cross_entropy.hpp>

#include <cmath>

#include <fmt/format.h>

#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {

/// The labels of a row, smoothed, as a function of k: from a class, or as they were given.
template <class W> struct LabelsOfClass {
  std::size_t target;
  W on, off;
  [[nodiscard]] const W& operator()(std::size_t k) const { return k == target ? on : off; }
};
template <class W, class Real> struct GivenLabels {
  const Real* y;
  W keep, share;
  [[nodiscard]] W operator()(std::size_t k) const { return keep * W(y[k]) + share; }
};

/// log sum_j exp(z_j) - z_k, where log_rest = log sum_j exp(z_j - z_top).
template <class W, class Real> W negative_log(const Real* z, std::size_t k, std::size_t top, const W& log_rest) {
  if (k == top) return log_rest;
  const auto gap = two_sum(W(z[top]), -W(z[k]));
  return (gap.high + log_rest) + gap.low;
}

template <class W, class Real, class Labels> W loss_of_row(const Real* z, std::size_t n, std::size_t top, const W& log_rest, const Labels& y) {
  return sum_of<W>(n, [&](std::size_t k) {
    const W label = y(k);
    return is_zero(label) ? W(0) : label * negative_log(z, k, top, log_rest);
  });
}

/// add(i, up (s_i sum_k y_k - y_i)). For the largest logit as s_m times the other labels minus y_m times the other shares, two positive terms.
template <class W, class S, class Labels, class Add> void pull_logits(std::size_t n, std::size_t top, S&& s, const Labels& y, const W& up, Add&& add) {
  const W others = sum_of<W>(n, [&](std::size_t k) { return k == top ? W(0) : W(y(k)); });
  const W rest = sum_of<W>(n, [&](std::size_t k) { return k == top ? W(0) : W(s(k)); });
  const W total = others + y(top);
  for (std::size_t i = 0; i < n; ++i) add(i, up * (i == top ? s(i) * others - y(i) * rest : s(i) * total - y(i)));
}

/// Everything that the pullback needs; plain data.
template <class Real> struct Loss {
  std::size_t rows, n;
  SoftmaxCrossEntropyOptions options;
  const Real* z;
  const Real* given = nullptr;                ///< labels, or
  const std::uint32_t* classes = nullptr;     ///< classes
  Real *soft = nullptr, *log_rest = nullptr;  ///< the softmax, and log sum_j exp(z_j - z_top) for every row
  Destination to_z{}, to_given{};
  Slot first = 0;

  /// f(labels of the row in type W)
  template <class W, class F> decltype(auto) with_labels(std::size_t row, F&& f) const {
    const double smoothing = options.label_smoothing;
    const W keep = W(1) - W(smoothing), share = W(smoothing) / W(static_cast<double>(n));
    if (classes != nullptr) return f(LabelsOfClass<W>{classes[row], keep + share, share});
    return f(GivenLabels<W, Real>{given + row * n, keep, share});
  }

  /// The loss of a row in type W; remembers the softmax where there is room.
  template <class W> W loss(std::size_t row, Strided<Real> s) const {
    const Real* from = z + row * n;
    const SoftRow<W> e = soft_row<W>(Strided<const Real>{from, 1}, n, s);
    const W log_of_rest = log1p(e.rest);
    if (s.first != nullptr) log_rest[row] = static_cast<Real>(log_of_rest);
    return with_labels<W>(row, [&](const auto& labels) { return loss_of_row(from, n, e.top, log_of_rest, labels); });
  }
  [[nodiscard]] Wider<Real> loss(std::size_t row) const {
    if (n == 0) return Wider<Real>(0);
    const auto value = loss<Work<Real>>(row, Strided<Real>{soft == nullptr ? nullptr : soft + row * n, 1});
    if constexpr (std::is_same_v<Real, double>)
      if (is_extreme(value)) return loss<Wider<Real>>(row, Strided<Real>{nullptr, 1});
    return static_cast<Wider<Real>>(value);
  }

  struct Gradients { Target<Real> z, given; };
  template <class W, class S> void pull_row(const Gradients& gradients, std::size_t row, std::size_t top, S&& s, const W& log_of_rest, const Real& upstream) const {
    const W up = options.reduction == Reduction::mean ? W(upstream) / W(static_cast<double>(rows)) : W(upstream);
    if (to_z)
      with_labels<W>(row, [&](const auto& labels) {
        pull_logits(n, top, s, labels, up, [&](std::size_t i, const W& part) { gradients.z.put(row * n + i, static_cast<Real>(part)); });
      });
    if (!to_given || options.label_smoothing == 1) return;
    const W keep_up = up * (W(1) - W(options.label_smoothing));
    for (std::size_t i = 0; i < n; ++i) {
      const W part = keep_up * negative_log(z + row * n, i, top, log_of_rest);
      if constexpr (std::is_same_v<W, double>)
        if (!std::isfinite(part)) {  // the logits may lie further apart than the largest double
          gradients.given.put(row * n + i, static_cast<Real>(Wider<W>(keep_up) * negative_log(z + row * n, i, top, Wider<W>(log_of_rest))));
          continue;
        }
      gradients.given.put(row * n + i, static_cast<Real>(part));
    }
  }

  /// True when the products of the labels with moderate numbers stay in range.
  [[nodiscard]] bool has_easy_labels(std::size_t row) const {
    if constexpr (std::is_same_v<Real, double>) {
      if (given == nullptr) return true;
      double size = 0;
      for (std::size_t k = row * n; k < (row + 1) * n; ++k) size += std::abs(given[k]);
      return size == 0 || (size >= 0x1p-250 && size <= 0x1p250);
    } else {
      return true;
    }
  }

  void operator()(BasicSweep<Real>& sweep) const {
    Gradients gradients{};
    if (to_z) gradients.z = sweep.target(to_z);
    if (to_given && options.label_smoothing != 1) gradients.given = sweep.target(to_given);
    for (std::size_t row = 0; row < rows && n != 0; ++row) {
      const Real up = sweep.adjoint(first)[options.reduction == Reduction::none ? row : 0];
      if (is_zero(up)) {
        for (const Target<Real>& target : {gradients.z, gradients.given})
          if (target.to != nullptr && !target.add) std::fill_n(target.to + row * n, n, Real(0));
        continue;
      }
      const Strided<const Real> from{z + row * n, 1}, s{soft + row * n, 1};
      const std::size_t top = first_max(from, n);
      if (is_easy_adjoint(up) && has_easy_labels(row) && is_easy_row(from, s, n, top)) {
        using W = Work<Real>;
        pull_row<W>(gradients, row, top, [&](std::size_t k) { return static_cast<W>(s[k]); }, static_cast<W>(log_rest[row]), up);
      } else {
        pull_wide_row(gradients, row, top, up);
      }
    }
  }
  void pull_wide_row(const Gradients& gradients, std::size_t row, std::size_t top, const Real& up) const {
    using W = Wider<Real>;
    const Scratch<W> wide(n);
    const SoftRow<W> e = soft_row<W>(Strided<const Real>{z + row * n, 1}, n, Strided<W>{wide.data(), 1});
    pull_row<W>(gradients, row, top, [&](std::size_t k) { return wide[k]; }, log1p(e.rest), up);
  }
};

/// True when the products of the exponentials of an easy row with this stay in range.
template <class Real> [[nodiscard]] bool is_easy_factor(double by, double up) {
  using Kernels = gradus_kernels::Rows<Real>;
  return std::abs(by) >= Kernels::least_easy_factor && std::abs(up) <= Kernels::largest_easy_adjoint;
}
/// What the exponentials are multiplied by, and what the target's own entry is; e is its exponential.
struct Factors { double by, own; };
[[nodiscard]] inline Factors factors_of(double up, double rest, double e) {
  const double total = 1 + rest, by = up / total;
  return {by, e == 1 ? -rest * by : up * (e / total - 1)};  // s - 1 loses digits as s -> 1: then it is minus the sum of the others
}

/// The same for classes that are not smoothed, where everything but the target's own entry is the softmax times the upstream adjoint.
template <PlainReal Real> struct ClassLoss {
  std::size_t rows, n;
  const Real* z;
  const std::uint32_t* classes;
  Real* e;       ///< the exponentials of every row relative to that of its class, or else to its largest entry
  double* rest;  ///< the sum of those but that one; -1 where the row needs a wider range
  Destination to_z;
  Reduction reduction;
  Slot first;

  [[nodiscard]] Loss<Real> general() const {
    Loss<Real> loss{.rows = rows, .n = n, .options = {.reduction = reduction}, .z = z};
    loss.classes = classes;
    loss.to_z = to_z;
    return loss;
  }

  /// The loss of a row; e and rest as above.
  [[nodiscard]] static double loss(const Real* z, std::size_t n, std::uint32_t target, Real* e, double& rest) {
    if (const auto& kernels = row_kernels<Real>(); n <= kernels.few) {
      gradus_kernels::PartialSums sums;
      if (kernels.exponentials_about(z, n, target, e, sums)) [[likely]] {
        rest = kernels.rest_about(sums);
        e[target] = 1;
        return log_of_moderate_total<Real>(rest);
      }
    }
    const gradus_kernels::SoftmaxRow row = exponentials_by_kernels(z, n, e);
    rest = row.is_easy() ? row.rest() : -1;
    const double log_rest = log_of_total(row.rest()), at = static_cast<double>(z[target]);
    const auto gap = two_sum(row.top, -at);
    const double value = at == row.top ? log_rest : (gap.high + log_rest) + gap.low;
    if (is_extreme(value)) [[unlikely]] return wide_loss(z, n, target);
    return value;
  }
  [[nodiscard, gnu::noinline, gnu::cold]] static double wide_loss(const Real* z, std::size_t n, std::uint32_t target) {
    Loss<Real> one{.rows = 1, .n = n, .options = {}, .z = z};
    one.classes = &target;
    return static_cast<double>(one.template loss<Wider<Real>>(0, Strided<Real>{nullptr, 1}));
  }

  void operator()(BasicSweep<Real>& sweep) const {
    const auto& kernels = row_kernels<Real>();
    const Target<Real> target = sweep.target(to_z);
    for (std::size_t row = 0; row < rows; ++row) {
      const Real upstream = sweep.adjoint(first)[reduction == Reduction::none ? row : 0];
      const double up = reduction == Reduction::mean ? static_cast<double>(upstream) / static_cast<double>(rows) : static_cast<double>(upstream);
      Real* const to = target.to + row * n;
      if (is_zero(upstream)) {
        kernels.spread(Real(0), to, into_of(target), n);
        continue;
      }
      const std::size_t k = classes[row];
      const auto [by, part] = factors_of(up, rest[row], static_cast<double>(e[row * n + k]));
      if (rest[row] < 0 || !is_easy_factor<Real>(by, up)) [[unlikely]] {
        general().pull_wide_row({target, {}}, row, first_max(Strided<const Real>{z + row * n, 1}, n), upstream);
        continue;
      }
      kernels.scale_but_one(e + row * n, static_cast<Real>(by), k, static_cast<Real>(part), to, into_of(target), n);
    }
  }
};

/// How many rows of logits there are. Throws for options that make no sense.
std::size_t rows_of(const Shape& logits, const SoftmaxCrossEntropyOptions& options) {
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) [[unlikely]]
    throw ArgumentError(fmt::format("softmax_cross_entropy: label_smoothing is {}: it must lie in [0, 1]", options.label_smoothing));
  if (logits.rank() == 0) [[unlikely]] static_cast<void>(logits.axis(-1, "softmax_cross_entropy"));
  std::size_t rows = 1;
  for (std::size_t axis = 0; axis + 1 < logits.rank(); ++axis) rows *= logits[axis];
  return rows;
}
Shape shape_of_rows(const Shape& logits) { return logits.without(logits.rank() - 1); }
Shape shape_of_loss(const Shape& logits, Reduction reduction) { return reduction == Reduction::none ? shape_of_rows(logits) : Shape{}; }

[[noreturn, gnu::cold]] void throw_no_class(double target, std::size_t row, std::size_t n) {
  throw ArgumentError(fmt::format("softmax_cross_entropy: target {} of row {} is not a class: there are {}", target, row, n));
}

template <class Real> BasicTensor<Real> reduce_and_record(BasicResult<Real>&& result, Loss<Real>& loss) {
  using Total = Wider<Real>;
  if (result.is_recorded()) {
    loss.soft = result.scratch(loss.rows * loss.n);
    loss.log_rest = result.scratch(loss.rows);
  }
  if (loss.options.reduction == Reduction::none) {
    for (std::size_t row = 0; row < loss.rows; ++row) result.data()[row] = static_cast<Real>(loss.loss(row));
  } else {
    Total total = sum_of<Total>(loss.rows, [&](std::size_t row) { return loss.loss(row); });
    if (loss.options.reduction == Reduction::mean) total = total / Total(static_cast<double>(loss.rows));
    result.data()[0] = static_cast<Real>(total);
  }
  return std::move(result).record([&](Slot first) {
    loss.first = first;
    return loss;
  });
}

/// The sum or mean of loss_of(row), or each of them, into the result.
template <class Real, class LossOf> void reduce(Reduction reduction, std::size_t rows, Real* to, LossOf&& loss_of) {
  if (reduction == Reduction::none) {
    for (std::size_t row = 0; row < rows; ++row) to[row] = static_cast<Real>(loss_of(row));
    return;
  }
  if (rows == 1) {
    to[0] = static_cast<Real>(loss_of(0));
    return;
  }
  Compensated<double> sum;
  for (std::size_t row = 0; row < rows; ++row) sum.add(loss_of(row));
  const double total = sum.value(), count = reduction == Reduction::mean ? static_cast<double>(rows) : 1;
  if (std::isfinite(total)) [[likely]] to[0] = static_cast<Real>(total / count);
  else to[0] = static_cast<Real>(sum_of<long double>(rows, [&](std::size_t row) { return static_cast<long double>(loss_of(row)); }) / static_cast<long double>(count));
}

template <PlainReal Real> BasicTensor<Real> record_classes(BasicResult<Real>&& result, const BasicTensor<Real>& logits, Reduction reduction, std::size_t rows,
                                                           std::size_t n, const std::uint32_t* classes) {
  const Real* const z = logits.data();
  if (!result.is_recorded()) {
    const Scratch<Real> own(n + gradus_kernels::Rows<Real>::beyond);
    double unused = 0;
    reduce(reduction, rows, result.data(), [&](std::size_t row) { return ClassLoss<Real>::loss(z + row * n, n, classes[row], own.data(), unused); });
    return std::move(result).record([](Slot) { return ClassLoss<Real>(); });
  }
  Real* const e = result.scratch(rows * n + gradus_kernels::Rows<Real>::beyond);
  double* const rest = result.tape().template allocate<double>(rows);
  reduce(reduction, rows, result.data(), [&](std::size_t row) { return ClassLoss<Real>::loss(z + row * n, n, classes[row], e + row * n, rest[row]); });
  return std::move(result).record([&](Slot first) { return ClassLoss<Real>{rows, n, z, classes, e, rest, logits.destination(), reduction, first}; });
}

/// read(row) is the class of a row, as an int or a plain number.
template <class Real, class Read>
BasicTensor<Real> with_classes(const BasicTensor<Real>& logits, std::size_t rows, const SoftmaxCrossEntropyOptions& options, Read&& read) {
  const std::size_t n = logits.shape()[logits.rank() - 1];
  BasicResult<Real> result(shape_of_loss(logits.shape(), options.reduction), {&logits});
  const auto record = [&](std::uint32_t* classes) {
    for (std::size_t row = 0; row < rows; ++row) {
      const auto target = read(row);
      bool is_class = target >= 0 && static_cast<double>(target) < static_cast<double>(n);
      if constexpr (!std::is_integral_v<decltype(target)>) is_class = is_class && target == std::floor(target);
      if (!is_class) throw_no_class(static_cast<double>(target), row, n);
      classes[row] = static_cast<std::uint32_t>(target);
    }
    if constexpr (PlainReal<Real>)
      if (options.label_smoothing == 0 && n != 0) return record_classes(std::move(result), logits, options.reduction, rows, n, classes);
    Loss<Real> loss{.rows = rows, .n = n, .options = options, .z = logits.data()};
    loss.classes = classes;
    loss.to_z = logits.destination();
    return reduce_and_record(std::move(result), loss);
  };
  if (result.is_recorded()) return record(result.tape().template allocate<std::uint32_t>(rows));
  const Scratch<std::uint32_t> own(rows);
  return record(own.data());
}

}  // namespace

template <class Real>
BasicTensor<Real> softmax_cross_entropy(const BasicTensor<Real>& logits, const BasicTensor<Real>& targets, SoftmaxCrossEntropyOptions options) {
  const std::size_t rows = rows_of(logits.shape(), options);
  const Shape row_shape = shape_of_rows(logits.shape());
  if (targets.shape() == row_shape) {
    const Real* read = targets.data();
    return with_classes(logits, rows, options, [read](std::size_t row) { return plain(read[row]); });
  }
  if (targets.shape() != logits.shape())
    throw ShapeError(fmt::format("softmax_cross_entropy: targets must be labels of shape {} or classes of shape {}, but they are {}", logits.shape().text(),
                                 row_shape.text(), targets.shape().text()));
  BasicResult<Real> result(shape_of_loss(logits.shape(), options.reduction), {&logits, &targets});
  Loss<Real> loss{.rows = rows, .n = logits.shape()[logits.rank() - 1], .options = options, .z = logits.data()};
  loss.given = targets.data();
  loss.to_z = logits.destination();
  loss.to_given = targets.destination();
  return reduce_and_record(std::move(result), loss);
}

namespace detail {
template <class Real>
BasicTensor<Real> cross_entropy_of_classes(const BasicTensor<Real>& logits, std::span<const int> classes, SoftmaxCrossEntropyOptions options) {
  const std::size_t rows = rows_of(logits.shape(), options);
  if (classes.size() != rows)
    throw ShapeError(fmt::format("softmax_cross_entropy: {} classes for logits of shape {}: {} are needed", classes.size(), logits.shape().text(), rows));
  return with_classes(logits, rows, options, [classes](std::size_t row) { return classes[row]; });
}

template <PlainReal Real> void RowLoss<Real>::compute_values(Pending& self) {
  auto& loss = static_cast<RowLoss&>(self);
  loss.value = static_cast<Real>(row_kernels_in_use<Real>().loss_about(loss.sums().partial));
  loss.done = true;
}

template <PlainReal Real> void RowLoss<Real>::pull_back(void* self, BasicSweep<Real>& sweep) {
  auto& it = *static_cast<RowLoss*>(self);
  if (!sweep.holds_each_or_nothing(it.to_z)) [[unlikely]] return it.pull_wide_row(sweep, sweep.target(it.to_z).add);
  const Target<Real> gradient = sweep.target(it.to_z);
  const double loss = row_kernels_in_use<Real>().pull_about(it.sums().e, it.sums().partial, sweep.single(), gradient.to, into_of(gradient), it.n, it.target);
  if (loss < 0) [[unlikely]] return it.pull_wide_row(sweep, loss != gradus_kernels::Rows<Real>::not_written);
  it.value = static_cast<Real>(loss);
  it.done = true;
}

template <PlainReal Real> void RowLoss<Real>::pull_wide_row(BasicSweep<Real>& sweep, bool add) const {
  Loss<Real> one{.rows = 1, .n = n, .options = {.reduction = Reduction::sum}, .z = z};
  one.classes = &target;
  one.to_z = to_z;
  one.pull_wide_row({{sweep.target(to_z).to, add}, {}}, 0, first_max(Strided<const Real>{z, 1}, n), sweep.single());
}
}  // namespace detail

BasicTensor<double> SoftmaxCrossEntropy::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"reduction", "label_smoothing", "target"});
  const std::string reduction = attributes.text("reduction", "none"), target = attributes.text("target", "");
  if (reduction != "none" && reduction != "mean" && reduction != "sum")
    throw ArgumentError(fmt::format("softmax_cross_entropy: reduction '{}': none, mean and sum are known", reduction));
  if (target != "class" && target != "prob" && !(target.empty() && !attributes.all().contains("target")))
    throw ArgumentError(fmt::format("softmax_cross_entropy: target '{}': class and prob are known", target));
  const bool has_labels = operands[1].shape() == operands[0].shape();
  if (target == (has_labels ? "class" : "prob"))
    throw ShapeError(fmt::format("softmax_cross_entropy: target is '{}', but its shape is {} and that of the logits {}", target, operands[1].shape().text(),
                                 operands[0].shape().text()));
  return softmax_cross_entropy(operands[0], operands[1],
                               {.reduction = reduction == "mean"  ? Reduction::mean
                                             : reduction == "sum" ? Reduction::sum
                                                                  : Reduction::none,
                                .label_smoothing = attributes.number("label_smoothing", 0)});
}

template BasicTensor<float> softmax_cross_entropy(const BasicTensor<float>&, const BasicTensor<float>&, SoftmaxCrossEntropyOptions);
template BasicTensor<double> softmax_cross_entropy(const BasicTensor<double>&, const BasicTensor<double>&, SoftmaxCrossEntropyOptions);
template BasicTensor<Dual<double>> softmax_cross_entropy(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&, SoftmaxCrossEntropyOptions);
namespace detail {
template BasicTensor<float> cross_entropy_of_classes(const BasicTensor<float>&, std::span<const int>, SoftmaxCrossEntropyOptions);
template BasicTensor<double> cross_entropy_of_classes(const BasicTensor<double>&, std::span<const int>, SoftmaxCrossEntropyOptions);
template BasicTensor<Dual<double>> cross_entropy_of_classes(const BasicTensor<Dual<double>>&, std::span<const int>, SoftmaxCrossEntropyOptions);
template struct RowLoss<float>;
template struct RowLoss<double>;
}  // namespace detail

}  // namespace gradus
