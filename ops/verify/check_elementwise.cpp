// Verifies elementwise ops.
#include <ops/verify/check_op.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <autodiff/verify/difference.hpp>
#include <ops/verify/opinions.hpp>
#include <ops/verify/probes.hpp>

namespace gradus {
namespace {

using expression::Expression;
using expression::Value;
using expression::Variables;

/// One op with one set of parameters.
class ElementwiseCheck {
 public:
  ElementwiseCheck(const ElementwiseEntry& op, std::vector<double> parameters, CheckResult& result, DetectionLimits& limits)
      : op_(op), info_(*op.info), parameters_(std::move(parameters)), result_(result), limits_(limits), formula_(Expression::parse(info_.formula)) {
    for (const std::string_view text : info_.derivatives) derivatives_.push_back(Expression::parse(text));
    for (std::size_t k = 0; k < info_.operands.size(); ++k)
      scales_.push_back(k < info_.cancels.size() && !info_.cancels[k].empty() ? Expression::parse(info_.cancels[k]) : Expression::parse("0"));
  }

  void run() {
    const std::vector<Probe> probes = probes_of(info_, parameters_);
    for (const Probe& probe : probes) check_point(probe);
    check_array_path(probes);
    check_sharing(probes);
    check_nan();
  }

 private:
  struct Slopes { std::vector<double> adjoints; double value; };

  Variables<BigFloat> variables(std::span<const double> at) const {
    Variables<BigFloat> v;
    for (std::size_t k = 0; k < at.size(); ++k) v.emplace(std::string(info_.operands[k]), Value<BigFloat>(BigFloat(at[k])));
    for (std::size_t i = 0; i < parameters_.size(); ++i) v.emplace(std::string(info_.parameters[i].name), Value<BigFloat>(BigFloat(parameters_[i])));
    return v;
  }
  std::string place(std::span<const double> at) const {
    std::string text;
    for (std::size_t k = 0; k < at.size(); ++k) text += fmt::format("{}{} = {}", k == 0 ? "" : ", ", info_.operands[k], number_text(at[k]));
    for (std::size_t i = 0; i < parameters_.size(); ++i) text += fmt::format(", {} = {}", info_.parameters[i].name, number_text(parameters_[i]));
    return text;
  }
  std::string derivative_name(std::size_t k) const { return fmt::format("d {} / d {}", info_.name, info_.operands[k]); }

  Slopes on_tape(std::span<const double> at) const {
    Tape tape;
    const Recording recording(tape);
    const std::vector<Var> x = Var::inputs(at);
    const Var y = op_.record(x, parameters_);
    Adjoints adjoints;
    tape.sweep(y, adjoints);
    Slopes s{{}, y.value()};
    for (const Var& v : x) s.adjoints.push_back(adjoints[v]);
    return s;
  }

  void check_point(const Probe& probe) {
    ++result_.points;
    const std::string where = place(probe.at);
    const Slopes tape = on_tape(probe.at);
    const Variables<BigFloat> big = variables(probe.at);
    const BigFloat true_value = evaluate_scalar(formula_, big);
    {
      Finding f{.quantity = std::string(info_.name), .where = where, .regime = probe.regime, .got = tape.value, .opinions = {}, .message = {}};
      f.opinions.push_back(exact_opinion("formula", tape.value, true_value, 0, info_.value_ulps, result_.value, where));
      f.verdict = judge(f.got, f.opinions);
      if (!isnan(true_value)) result_.take(std::move(f));
    }
    truths_.push_back({true_value, {}, {}, {}});
    for (std::size_t k = 0; k < probe.at.size(); ++k) check_derivative(probe, k, tape.adjoints[k], big, where);
  }

  void check_derivative(const Probe& probe, std::size_t k, double got, Variables<BigFloat> big, const std::string& where) {
    Finding f{.quantity = derivative_name(k), .where = where, .regime = probe.regime, .got = got, .opinions = {}, .message = {}};
    const BigFloat truth = evaluate_scalar(derivatives_[k], big), scale = evaluate_scalar(scales_[k], big);
    truths_.back().derivatives.push_back(truth);
    truths_.back().scales.push_back(scale);
    Worst here;
    f.opinions.push_back(exact_opinion("closed form", got, truth, scale, info_.derivative_ulps, here, where));
    truths_.back().confirmed.push_back(f.opinions.back().verdict != Verdict::fail);
    result_.derivative.take(here.ulps, here.where);
    if (probe.at.size() == 1 && !isnan(truth)) result_.errors.push_back({probe.at[k], here.ulps, probe.regime});

    const std::string name(info_.operands[k]);
    const double x = probe.at[k];
    const BigDifference quotient = big_difference([&](const BigFloat& h) {
      big.insert_or_assign(name, Value<BigFloat>(BigFloat(x) + h));
      return evaluate_scalar(formula_, big);
    }, x);
    f.opinions.push_back(opinion_of(quotient, got, static_cast<double>(BigFloat(abs(scale))), info_.derivative_ulps));

    std::vector<double> at = probe.at;
    const double rounding = 8 * (std::numeric_limits<double>::epsilon() / 2) * std::max(std::fabs(got), static_cast<double>(BigFloat(abs(scale))));
    const Domain domain = k < info_.domain.size() ? info_.domain[k] : Domain{};
    f.opinions.push_back(opinion_of(difference([&](double v) { at[k] = v; return op_.value(at, parameters_); }, x, domain), got, rounding));

    // Forward mode runs the same rule: it must give the same number.
    std::vector<Dual<double>> duals(probe.at.begin(), probe.at.end());
    duals[k].tangent = 1;
    const double tangent = op_.push(duals, parameters_).tangent;
    if (!(ulps_between(tangent, got) <= 1)) f.message = fmt::format("forward mode gives {}", number_text(tangent));

    f.verdict = judge(got, f.opinions);
    if (!f.message.empty()) f.verdict = Verdict::fail;
    limits_.take(f.opinions);
    result_.take(std::move(f));
  }

  /// All points at once as arrays, whose kernels have roundings of their own: value and derivative keep the same claims. Each point is there at least twice,
  /// and the last ones do not fill a register.
  void check_array_path(const std::vector<Probe>& probes) {
    if (probes.empty()) return;
    constexpr std::size_t lanes = 16;
    const std::size_t n = (2 * probes.size() + lanes) / lanes * lanes + lanes - 3;
    std::vector<std::vector<double>> columns(info_.operands.size(), std::vector<double>(n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < columns.size(); ++k) columns[k][i] = probes[i % probes.size()].at[k];

    std::vector<Tensor> constants, inputs;
    for (const auto& column : columns) constants.push_back(Tensor({n}, column));
    const Tensor unrecorded = op_.map(constants, parameters_);
    Tape tape;
    const Recording recording(tape);
    for (const auto& column : columns) inputs.push_back(Tensor::input({n}, column));
    const Tensor recorded = op_.map(inputs, parameters_);
    const std::vector<double> ones(n, 1.0);
    Adjoints adjoints;
    tape.sweep({Seed<double>(recorded, ones)}, adjoints);
    for (std::size_t i = 0; i < n; ++i) {
      const Probe& probe = probes[i % probes.size()];
      const Truth& truth = truths_[i % probes.size()];
      check_array_number(std::string(info_.name), probe, unrecorded.values()[i], truth.value, 0, info_.value_ulps);
      check_array_number(std::string(info_.name), probe, recorded.values()[i], truth.value, 0, info_.value_ulps);
      for (std::size_t k = 0; k < inputs.size(); ++k)
        if (truth.confirmed[k])  // else the scalar has been judged by all oracles: the closed form may be wrong
          check_array_number(derivative_name(k), probe, adjoints[inputs[k]][i], truth.derivatives[k], truth.scales[k], info_.derivative_ulps);
    }
  }
  void check_array_number(const std::string& quantity, const Probe& probe, double got, const BigFloat& truth, const BigFloat& scale, double claim) {
    if (isnan(truth)) return;
    Worst worst;  // not reported: it depends on the machine
    const std::string where = place(probe.at) + " in an array";
    const Opinion o = exact_opinion("arrays", got, truth, scale, claim, worst, where);
    if (o.verdict == Verdict::fail)
      result_.take({.quantity = quantity, .where = where, .regime = probe.regime, .got = got, .verdict = Verdict::fail, .opinions = {o}, .message = {}});
  }

  /// Arrays that are used twice, with adjoints that are powers of 2: adjoints are multiplied and added up.
  void check_sharing(const std::vector<Probe>& probes) {
    if (probes.empty()) return;
    Tape tape;
    const Recording recording(tape);
    const std::size_t n = probes.size();
    std::vector<Tensor> operands;
    for (std::size_t k = 0; k < info_.operands.size(); ++k) {
      std::vector<double> column;
      for (const Probe& p : probes) column.push_back(p.at[k]);
      operands.push_back(Tensor::input({n}, column));
    }
    const Tensor first = op_.map(operands, parameters_), second = op_.map(operands, parameters_);
    const std::vector<double> seeds = powers_of_two(n), ones(n, 1.0);
    Adjoints adjoints, once;
    tape.sweep({Seed<double>(first, ones)}, once);
    tape.sweep({Seed<double>(first, seeds), Seed<double>(second, seeds)}, adjoints);
    for (std::size_t k = 0; k < operands.size(); ++k)
      for (std::size_t i = 0; i < n; ++i) {
        const double slope = once[operands[k]][i], got = adjoints[operands[k]][i], expected = slope * (2 * seeds[i]);
        if (ulps_between(got, expected) <= 1 || std::fabs(slope) < 1e-290 || std::isinf(slope)) continue;  // rounded differently in the subnormal range
        take_failure(k, place(probes[i].at), probes[i].regime, got, fmt::format("two uses in arrays, with adjoint {}, must add up to {}, twice what one gives", number_text(seeds[i]), number_text(expected)));
      }
    if (operands.size() == 2)
      for (const std::size_t shared : {std::size_t{0}, std::size_t{1}}) check_broadcast(probes, shared);
  }

  /// One value of an operand against all points of the other: its adjoint must be the sum over them.
  void check_broadcast(const std::vector<Probe>& probes, std::size_t shared) {
    const double value = probes[probes.size() / 2].at[shared];
    std::vector<double> column;
    std::vector<double> terms;
    for (const Probe& p : probes) {
      std::vector<double> at = p.at;
      at[shared] = value;
      const double derivative = on_tape(at).adjoints[shared];
      if (!std::isfinite(derivative) || std::fabs(derivative) > 1e100) continue;
      column.push_back(at[1 - shared]);
      terms.push_back(derivative);
    }
    if (column.empty()) return;
    const std::vector<double> seeds = powers_of_two(column.size());
    double sum = 0, scale = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      sum += seeds[i] * terms[i];
      scale += std::fabs(seeds[i] * terms[i]);
    }
    Tape tape;
    const Recording recording(tape);
    std::vector<Tensor> operands(2);
    operands[shared] = Tensor::input({}, {value});
    operands[1 - shared] = Tensor::input({column.size()}, column);
    Adjoints adjoints;
    tape.sweep({Seed<double>(op_.map(operands, parameters_), seeds)}, adjoints);
    const double got = adjoints[operands[shared]][0];
    if (std::fabs(got - sum) <= 1e-13 * scale) return;
    take_failure(shared, fmt::format("{} = {}, shared by {} values of {}", info_.operands[shared], number_text(value), column.size(), info_.operands[1 - shared]), "broadcast", got,
                 fmt::format("the adjoint of a value that is broadcast must be the sum over its uses, {}", number_text(sum)));
  }

  static std::vector<double> powers_of_two(std::size_t n) {
    constexpr double factors[] = {1, -2, 0.5, 4, -1};
    std::vector<double> seeds;
    for (std::size_t i = 0; i < n; ++i) seeds.push_back(factors[i % std::size(factors)]);
    return seeds;
  }
  void take_failure(std::size_t operand, const std::string& where, const std::string& regime, double got, const std::string& message) {
    result_.take({.quantity = derivative_name(operand), .where = where, .regime = regime, .got = got, .verdict = Verdict::fail, .opinions = {}, .message = message});
  }

  void check_nan() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> at(info_.operands.size(), nan);
    const double got = op_.value(at, parameters_);
    if (std::isnan(got)) return;
    result_.take({.quantity = std::string(info_.name), .where = place(at), .regime = "NaN", .got = got, .verdict = Verdict::fail, .opinions = {}, .message = "NaN must give NaN"});
  }

  const ElementwiseEntry& op_;
  const OpInfo& info_;
  std::vector<double> parameters_;
  CheckResult& result_;
  DetectionLimits& limits_;
  Expression formula_;
  std::vector<Expression> derivatives_, scales_;
  struct Truth { BigFloat value; std::vector<BigFloat> derivatives, scales; std::vector<bool> confirmed; };
  std::vector<Truth> truths_;  // by point
};

/// Sorts by x, and of each group of neighbours keeps the worst, so that at most `most` are left.
void thin(std::vector<ErrorPoint>& errors, std::size_t most) {
  std::stable_sort(errors.begin(), errors.end(), [](const ErrorPoint& a, const ErrorPoint& b) { return a.x < b.x; });
  const std::size_t group = (errors.size() + most - 1) / most;
  std::vector<ErrorPoint> kept;
  for (std::size_t i = 0; i < errors.size(); i += group)
    kept.push_back(*std::max_element(errors.begin() + static_cast<std::ptrdiff_t>(i), errors.begin() + static_cast<std::ptrdiff_t>(std::min(i + group, errors.size())),
                                     [](const ErrorPoint& a, const ErrorPoint& b) { return a.ulps < b.ulps; }));
  errors = std::move(kept);
}

}  // namespace

CheckResult check_op(const ElementwiseEntry& op) {
  const auto start = std::chrono::steady_clock::now();
  CheckResult result;
  result.name = op.info->name;
  DetectionLimits limits;
  for (const auto& parameters : parameter_sets(*op.info)) {
    ElementwiseCheck(op, parameters, result, limits).run();
    for (const Probe& p : probes_of(*op.info, parameters))
      if (std::find(result.regimes.begin(), result.regimes.end(), p.regime) == result.regimes.end()) result.regimes.push_back(p.regime);
  }
  thin(result.errors, 400);
  result.take(std::move(limits));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace gradus
