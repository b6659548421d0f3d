// Verifies array ops.
#include <ops/verify/check_op.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include <autodiff/verify/difference.hpp>
#include <ops/verify/opinions.hpp>
#include <ops/verify/probes.hpp>
#include <ops/verify/textbook.hpp>

namespace gradus {
namespace {

/// One op on one generated set of operands.
class ArrayCheck {
 public:
  ArrayCheck(const ArrayEntry& op, const Textbook& book, const ArrayCase& with, std::uint64_t seed, CheckResult& result)
      : op_(op), book_(book), case_(with), attributes_(with.attributes), seed_(seed), result_(result) {
    Random random(seed);
    std::size_t classes = 1;
    for (std::size_t k = 0; k < with.shapes.size(); ++k) {
      const Shape shape = parse_shape(with.shapes[k]);
      if (k == 0 && shape.rank() > 0) classes = shape[shape.rank() - 1];
      operands_.push_back(filled(with.fills[k], shape, classes, random));
      shapes_.push_back(shape);
    }
    upstream_ = {};
    random_ = random;
  }

  void run() {
    ++result_.points;
    Tape tape;
    const Recording recording(tape);
    std::vector<Tensor> inputs;
    for (std::size_t k = 0; k < operands_.size(); ++k) inputs.push_back(is_differentiable(k) ? Tensor::input(shapes_[k], operands_[k]) : Tensor(shapes_[k], operands_[k]));
    const Tensor y = op_.call(inputs, attributes_);
    for (std::size_t i = 0; i < y.size(); ++i) upstream_.push_back(random_.sign() * random_.uniform(0.5, 1.5));
    Adjoints adjoints;
    tape.sweep({Seed<double>(y, upstream_)}, adjoints);
    std::vector<std::vector<double>> gradients;
    for (std::size_t k = 0; k < inputs.size(); ++k) gradients.push_back(is_differentiable(k) ? std::vector<double>(adjoints[inputs[k]].begin(), adjoints[inputs[k]].end()) : std::vector<double>());

    if (!check_values(y)) return;  // of another shape: nothing else can be compared
    const std::vector<BigArray> truth = book_.pullback(big_operands(), attributes_, big(y.shape(), upstream_));
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      scales_.emplace_back();
      for (const BigFloat& scale : truth[k].scale) scales_.back().push_back(static_cast<double>(scale));
      if (is_differentiable(k)) check_gradient_of(k, gradients[k], truth[k]);
    }
    check_linearity(tape, y, inputs, gradients);
    check_accumulation(tape, y, inputs, gradients);
  }

 private:
  [[nodiscard]] bool is_differentiable(std::size_t k) const { return case_.fills[k] != Fill::class_index; }
  static BigArray big(const Shape& shape, std::span<const double> values) {
    return {shape, std::vector<BigFloat>(values.begin(), values.end()), {}};
  }
  [[nodiscard]] std::vector<BigArray> big_operands() const {
    std::vector<BigArray> v;
    for (std::size_t k = 0; k < operands_.size(); ++k) v.push_back(big(shapes_[k], operands_[k]));
    return v;
  }
  [[nodiscard]] std::string place() const {
    std::string text;
    for (std::size_t k = 0; k < shapes_.size(); ++k) text += fmt::format("{}{} {}", k == 0 ? "" : ", ", op_.info->operands[k], shapes_[k].text());
    return fmt::format("{}{}{}, seed {}", text, case_.attributes.empty() ? "" : ", ", case_.attributes, seed_);
  }

  bool check_values(const Tensor& y) {
    const BigArray truth = book_.forward(big_operands(), attributes_);
    if (truth.shape.size() != y.size()) {
      result_.take({.quantity = std::string(op_.info->name), .where = place(), .regime = std::string(case_.regime), .got = static_cast<double>(y.size()), .verdict = Verdict::fail,
                    .opinions = {}, .message = fmt::format("the result has shape {}, the textbook's {}", y.shape().text(), truth.shape.text())});
      return false;
    }
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::string where = fmt::format("{}, element {}", place(), i);
      Finding f{.quantity = std::string(op_.info->name), .where = where, .regime = std::string(case_.regime), .got = y.values()[i], .opinions = {}, .message = {}};
      f.opinions.push_back(exact_opinion("formula", f.got, truth.values[i], truth.scale[i], op_.info->value_ulps, result_.value, where));
      f.verdict = judge(f.got, f.opinions);
      result_.take(std::move(f));
    }
    return true;
  }

  void check_gradient_of(std::size_t k, const std::vector<double>& gradient, const BigArray& truth) {
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const std::string where = fmt::format("{}, element {}", place(), i);
      Finding f{.quantity = fmt::format("d {} / d {}", op_.info->name, op_.info->operands[k]), .where = where, .regime = std::string(case_.regime), .got = gradient[i], .opinions = {}, .message = {}};
      const double scale = static_cast<double>(truth.scale[i]);
      f.opinions.push_back(exact_opinion("closed form", f.got, truth.values[i], truth.scale[i], op_.info->derivative_ulps, result_.derivative, where));
      // Four forwards in 400 digits an element: a few elements of each operand are enough, the closed form sees all.
      constexpr std::size_t most = 4;
      if (i % ((gradient.size() + most - 1) / most) == 0) {
        f.opinions.push_back(big_opinion(k, i, f.got, scale));
        f.opinions.push_back(difference_opinion(k, i, f.got, scale));
      }
      f.verdict = judge(f.got, f.opinions);
      result_.take(std::move(f));
    }
  }

  Opinion big_opinion(std::size_t k, std::size_t i, double got, double scale) const {
    std::vector<BigArray> operands = big_operands();
    const BigFloat x = operands[k].values[i];
    const auto loss = [&](const BigFloat& t) {
      operands[k].values[i] = x + t;
      const BigArray y = book_.forward(operands, attributes_);
      BigFloat total = 0;
      for (std::size_t j = 0; j < upstream_.size(); ++j) total += y.values[j] * upstream_[j];
      return total;
    };
    return opinion_of(big_difference(loss, operands_[k][i]), got, scale, op_.info->derivative_ulps);
  }

  Opinion difference_opinion(std::size_t k, std::size_t i, double got, double scale) const {
    std::vector<std::vector<double>> at = operands_;
    const auto loss = [&](double v) {
      at[k][i] = v;
      std::vector<Tensor> operands;
      for (std::size_t j = 0; j < at.size(); ++j) operands.emplace_back(shapes_[j], at[j]);
      const Tensor y = op_.call(operands, attributes_);
      double total = 0;
      for (std::size_t j = 0; j < upstream_.size(); ++j) total += y.values()[j] * upstream_[j];
      return total;
    };
    // An entry of a distribution or of a count cannot be negative: nothing is evaluated there.
    const Fill fill = case_.fills[k];
    const bool half_line = fill == Fill::positive || fill == Fill::simplex;
    const Domain domain = half_line ? Domain{.low = 0} : Domain{};
    return opinion_of(difference(loss, operands_[k][i], domain), got, 64 * (std::numeric_limits<double>::epsilon() / 2) * scale);
  }

  /// Twice the adjoint gives exactly twice the gradient, a second sweep gives the same bits, adjoint 0 gives 0.
  void check_linearity(const Tape& tape, const Tensor& y, const std::vector<Tensor>& inputs, const std::vector<std::vector<double>>& gradients) {
    for (const double factor : {1.0, 2.0, -0.5, 0.0}) {
      std::vector<double> seeds;
      for (const double u : upstream_) seeds.push_back(factor * u);
      Adjoints adjoints;
      tape.sweep({Seed<double>(y, seeds)}, adjoints);
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (!is_differentiable(k)) continue;
        for (std::size_t i = 0; i < gradients[k].size(); ++i) {
          const double got = adjoints[inputs[k]][i], expected = factor * gradients[k][i];
          if (got == expected || std::isnan(expected) || std::fabs(expected) < 1e-300) continue;
          result_.take({.quantity = fmt::format("d {} / d {}", op_.info->name, op_.info->operands[k]), .where = fmt::format("{}, element {}", place(), i), .regime = std::string(case_.regime),
                        .got = got, .verdict = Verdict::fail, .opinions = {},
                        .message = fmt::format("{} times the adjoint must give exactly {}: the pullback is not linear, or keeps state between sweeps", factor, number_text(expected))});
          return;
        }
      }
    }
  }

  /// Two uses of the same operands must add up.
  void check_accumulation(const Tape& tape, const Tensor& y, const std::vector<Tensor>& inputs, const std::vector<std::vector<double>>& gradients) {
    const Tensor again = op_.call(inputs, attributes_);
    Adjoints adjoints;
    tape.sweep({Seed<double>(y, upstream_), Seed<double>(again, upstream_)}, adjoints);
    for (std::size_t k = 0; k < inputs.size(); ++k)
      for (std::size_t i = 0; i < gradients[k].size(); ++i) {
        // The two contributions may be added term by term, so not exactly twice.
        const double got = adjoints[inputs[k]][i], expected = 2 * gradients[k][i];
        if (got == expected || std::isnan(expected) || std::fabs(got - expected) <= 1e-9 * std::fabs(expected) + 1e-300) continue;
        if (std::fabs(got - expected) <= 64 * std::numeric_limits<double>::epsilon() * scales_[k][i]) continue;
        result_.take({.quantity = fmt::format("d {} / d {}", op_.info->name, op_.info->operands[k]), .where = fmt::format("{}, element {}", place(), i), .regime = std::string(case_.regime),
                      .got = got, .verdict = Verdict::fail, .opinions = {},
                      .message = fmt::format("two uses of the operand must add up to {}: the pullback assigns where it must add", number_text(expected))});
        return;
      }
  }

  const ArrayEntry& op_;
  const Textbook& book_;
  const ArrayCase& case_;
  Attributes attributes_;
  std::uint64_t seed_;
  CheckResult& result_;
  std::vector<std::vector<double>> operands_;
  std::vector<Shape> shapes_;
  std::vector<double> upstream_;
  std::vector<std::vector<double>> scales_;  // by operand: the sum of the |terms| of each gradient entry
  Random random_{0};
};

}  // namespace

CheckResult check_op(const ArrayEntry& op, std::uint64_t seed) {
  const auto start = std::chrono::steady_clock::now();
  CheckResult result;
  result.name = op.info->name;
  const Textbook* book = find_textbook(op.info->name);
  if (book == nullptr) {
    result.take({.quantity = result.name, .where = "the registry", .regime = {}, .got = 0, .verdict = Verdict::fail, .opinions = {}, .message = "no textbook form: add one to ops/verify/textbook.cpp"});
    return result;
  }
  std::uint64_t case_seed = seed * 1000;
  for (const ArrayCase& with : op.info->cases) {
    ArrayCheck(op, *book, with, ++case_seed, result).run();
    if (std::find(result.regimes.begin(), result.regimes.end(), with.regime) == result.regimes.end()) result.regimes.emplace_back(with.regime);
  }
  result.detection_limit = std::max(op.info->derivative_ulps, 1.0) * std::numeric_limits<double>::epsilon();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace gradus
