// Every op keeps its accuracy claim: values and derivatives against the textbook formula in 400 digits, over regimes, in double and float, one by one and in arrays.
#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <map>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/ops.hpp>
#include <ops/registry.hpp>
#include <ops/verify/high_precision.hpp>

namespace {

using namespace gradus;

/// The variables of a formula and their values.
using Point = std::map<std::string, double>;

BigFloat truth_of(std::string_view formula, const Point& point) {
  expression::Variables<BigFloat> values;
  for (const auto& [name, value] : point) values.emplace(name, BigFloat(value));
  return evaluate_scalar(expression::Expression::parse(formula), values);
}
/// A quantity of an op in 400 digits, and the sum of the magnitudes of its terms where they cancel.
struct Truth {
  BigFloat value, scale;
  Truth(std::string_view formula, std::string_view scale_formula, const Point& point)
      : value(truth_of(formula, point)), scale(scale_formula.empty() ? BigFloat(0) : truth_of(scale_formula, point)) {}
  template <class Real> [[nodiscard]] double error_of(Real got) const { return error_in_ulps(got, value, scale); }
};
/// Where an op was evaluated, to be evaluated there again in arrays.
struct Sample {
  Point point;
  std::vector<double> at;
  Truth value;
  std::vector<Truth> derivatives;
};

constexpr unsigned seed = 20240607;
constexpr int rounds = 3;  // points of each kind; the claims come from 100 and, for the activations, from millions

/// Magnitudes from everyday to extreme, of either sign; then the neighbourhood of `centre`.
std::vector<double> samples_around(const std::vector<double>& centres, std::mt19937& random) {
  const auto between = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); };
  const auto power_of_ten = [&](double low, double high) { return (random() % 2 == 0 ? 1 : -1) * std::pow(10, between(low, high)); };
  std::vector<double> points;
  for (int i = 0; i < rounds; ++i) {
    points.insert(points.end(), {between(-2, 2), between(-8, 8), between(-40, 40), between(-760, 760), power_of_ten(-3, 3), power_of_ten(-20, 8)});
    if (i % 3 == 0) points.insert(points.end(), {power_of_ten(-307, 300), power_of_ten(-323, -307)});
    for (const double centre : centres) points.push_back(centre + power_of_ten(-18, 0));
  }
  for (const double centre : centres) points.insert(points.end(), {centre, std::nextafter(centre, 1e300), std::nextafter(centre, -1e300)});
  return points;
}

/// The largest errors seen, with the points where they were.
struct Worst {
  double ulps = 0;
  std::string where;
  void see(double error, const Point& point) {
    if (!(error > ulps)) return;
    ulps = error;
    std::ostringstream text;
    text.precision(17);
    for (const auto& [name, value] : point) text << name << " = " << value << " ";
    where = text.str();
  }
};

/// What of an op depends on its type. All else here is compiled once for every Real, not once for every op.
template <class Real> struct Calls {
  const OpInfo* info;
  Dual<Real> (*push)(std::span<const Dual<Real>> operands, std::span<const double> parameters);
  BasicTensor<Real> (*map)(std::span<const BasicTensor<Real>> operands, std::span<const double> parameters);
};
template <class Op, class X> X apply_to(std::span<const X> x, std::span<const double> parameters) {
  if constexpr (UnaryOp<Op>) return gradus::apply(detail::make_op<Op>(parameters), x[0]);
  else return gradus::apply(detail::make_op<Op>(parameters), x[0], x[1]);
}
template <class Real, class Op> Calls<Real> calls_of() {
  if constexpr (std::is_same_v<Real, double>) return {&Op::info, &apply_to<Op, Dual<double>>, find_elementwise(Op::info.name)->map};  // compiled in the library already
  else return {&Op::info, &apply_to<Op, Dual<Real>>, &apply_to<Op, BasicTensor<Real>>};
}

template <class Real> struct Accuracy {
  Calls<Real> op;
  const OpInfo& info = *op.info;
  Worst value{}, derivative{}, array_value{}, array_derivative{};
  std::vector<double> parameters{};
  Point point{};
  std::vector<Sample> samples{};

  template <class... X> Dual<Real> push(const X&... operands) const { return op.push(std::array{operands...}, parameters); }

  void unary_at(double given) {
    const auto x = static_cast<Real>(given);
    if ((x == 0 && given != 0) || !std::isfinite(x) || !(info.domain.empty() || info.domain[0].contains(x))) return;
    point["x"] = static_cast<double>(x);
    const Dual<Real> y = push(Dual<Real>(x, Real(1)));
    samples.push_back({point, {static_cast<double>(x)}, {info.formula, "", point}, {{info.derivatives[0], info.cancels.empty() ? "" : info.cancels[0], point}}});
    value.see(samples.back().value.error_of(y.value), point);
    derivative.see(samples.back().derivatives[0].error_of(y.tangent), point);
  }

  void binary_at(Real a, Real b) {
    if (!std::isfinite(a) || !std::isfinite(b)) return;
    if (!info.domain.empty() && !(info.domain[0].contains(a) && info.domain[1].contains(b))) return;
    point[std::string(info.operands[0])] = static_cast<double>(a);
    point[std::string(info.operands[1])] = static_cast<double>(b);
    const Dual<Real> by_a = push(Dual<Real>(a, Real(1)), Dual<Real>(b));
    const Dual<Real> by_b = push(Dual<Real>(a), Dual<Real>(b, Real(1)));
    samples.push_back({point, {static_cast<double>(a), static_cast<double>(b)}, {info.formula, "", point}, {{info.derivatives[0], "", point}, {info.derivatives[1], "", point}}});
    value.see(samples.back().value.error_of(by_a.value), point);
    derivative.see(samples.back().derivatives[0].error_of(by_a.tangent), point);
    derivative.see(samples.back().derivatives[1].error_of(by_b.tangent), point);
  }

  void visit_samples(std::mt19937& random) {
    for (const Parameter& parameter : info.parameters) point[std::string(parameter.name)] = parameters[point.size()];
    if (info.operands.size() == 1) {
      std::vector<double> centres;
      for (const std::string_view kink : info.kinks) centres.push_back(nearest_double(truth_of(kink, point)));
      if (!info.domain.empty())
        for (const double end : {info.domain[0].low, info.domain[0].high})
          if (std::isfinite(end)) centres.push_back(end);
      for (const double x : samples_around(centres, random)) unary_at(x);
      for (const Probes& probes : info.probes)
        for (const double x : probes.points) unary_at(x);
    } else {
      const auto first = samples_around({}, random), second = samples_around({}, random);
      for (std::size_t i = 0; i < first.size(); ++i) {
        binary_at(static_cast<Real>(first[i]), static_cast<Real>(second[i]));
        binary_at(static_cast<Real>(first[i]), static_cast<Real>(second[(i + 7) % second.size()]));
      }
      for (const Probes& probes : info.probes)
        for (std::size_t i = 0; i + 1 < probes.points.size(); i += 2)
          binary_at(static_cast<Real>(probes.points[i]), static_cast<Real>(probes.points[i + 1]));
    }
  }

  /// The same points as one array, through the kernels of the active instruction set.
  void visit_array() {
    const std::size_t n = samples.size();
    BasicTape<Real> tape;
    const BasicRecording<Real> recording(tape);
    std::vector<BasicTensor<Real>> operands, constants;
    for (std::size_t k = 0; k < info.operands.size(); ++k) {
      std::vector<Real> column;
      for (const Sample& s : samples) column.push_back(static_cast<Real>(s.at[k]));
      operands.push_back(BasicTensor<Real>::input({n}, column));
      constants.push_back(BasicTensor<Real>({n}, column));
    }
    const BasicTensor<Real> y = op.map(operands, parameters), unrecorded = op.map(constants, parameters);
    const std::vector<Real> ones(n, Real(1));
    BasicAdjoints<Real> adjoints;
    tape.sweep({Seed<Real>(y, ones)}, adjoints);
    for (std::size_t i = 0; i < n; ++i) {
      const Sample& s = samples[i];
      array_value.see(s.value.error_of(y.values()[i]), s.point);
      array_value.see(s.value.error_of(unrecorded.values()[i]), s.point);
      for (std::size_t k = 0; k < operands.size(); ++k) array_derivative.see(s.derivatives[k].error_of(adjoints[operands[k]][i]), s.point);
    }
    samples.clear();
  }

  void visit() {
    std::mt19937 random(seed);
    std::size_t settings = 1;
    for (const Parameter& parameter : info.parameters) settings = parameter.also.size() + 1;
    for (std::size_t setting = 0; setting < settings; ++setting) {
      parameters.clear();
      point.clear();
      for (const Parameter& parameter : info.parameters) parameters.push_back(setting == 0 ? parameter.value : parameter.also[setting - 1]);
      visit_samples(random);
      visit_array();
    }
  }

  void expect_claims(const char* real) {
    visit();
    const auto expect = [&](const char* what, const Worst& worst, double claim) {
      BOOST_TEST_MESSAGE(info.name << " " << real << ": " << what << " " << worst.ulps << " ulps at " << worst.where);
      BOOST_TEST(worst.ulps <= claim, info.name << " " << real << ": " << what << " off by " << worst.ulps << " ulps at " << worst.where);
    };
    expect("value", value, info.value_ulps);
    expect("derivative", derivative, info.derivative_ulps);
    expect("value in arrays", array_value, info.value_ulps);
    expect("derivative in arrays", array_derivative, info.derivative_ulps);
  }
};

template <class Real, class... Ops> void expect_claims_of(OpList<Ops...>, const char* real) {
  for (const Calls<Real>& op : {calls_of<Real, Ops>()...}) Accuracy<Real>{.op = op}.expect_claims(real);
}

BOOST_AUTO_TEST_CASE(every_op_keeps_its_accuracy_claim_in_double) { expect_claims_of<double>(ElementwiseOps{}, "double"); }
BOOST_AUTO_TEST_CASE(every_op_keeps_its_accuracy_claim_in_float) { expect_claims_of<float>(ElementwiseOps{}, "float"); }

}  // namespace
