// What a function of the user is checked by: difference quotients in 400 digits, the tape, and the effect of rounding.
#include "function_check.hpp"

#include <fmt/format.h>

#include <autodiff/verify/difference.hpp>
#include <ops/verify/opinions.hpp>

namespace gradus::cli {
namespace {

/// The tape's variable, each operation of which is off by up to an ulp at random: what rounding alone may do to a gradient.
class Noisy {
 public:
  Noisy(double constant) : v_(constant) {}  // NOLINT: converts on purpose, as a Var does
  explicit Noisy(const Var& v) : v_(v) {}
  static Noisy shaken(const Var& v) { return Noisy(v * (1 + std::ldexp(static_cast<double>(random.bits() % 3) - 1, -52))); }
  [[nodiscard]] const Var& var() const { return v_; }

  friend Noisy operator+(const Noisy& a, const Noisy& b) { return shaken(a.v_ + b.v_); }
  friend Noisy operator-(const Noisy& a, const Noisy& b) { return shaken(a.v_ - b.v_); }
  friend Noisy operator*(const Noisy& a, const Noisy& b) { return shaken(a.v_ * b.v_); }
  friend Noisy operator/(const Noisy& a, const Noisy& b) { return shaken(a.v_ / b.v_); }
  friend Noisy operator-(const Noisy& a) { return Noisy(-a.v_); }
  friend Noisy pow(const Noisy& a, const Noisy& b) { return shaken(gradus::pow(a.v_, b.v_)); }
  friend auto operator<=>(const Noisy& a, const Noisy& b) { return a.v_.value() <=> b.v_.value(); }
  friend bool operator==(const Noisy& a, const Noisy& b) { return a.v_.value() == b.v_.value(); }

  inline static Random random{1};

 private:
  Var v_;
};

template <class To, class From, class F> Value<To> converted(const Value<From>& v, F convert) {
  if (!v.is_vector()) return convert(v.scalar());
  std::vector<To> elements;
  for (const From& x : v.elements()) elements.push_back(convert(x));
  return elements;
}

const expression::Functions<Noisy>& noisy_functions() {
  static const expression::Functions<Noisy> table = [] {
    expression::Functions<Noisy> functions_of_noisy;
    for (const auto& [name, function] : functions<Var>())
      functions_of_noisy.emplace(name, expression::Function<Noisy>{function.min_args, function.max_args, [&call = function.call](std::span<const Value<Noisy>> arguments) {
        std::vector<Value<Var>> plain_arguments;
        for (const Value<Noisy>& a : arguments) plain_arguments.push_back(converted<Var>(a, [](const Noisy& x) { return x.var(); }));
        return converted<Noisy>(call(plain_arguments), [](const Var& x) { return Noisy::shaken(x); });
      }, function.elementwise});
    return functions_of_noisy;
  }();
  return table;
}

/// How far rounding moves each entry of the gradient: the widest of several tries. A try that takes another branch says nothing and is left out.
std::vector<double> rounding_of(const UserFunction& f, std::span<const double> at, const std::vector<double>& gradient) {
  std::vector<double> spread(gradient.size(), 0);
  Noisy::random = Random(1);
  for (int tries = 0; tries < 8; ++tries) {
    const auto g = gradus::value_and_gradient([&f](const std::vector<Var>& v) {
      std::vector<Noisy> x;
      for (const Var& entry : v) x.push_back(Noisy::shaken(entry));
      return expression::evaluate(f.formula(), f.variables(std::span<const Noisy>(x)), noisy_functions()).scalar().var();
    }, at).gradient;
    for (std::size_t i = 0; i < g.size(); ++i)
      if (const double moved = std::fabs(g[i] - gradient[i]); moved <= 1e-3 * std::fabs(gradient[i])) spread[i] = std::max(spread[i], moved);
  }
  return spread;
}

/// The derivative by difference quotient in 400 digits, coordinate by coordinate, as far as that can be afforded: an exponential takes milliseconds.
GradientUnderTest::Oracle high_precision_oracle(const UserFunction& f, const std::vector<double>& at, const Coordinates& coordinates, double operations) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  GradientUnderTest::Oracle oracle{"high precision", std::vector<double>(coordinates.size(), nan), std::vector<double>(coordinates.size(), nan), {}};
  const double affordable = 1000 / (3 * operations);
  oracle.note = affordable < 1 ? "too many operations for 400 digits" : "a kink, or not finite around the point";
  const std::vector<BigFloat> x(at.begin(), at.end());
  // From the back: the directions say more than single entries.
  for (std::size_t k = coordinates.size(), done = 0; k-- > 0 && (coordinates.directions.empty() || static_cast<double>(done) < affordable); ++done) {
    if (affordable < 1) break;
    const auto shifted = [&](const BigFloat& h) {
      std::vector<BigFloat> moved = x;
      coordinates.move(moved, k, h);
      return f.big_value(moved);
    };
    const double place = k < coordinates.entries.size() ? at[coordinates.entries[k]] : 1.0;
    const BigDifference d = big_difference(shifted, place);
    if (d.status == BigDifference::Status::unknown) continue;
    oracle.expected[k] = nearest_double(d.value);
    oracle.bound[k] = d.bound + std::numeric_limits<double>::epsilon() * std::fabs(oracle.expected[k]);
    if (d.status == BigDifference::Status::smooth && std::fabs(oracle.expected[k]) > 1e-20) continue;
    // Where the slope is next to nothing, a shorter step tells a kink, which stays, from curvature, which goes.
    constexpr double shorter = 0x1p-40;
    const BigDifference near = big_difference([&](const BigFloat& h) { return shifted(h * shorter); }, place);
    const double slope = nearest_double(near.value) / shorter, gap = std::fabs(near.right_slope - near.left_slope) / shorter;
    const bool smooth = near.status != BigDifference::Status::unknown && gap <= 1e-6 * std::fabs(d.right_slope - d.left_slope);
    oracle.bound[k] = smooth ? gap + std::fabs(oracle.expected[k] - slope) + std::numeric_limits<double>::epsilon() * std::fabs(slope) : d.status == BigDifference::Status::smooth ? oracle.bound[k] : nan;
    if (smooth) oracle.expected[k] = slope;
  }
  return oracle;
}

double operations_on(const Tape& tape, std::size_t inputs) { return static_cast<double>(std::max<std::size_t>(1, tape.nodes().count() + tape.blocks().size() * (4 + inputs))); }

}  // namespace

double operations_of(const UserFunction& f, std::span<const double> at) {
  Tape tape;
  const Recording recording(tape);
  static_cast<void>(f.record(Var::inputs(at)));
  return operations_on(tape, at.size());
}

GradientUnderTest prepare(const UserFunction& f, const std::vector<double>& at, const Coordinates& coordinates, const std::vector<double>& gradient) {
  GradientUnderTest test;
  test.name = "f";
  const std::vector<std::string> names = f.entry_names();
  for (const std::size_t i : coordinates.entries) {
    test.inputs.push_back(names[i]);
    test.x.push_back(at[i]);
  }
  for (std::size_t k = coordinates.entries.size(); k < coordinates.size(); ++k) {
    test.inputs.push_back(coordinates.name(k, names));
    test.x.push_back(0);
  }
  test.value = [&f, &coordinates, at](std::span<const double> x) {
    std::vector<double> moved = at;
    for (std::size_t k = 0; k < coordinates.entries.size(); ++k) moved[coordinates.entries[k]] = x[k];
    for (std::size_t k = coordinates.entries.size(); k < x.size(); ++k)
      if (x[k] != 0) coordinates.move(moved, k, x[k]);
    return f.value_at(moved);
  };
  Tape tape;
  const Recording recording(tape);
  const std::vector<Var> x = Var::inputs(at);
  const Var y = f.record(x);
  std::vector<double> scale(at.size(), 0);
  if (!y.is_constant() && tape.blocks().empty()) {
    Adjoints magnitudes;
    tape.sweep_magnitudes(y, magnitudes);
    for (std::size_t i = 0; i < at.size(); ++i) scale[i] = magnitudes[x[i]];
  }
  const double operations = operations_on(tape, at.size());
  test.operations = std::min(1e6, static_cast<double>(4 + tape.nodes().count() + 16 * tape.blocks().size()));
  const std::vector<double> rounding = rounding_of(f, at, gradient);
  for (std::size_t i = 0; i < at.size(); ++i)
    scale[i] = std::max({scale[i], std::fabs(gradient[i]), 3 * rounding[i] / (test.operations * std::numeric_limits<double>::epsilon())});
  test.scale = coordinates.project(scale, true);
  test.oracles.push_back(high_precision_oracle(f, at, coordinates, operations));
  return test;
}

GradientUnderTest::Oracle tape_oracle(const GradientUnderTest& test, const std::vector<double>& gradient) {
  GradientUnderTest::Oracle oracle{"tape", gradient, {}, "a kink, where it follows its own convention"};
  std::vector<double> at = test.x;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const auto along = [&](double v) {
      at[i] = v;
      const double y = test.value(at);
      at[i] = test.x[i];
      return y;
    };
    const bool undecided = std::isnan(test.oracles.front().bound[i]);
    const bool kink = undecided && difference(along, test.x[i]).status == DifferenceStatus::kink;
    oracle.bound.push_back(kink ? std::numeric_limits<double>::quiet_NaN() : 4 * test.operations * std::numeric_limits<double>::epsilon() * test.scale[i]);
  }
  return oracle;
}

}  // namespace gradus::cli
