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

/// The same for classes that are not smoothed, where everything but the target's own entry is the softmax times the upstream adjoint.
template <PlainReal Real> struct ClassLoss {
  Loss<Real> general;
  const double* others;  ///< of every row the shares of all but its largest entry together; -1 where the row needs a wider range

  /// The loss of a row, for which s has room.
  [[nodiscard]] static double loss(const Loss<Real>& general, std::size_t row, Real* s, double* others) {
    const std::size_t n = general.n;
    const Real* z = general.z + row * n;
    const gradus_kernels::SoftmaxRow e = soft_row_by_kernels(z, n, s);
    if (others != nullptr) others[row] = e.easy ? e.rest / (1 + e.rest) : -1;
    const double log_rest = std::log1p(e.rest), at = static_cast<double>(z[general.classes[row]]);
    const auto gap = two_sum(e.top, -at);
    const double value = at == e.top ? log_rest : (gap.high + log_rest) + gap.low;
    if (is_extreme(value)) [[unlikely]] return static_cast<double>(general.template loss<Wider<Real>>(row, Strided<Real>{nullptr, 1}));
    return value;
  }

  void operator()(BasicSweep<Real>& sweep) const {
    const auto& kernels = row_kernels<Real>();
    const std::size_t n = general.n;
    const Target<Real> target = sweep.target(general.to_z);
    for (std::size_t row = 0; row < general.rows; ++row) {
      const Real upstream = sweep.adjoint(general.first)[general.options.reduction == Reduction::none ? row : 0];
      const double up = general.options.reduction == Reduction::mean ? static_cast<double>(upstream) / static_cast<double>(general.rows) : static_cast<double>(upstream);
      Real* const to = target.to + row * n;
      if (is_zero(upstream)) {
        kernels.spread(Real(0), to, into_of(target), n);
        continue;
      }
      if (others[row] < 0 || !is_easy_adjoint(up)) [[unlikely]] {
        general.pull_wide_row({target, {}}, row, first_max(Strided<const Real>{general.z + row * n, 1}, n), upstream);
        continue;
      }
      const std::size_t k = general.classes[row];
      const auto share = static_cast<double>(general.soft[row * n + k]);
      // s - 1 is 0 when s -> 1: then it is minus the sum of the others.
      const auto part = static_cast<Real>(share > 0.5 ? -up * others[row] : up * (share - 1));
      const Real own = target.add ? to[k] + part : part;
      kernels.scale(general.soft + row * n, static_cast<Real>(up), to, into_of(target), n);
      to[k] = own;
    }
  }
};

/// The last axis of the logits. Throws for options that make no sense.
std::size_t class_axis(const Shape& logits, const SoftmaxCrossEntropyOptions& options) {
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    throw ArgumentError(fmt::format("softmax_cross_entropy: label_smoothing is {}: it must lie in [0, 1]", options.label_smoothing));
  return logits.axis(-1, "softmax_cross_entropy");
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

template <class Real> BasicTensor<Real> record_classes(BasicResult<Real>&& result, Loss<Real>& loss) {
  if constexpr (!PlainReal<Real>) {
    return reduce_and_record(std::move(result), loss);
  } else {
    if (loss.options.label_smoothing != 0 || loss.n == 0) return reduce_and_record(std::move(result), loss);
    const bool recorded = result.is_recorded();
    double* const others = recorded ? result.tape().template allocate<double>(loss.rows) : nullptr;
    const Scratch<Real> own(recorded ? 0 : loss.n);
    if (recorded) loss.soft = result.scratch(loss.rows * loss.n);
    const auto loss_of = [&](std::size_t row) { return ClassLoss<Real>::loss(loss, row, recorded ? loss.soft + row * loss.n : own.data(), others); };
    if (loss.options.reduction == Reduction::none) {
      for (std::size_t row = 0; row < loss.rows; ++row) result.data()[row] = static_cast<Real>(loss_of(row));
    } else {
      Compensated<double> sum;
      for (std::size_t row = 0; row < loss.rows; ++row) sum.add(loss_of(row));
      const double total = sum.value(), rows = loss.options.reduction == Reduction::mean ? static_cast<double>(loss.rows) : 1;
      if (std::isfinite(total)) [[likely]] result.data()[0] = static_cast<Real>(total / rows);
      else result.data()[0] = static_cast<Real>(sum_of<long double>(loss.rows, [&](std::size_t row) { return static_cast<long double>(loss_of(row)); }) / static_cast<long double>(rows));
    }
    return std::move(result).record([&](Slot first) {
      loss.first = first;
      return ClassLoss<Real>{loss, others};
    });
  }
}

/// read(row) is the class of a row, as an int or a plain number.
template <class Real, class Read> BasicTensor<Real> with_classes(const BasicTensor<Real>& logits, const SoftmaxCrossEntropyOptions& options, Read&& read) {
  const std::size_t axis = class_axis(logits.shape(), options), n = logits.shape()[axis];
  const Shape row_shape = logits.shape().without(axis);
  const std::size_t rows = row_shape.size();
  BasicResult<Real> result(options.reduction == Reduction::none ? row_shape : Shape{}, {&logits});
  const Scratch<std::uint32_t> own(result.is_recorded() ? 0 : rows);
  auto* classes = result.is_recorded() ? result.tape().template allocate<std::uint32_t>(rows) : own.data();
  for (std::size_t row = 0; row < rows; ++row) {
    const auto target = read(row);
    bool is_class = target >= 0 && static_cast<double>(target) < static_cast<double>(n);
    if constexpr (!std::is_integral_v<decltype(target)>) is_class = is_class && target == std::floor(target);
    if (!is_class)
      throw ArgumentError(fmt::format("softmax_cross_entropy: target {} of row {} is not a class: there are {}", target, row, n));
    classes[row] = static_cast<std::uint32_t>(target);
  }
  Loss<Real> loss{.rows = rows, .n = n, .options = options, .z = logits.data()};
  loss.classes = classes;
  loss.to_z = logits.destination();
  return record_classes(std::move(result), loss);
}

}  // namespace

template <class Real>
BasicTensor<Real> softmax_cross_entropy(const BasicTensor<Real>& logits, const BasicTensor<Real>& targets, SoftmaxCrossEntropyOptions options) {
  const std::size_t axis = class_axis(logits.shape(), options);
  const Shape row_shape = logits.shape().without(axis);
  if (targets.shape() == row_shape) {
    const Real* read = targets.data();
    return with_classes(logits, options, [read](std::size_t row) { return plain(read[row]); });
  }
  if (targets.shape() != logits.shape())
    throw ShapeError(fmt::format("softmax_cross_entropy: targets must be labels of shape {} or classes of shape {}, but they are {}", logits.shape().text(),
                                 row_shape.text(), targets.shape().text()));
  BasicResult<Real> result(options.reduction == Reduction::none ? row_shape : Shape{}, {&logits, &targets});
  Loss<Real> loss{.rows = row_shape.size(), .n = logits.shape()[axis], .options = options, .z = logits.data()};
  loss.given = targets.data();
  loss.to_z = logits.destination();
  loss.to_given = targets.destination();
  return reduce_and_record(std::move(result), loss);
}

template <class Real>
BasicTensor<Real> softmax_cross_entropy(const BasicTensor<Real>& logits, std::span<const int> classes, SoftmaxCrossEntropyOptions options) {
  const Shape row_shape = logits.shape().without(class_axis(logits.shape(), options));
  if (classes.size() != row_shape.size())
    throw ShapeError(fmt::format("softmax_cross_entropy: {} classes for logits of shape {}: {} are needed", classes.size(), logits.shape().text(), row_shape.size()));
  return with_classes(logits, options, [classes](std::size_t row) { return classes[row]; });
}

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
template BasicTensor<float> softmax_cross_entropy(const BasicTensor<float>&, std::span<const int>, SoftmaxCrossEntropyOptions);
template BasicTensor<double> softmax_cross_entropy(const BasicTensor<double>&, std::span<const int>, SoftmaxCrossEntropyOptions);
template BasicTensor<Dual<double>> softmax_cross_entropy(const BasicTensor<Dual<double>>&, std::span<const int>, SoftmaxCrossEntropyOptions);

}  // namespace gradus
