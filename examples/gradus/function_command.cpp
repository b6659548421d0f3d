// gradus check --expr and gradus grad: the user's own function, and the user's own derivative of it.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <autodiff/verify/check.hpp>
#include <autodiff/verify/difference.hpp>
#include <ops/functions.hpp>
#include <ops/verify/opinions.hpp>
#include <ops/verify/probes.hpp>

#include "command.hpp"

namespace gradus::cli {
namespace {

using expression::Expression;
using expression::Value;
using expression::Variables;

/// A variable with its value; a vector has several entries.
struct Input {
  std::string name;
  bool is_vector = false;
  std::size_t first = 0, size = 1;  // its entries in the flat vector of inputs
};

/// Splits "x=.3,v=[1,2]" at commas outside brackets.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  int depth = 0;
  std::string part;
  for (const char c : text) {
    depth += c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.push_back(part);
      part.clear();
    } else {
      part += c;
    }
  }
  parts.push_back(part);
  return parts;
}

std::pair<std::string, std::string> name_and_value(const std::string& item, const char* option) {
  const std::size_t equals = item.find('=');
  std::string name = item.substr(0, equals);
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(' ') + 1);
  const bool identifier = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos && !std::isdigit(static_cast<unsigned char>(name[0]));
  if (equals == std::string::npos || !identifier) throw UsageError(fmt::format("{} '{}': expected name=value, as in {}", option, item, std::string_view(option) == "--at" ? "--at x=.3,y=1.7" : "--claim dx='1 - tanh(x)^2'"));
  return {name, item.substr(equals + 1)};
}

/// An error in a formula says which option the formula came from.
template <class F> auto naming(const std::string& option, F&& f) {
  try {
    return f();
  } catch (const expression::Error& e) {
    throw UsageError(fmt::format("{}: {}", option, e.what()));
  }
}

/// A function given as text, at a point.
class UserFunction {
 public:
  UserFunction(const std::string& text, const std::vector<std::string>& at) : formula_(Expression::parse(text)) {
    for (const std::string& option : at)
      for (const std::string& item : split(option)) {
        const auto [name, value_text] = name_and_value(item, "--at");
        for (const Input& known : inputs_)
          if (known.name == name) throw UsageError(fmt::format("--at gives '{}' twice", name));
        const Value<double> value = naming("--at " + name, [&, &text = value_text] { return expression::evaluate(Expression::parse(text), Variables<double>{}, functions<double>()); });
        const std::vector<double> entries = value.is_vector() ? value.elements() : std::vector<double>{value.scalar()};
        inputs_.push_back({name, value.is_vector(), point_.size(), entries.size()});
        point_.insert(point_.end(), entries.begin(), entries.end());
      }
    try {
      static_cast<void>(value_at(point_));  // names, arguments and shapes are checked here
    } catch (const expression::Error& e) {
      if (!e.message().starts_with("unknown variable")) throw;
      throw UsageError(fmt::format("{}\ngive every variable its value, as in --at x=.3,y=1.7", e.what()));
    }
  }

  [[nodiscard]] const std::vector<double>& point() const { return point_; }
  [[nodiscard]] const std::vector<Input>& inputs() const { return inputs_; }
  [[nodiscard]] const Expression& formula() const { return formula_; }
  [[nodiscard]] std::vector<std::string> entry_names() const {
    std::vector<std::string> names;
    for (const Input& i : inputs_)
      for (std::size_t k = 0; k < i.size; ++k) names.push_back(i.is_vector ? fmt::format("{}[{}]", i.name, k) : i.name);
    return names;
  }

  template <class T> [[nodiscard]] Variables<T> variables(std::span<const T> x) const {
    Variables<T> v;
    for (const Input& i : inputs_) {
      if (i.is_vector) v.emplace(i.name, Value<T>(std::vector<T>(x.begin() + static_cast<std::ptrdiff_t>(i.first), x.begin() + static_cast<std::ptrdiff_t>(i.first + i.size))));
      else v.emplace(i.name, Value<T>(x[i.first]));
    }
    return v;
  }
  [[nodiscard]] double value_at(std::span<const double> x) const { return scalar(expression::evaluate(formula_, variables(x), functions<double>())); }
  [[nodiscard]] Var record(const std::vector<Var>& x) const { return scalar(expression::evaluate(formula_, variables(std::span<const Var>(x)), functions<Var>())); }
  [[nodiscard]] BigFloat big_value(const std::vector<BigFloat>& x) const {
    return scalar(expression::evaluate(formula_, variables(std::span<const BigFloat>(x)), high_precision_functions()));
  }
  [[nodiscard]] ValueAndGradient<double> value_and_gradient() const { return value_and_gradient_at(point_); }
  [[nodiscard]] ValueAndGradient<double> value_and_gradient_at(std::span<const double> x) const {
    return gradus::value_and_gradient([this](const std::vector<Var>& v) { return record(v); }, x);
  }

 private:
  template <class T> T scalar(const Value<T>& v) const {
    if (v.is_vector()) throw UsageError(fmt::format("the function must give a number, but '{}' gives a vector of {}: use sum(…), dot(…) or an index", formula_.text(), v.elements().size()));
    return v.scalar();
  }
  Expression formula_;
  std::vector<Input> inputs_;
  std::vector<double> point_;
};

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

/// What is checked of a function: every entry if there are few, else some, and the slope along directions that involve all of them.
struct Coordinates {
  std::vector<std::size_t> entries;
  std::vector<std::vector<double>> directions;

  /// `suspects` come first.
  Coordinates(std::size_t inputs, const std::vector<std::size_t>& suspects, std::uint64_t seed) {
    constexpr std::size_t most = 12;
    entries = suspects;
    entries.resize(std::min(entries.size(), most / 3));
    for (std::size_t k = 0; k < std::min(inputs, most); ++k)
      if (const std::size_t i = inputs <= most ? k : k * (inputs - 1) / (most - 1); std::find(entries.begin(), entries.end(), i) == entries.end()) entries.push_back(i);
    std::sort(entries.begin(), entries.end());
    if (inputs <= most) return;
    Random random(seed);
    for (int k = 0; k < 2; ++k) {
      std::vector<double> d;
      for (std::size_t i = 0; i < inputs; ++i) d.push_back(random.sign() * random.uniform(0.5, 1.5));  // of one size: no entry hides
      directions.push_back(std::move(d));
    }
  }
  [[nodiscard]] std::size_t size() const { return entries.size() + directions.size(); }

  /// A gradient (or, with `modulus`, a scale) along the coordinates.
  [[nodiscard]] std::vector<double> project(const std::vector<double>& gradient, bool modulus = false) const {
    std::vector<double> along;
    for (const std::size_t i : entries) along.push_back(gradient[i]);
    for (const std::vector<double>& d : directions) {
      double total = 0;
      for (std::size_t i = 0; i < d.size(); ++i) total += gradient[i] * (modulus ? std::fabs(d[i]) : d[i]);
      along.push_back(total);
    }
    return along;
  }
  /// The point that is `step` away from x along a coordinate.
  template <class T> void move(std::vector<T>& x, std::size_t coordinate, const T& step) const {
    if (coordinate < entries.size()) x[entries[coordinate]] += step;
    else
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += step * directions[coordinate - entries.size()][i];
  }
};

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

/// Everything but the gradient and what only claims have.
GradientUnderTest prepare(const UserFunction& f, const std::vector<double>& at, const Coordinates& coordinates, const std::vector<double>& gradient) {
  GradientUnderTest test;
  test.name = "f";
  const std::vector<std::string> names = f.entry_names();
  for (const std::size_t i : coordinates.entries) {
    test.inputs.push_back(names[i]);
    test.x.push_back(at[i]);
  }
  for (std::size_t k = 0; k < coordinates.directions.size(); ++k) {
    test.inputs.push_back(fmt::format("direction {} of all {} inputs", k + 1, at.size()));
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
  std::vector<Var> x;
  for (const double v : at) x.push_back(Var::input(v));
  const Var y = f.record(x);
  std::vector<double> scale(at.size(), 0);
  if (!y.is_constant() && tape.blocks().empty()) {
    Adjoints magnitudes;
    tape.sweep_magnitudes(y, magnitudes);
    for (std::size_t i = 0; i < at.size(); ++i) scale[i] = magnitudes[x[i]];
  }
  const std::size_t blocks = tape.blocks().size();
  const double operations = static_cast<double>(tape.nodes().size() + blocks * (4 + at.size()));
  test.operations = std::min(1e6, static_cast<double>(4 + tape.nodes().size() + 16 * blocks));
  const std::vector<double> rounding = rounding_of(f, at, gradient);
  for (std::size_t i = 0; i < at.size(); ++i)
    scale[i] = std::max({scale[i], std::fabs(gradient[i]), 3 * rounding[i] / (test.operations * std::numeric_limits<double>::epsilon())});
  test.scale = coordinates.project(scale, true);
  test.oracles.push_back(high_precision_oracle(f, at, coordinates, std::max(1.0, operations)));
  return test;
}

/// The tape's own gradient as an oracle for a claim. At a kink it is one choice among several: it abstains.
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

/// The claimed derivatives: for each entry of the input a formula, if one was claimed.
class Claims {
 public:
  Claims(const UserFunction& f, const std::vector<std::string>& options) {
    for (const std::string& option : options) {
      const auto [name, text] = name_and_value(option, "--claim");
      const Input* input = nullptr;
      for (const Input& i : f.inputs())
        if (name == "d" + i.name) input = &i;
      if (input == nullptr) throw UsageError(fmt::format("--claim '{}': there is no variable '{}'; claim the derivative with respect to x as dx=…", option, name.size() > 1 && name[0] == 'd' ? name.substr(1) : name));
      for (const auto& [known, formula] : formulas_)
        if (known.name == input->name) throw UsageError(fmt::format("--claim gives '{}' twice", name));
      formulas_.emplace_back(*input, naming("--claim " + name, [&, &claimed = text] { return Expression::parse(claimed); }));
    }
  }
  [[nodiscard]] bool empty() const { return formulas_.empty(); }

  /// The claimed entries at a point; entries that are not claimed keep what `gradient` has.
  template <class T> void apply(const UserFunction& f, std::span<const double> at, std::vector<T>& gradient) const {
    const std::vector<T> x(at.begin(), at.end());
    const expression::Functions<T>* table = nullptr;
    if constexpr (std::is_same_v<T, double>) table = &functions<double>();
    else table = &high_precision_functions();
    for (const auto& [input, formula] : formulas_) {
      const Value<T> v = naming("--claim d" + input.name, [&, &claimed = formula] { return expression::evaluate(claimed, f.variables(std::span<const T>(x)), *table); });
      const std::vector<T> entries = v.is_vector() ? v.elements() : std::vector<T>{v.scalar()};
      if (entries.size() != input.size) throw UsageError(fmt::format("--claim d{}: '{}' gives {} values, but '{}' has {} entries", input.name, formula.text(), entries.size(), input.name, input.size));
      std::copy(entries.begin(), entries.end(), gradient.begin() + static_cast<std::ptrdiff_t>(input.first));
    }
  }

 private:
  std::vector<std::pair<Input, Expression>> formulas_;
};

/// Checks the claims at one point. A claim that is right as mathematics may lose up to half of its digits to rounding: how many is in `derivative`.
CheckResult check_claims(const UserFunction& f, const Claims& claims, const std::vector<double>& at, std::uint64_t seed) {
  const std::vector<double> tape = f.value_and_gradient_at(at).gradient;
  std::vector<double> claimed = tape;
  claims.apply(f, at, claimed);

  std::vector<std::size_t> suspects;
  for (std::size_t i = 0; i < at.size(); ++i)
    if (!(ulps_between(claimed[i], tape[i]) <= 4)) suspects.push_back(i);
  std::sort(suspects.begin(), suspects.end(), [&](std::size_t a, std::size_t b) { return ulps_between(claimed[a], tape[a]) > ulps_between(claimed[b], tape[b]); });

  std::vector<double> exact = claimed;
  CheckResult rounding;
  if (!suspects.empty() && at.size() <= 256) {
    std::vector<BigFloat> digits(tape.begin(), tape.end());
    claims.apply(f, at, digits);
    for (const std::size_t i : suspects) exact[i] = nearest_double(digits[i]);
  }
  const auto keeps_half = [&](std::size_t i) { return std::fabs(claimed[i] - exact[i]) <= std::ldexp(std::fabs(exact[i]), -26); };
  const std::vector<std::string> names = f.entry_names();
  for (const std::size_t i : suspects) {
    if (!keeps_half(i)) continue;
    rounding.derivative.take(ulps_between(claimed[i], exact[i]), fmt::format("{} = {}", names[i], number_text(at[i])));
    claimed[i] = exact[i];
  }

  const Coordinates coordinates(at.size(), suspects, seed);
  GradientUnderTest test = prepare(f, at, coordinates, tape);
  test.oracles.insert(test.oracles.begin(), tape_oracle(test, coordinates.project(tape)));
  test.gradient = coordinates.project(claimed);
  CheckResult result = check_gradient(test);
  result.derivative = rounding.derivative;
  for (Finding& finding : result.findings)
    for (const std::size_t i : suspects)
      if (finding.quantity == "d f / d " + names[i] && !keeps_half(i))
        for (const Opinion& o : finding.opinions)
          if (std::fabs(exact[i] - o.expected) <= o.tolerance && finding.message.empty())
            finding.message = fmt::format("the formula is right, but not in double: {} at this point, of which rounding leaves less than half the digits", number_text(exact[i]));
  return result;
}

/// Points around the given one, at several distances, where the function is finite: a claim that holds at one point only is found out.
std::vector<std::vector<double>> neighbours(const UserFunction& f, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<double>> points;
  for (int k = 0; k < 16; ++k) {
    std::vector<double> p = f.point();
    const double reach = std::ldexp(1.0, k % 4 - 3);  // 1/8 … 1
    for (double& v : p) v += reach * random.uniform(-1, 1) * std::max(1.0, std::fabs(v));
    if (std::isfinite(f.value_at(p))) points.push_back(std::move(p));
  }
  return points;
}

/// Adds what was found at another point; its findings only if `keep`.
void merge(CheckResult& into, const CheckResult& other, bool keep) {
  into.points += other.points;
  into.numbers += other.numbers;
  into.verdict = std::max(into.verdict, other.verdict == Verdict::inconclusive ? Verdict::pass : other.verdict);  // extra points only add doubt when they contradict
  into.derivative.take(other.derivative.ulps, other.derivative.where);
  for (const Finding& finding : other.findings) {
    if (finding.verdict == Verdict::inconclusive) continue;
    if (keep) into.findings.push_back(finding);
    else ++into.more_findings;
  }
  for (const OracleCount& o : other.oracles) {
    const auto same = std::find_if(into.oracles.begin(), into.oracles.end(), [&](const OracleCount& c) { return c.oracle == o.oracle; });
    if (same == into.oracles.end()) into.oracles.push_back(o);
    else same->agreed += o.agreed, same->abstained += o.abstained, same->disagreed += o.disagreed;
  }
  into.seconds += other.seconds;
}

std::string gradient_text(const UserFunction& f, const ValueAndGradient<double>& result, std::size_t most = std::numeric_limits<std::size_t>::max()) {
  std::vector<std::vector<std::string>> rows{{"f", number_text(result.value)}};
  const std::vector<std::string> names = f.entry_names();
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) rows.push_back({"df/d" + names[i], number_text(result.gradient[i])});
  return table(rows, {false, false}) + (names.size() > most ? fmt::format("… and {} more inputs\n", names.size() - most) : "");
}

}  // namespace

int check_function_command(const FunctionOptions& options, const Common& common) {
  const UserFunction f(options.expression, options.at);
  if (f.point().empty()) throw UsageError("there is no derivative to check: the function has no variable. Name one and give its value, as in --at x=.3");
  const Claims claims(f, options.claims);
  const ValueAndGradient<double> tape = f.value_and_gradient();
  if (!std::isfinite(tape.value)) {
    if (common.format == Format::json) print(to_json({}, Verdict::inconclusive));
    else print(fmt::format("INCONCLUSIVE  f = {} at this point: there is no derivative to check where the function is not finite\n", number_text(tape.value)));
    return inconclusive;
  }
  CheckResult result;
  std::string remarks;
  if (claims.empty()) {
    const Coordinates coordinates(f.point().size(), {}, common.seed);
    GradientUnderTest test = prepare(f, f.point(), coordinates, tape.gradient);
    test.gradient = coordinates.project(tape.gradient);
    result = check_gradient(test);
    if (!coordinates.directions.empty()) remarks = fmt::format("\n  checked    {} of {} inputs one by one, all of them along {} random directions", coordinates.entries.size(), f.point().size(), coordinates.directions.size());
  } else {
    result = check_claims(f, claims, f.point(), common.seed);
    const bool right_here = static_cast<bool>(result);
    // A wrong claim is mostly wrong everywhere: the given point and two more show it.
    constexpr std::size_t shown = 2;
    std::size_t wrong_around = 0, around = 0;
    for (const auto& p : neighbours(f, common.seed)) {
      const CheckResult there = check_claims(f, claims, p, common.seed);
      ++around;
      if (there.verdict > Verdict::inconclusive) ++wrong_around;
      merge(result, there, wrong_around <= shown);
    }
    if (wrong_around > 0)
      remarks = fmt::format("{}\n  the claim {} at {} of {} points around it", wrong_around > shown ? fmt::format("\n  … and {} more points", wrong_around - shown) : "",
                            right_here ? "holds at the given point, but not" : "does not hold at the given point, nor", wrong_around, around);
    else if (result && result.derivative.ulps > 64)
      remarks = fmt::format("\n  rounding   the formula is right, but in double it is off by {} ulps at {}: a form without cancellation keeps those digits", ulps_text(result.derivative.ulps), result.derivative.where);
  }
  result.name = options.expression;
  if (common.format == Format::json) {
    print(to_json({result}, result.verdict));
  } else {
    CheckResult counted = result;
    counted.more_findings = 0;  // counted in points instead
    print(gradient_text(f, tape, 20) + describe(counted) + remarks + "\n");
  }
  return exit_code(result.verdict);
}

int gradient_command(const FunctionOptions& options, const Common& common) {
  const UserFunction f(options.expression, options.at);
  const ValueAndGradient<double> result = f.value_and_gradient();
  if (common.format == Format::json) {
    const auto number = [](double x) -> nlohmann::json { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(number_text(x)); };
    nlohmann::json document{{"schema", 1}, {"expression", options.expression}, {"value", number(result.value)}, {"gradient", nlohmann::json::object()}};
    const std::vector<std::string> names = f.entry_names();
    for (std::size_t i = 0; i < names.size(); ++i) document["gradient"][names[i]] = number(result.gradient[i]);
    print(document.dump(2) + "\n");
  } else {
    print(gradient_text(f, result));
  }
  return agree;
}

}  // namespace gradus::cli
