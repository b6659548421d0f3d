// gradus check --expr and gradus grad: the user's own function, and the user's own derivative of it.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <autodiff/verify/check.hpp>
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

/// A function given as text, at a point.
class UserFunction {
 public:
  UserFunction(const std::string& text, const std::vector<std::string>& at) : formula_(Expression::parse(text)) {
    for (const std::string& option : at)
      for (const std::string& item : split(option)) {
        const auto [name, value_text] = name_and_value(item, "--at");
        for (const Input& known : inputs_)
          if (known.name == name) throw UsageError(fmt::format("--at gives '{}' twice", name));
        const Value<double> value = expression::evaluate(Expression::parse(value_text), Variables<double>{}, functions<double>());
        const std::vector<double> entries = value.is_vector() ? value.elements() : std::vector<double>{value.scalar()};
        inputs_.push_back({name, value.is_vector(), point_.size(), entries.size()});
        point_.insert(point_.end(), entries.begin(), entries.end());
      }
    static_cast<void>(value_at(point_));  // names, arguments and shapes are checked here
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

/// The derivative by difference quotient in 400 digits, entry by entry.
GradientUnderTest::Oracle high_precision_oracle(const UserFunction& f, const std::vector<double>& at) {
  GradientUnderTest::Oracle oracle{"high precision", {}, {}, "400 digits cannot tell: a kink, or not finite around the point"};
  std::vector<BigFloat> x(at.begin(), at.end());
  for (std::size_t i = 0; i < at.size(); ++i) {
    const auto shifted = [&](const BigFloat& h) {
      x[i] = BigFloat(at[i]) + h;
      BigFloat y = f.big_value(x);
      x[i] = at[i];
      return y;
    };
    const BigDifference d = big_difference(shifted, at[i]);
    const bool smooth = d.status == BigDifference::Status::smooth;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    oracle.expected.push_back(smooth ? nearest_double(d.value) : nan);
    oracle.bound.push_back(smooth ? d.bound + std::numeric_limits<double>::epsilon() * std::fabs(oracle.expected.back()) : nan);
  }
  return oracle;
}

GradientUnderTest prepare(const UserFunction& f, const std::vector<double>& at) {
  GradientUnderTest test;
  test.name = "f";
  test.inputs = f.entry_names();
  test.x = at;
  test.value = [&f](std::span<const double> x) { return f.value_at(x); };
  Tape tape;
  const Recording recording(tape);
  std::vector<Var> x;
  for (const double v : at) x.push_back(Var::input(v));
  const Var y = f.record(x);
  if (!y.is_constant() && tape.blocks().empty()) {
    Adjoints magnitudes;
    tape.sweep_magnitudes(y, magnitudes);
    for (const Var& v : x) test.scale.push_back(magnitudes[v]);
  }
  test.operations = static_cast<double>(4 + tape.nodes().size() + 16 * tape.blocks().size());
  test.oracles.push_back(high_precision_oracle(f, at));
  return test;
}

/// The tape's own gradient as an oracle for a claim.
GradientUnderTest::Oracle tape_oracle(const GradientUnderTest& test, const std::vector<double>& gradient) {
  GradientUnderTest::Oracle oracle{"tape", gradient, {}};
  for (std::size_t i = 0; i < gradient.size(); ++i) oracle.bound.push_back(4 * test.operations * std::numeric_limits<double>::epsilon() * (i < test.scale.size() ? test.scale[i] : std::fabs(gradient[i])));
  return oracle;
}

/// The claimed derivatives: for each entry of the input a formula, if one was claimed.
struct Claims {
  std::vector<std::pair<Input, Expression>> formulas;
  Claims(const UserFunction& f, const std::vector<std::string>& options) {
    for (const std::string& option : options) {
      const auto [name, text] = name_and_value(option, "--claim");
      const Input* input = nullptr;
      for (const Input& i : f.inputs())
        if (name == "d" + i.name) input = &i;
      if (input == nullptr) throw UsageError(fmt::format("--claim '{}': there is no variable '{}'; claim the derivative with respect to x as dx=…", option, name.size() > 1 && name[0] == 'd' ? name.substr(1) : name));
      formulas.emplace_back(*input, Expression::parse(text));
    }
  }
  /// The claimed entries at a point; entries that are not claimed keep what `gradient` has.
  void apply(const UserFunction& f, std::span<const double> at, std::vector<double>& gradient) const {
    for (const auto& [input, formula] : formulas) {
      const Value<double> v = expression::evaluate(formula, f.variables(at), functions<double>());
      const std::vector<double> entries = v.is_vector() ? v.elements() : std::vector<double>{v.scalar()};
      if (entries.size() != input.size) throw UsageError(fmt::format("--claim d{}: '{}' gives {} values for {} entries", input.name, formula.text(), entries.size(), input.size));
      std::copy(entries.begin(), entries.end(), gradient.begin() + static_cast<std::ptrdiff_t>(input.first));
    }
  }
};

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

void merge(CheckResult& into, const CheckResult& other) {
  into.points += other.points;
  into.numbers += other.numbers;
  into.verdict = std::max(into.verdict, other.verdict == Verdict::inconclusive ? Verdict::pass : other.verdict);  // extra points only add doubt when they contradict
  for (const Finding& finding : other.findings)
    if (finding.verdict != Verdict::inconclusive) into.findings.push_back(finding);
  for (const OracleCount& o : other.oracles) {
    const auto same = std::find_if(into.oracles.begin(), into.oracles.end(), [&](const OracleCount& c) { return c.oracle == o.oracle; });
    if (same == into.oracles.end()) into.oracles.push_back(o);
    else same->agreed += o.agreed, same->abstained += o.abstained, same->disagreed += o.disagreed;
  }
  into.seconds += other.seconds;
}

std::string gradient_text(const UserFunction& f, const ValueAndGradient<double>& result) {
  std::vector<std::vector<std::string>> rows{{"f", number_text(result.value)}};
  const std::vector<std::string> names = f.entry_names();
  for (std::size_t i = 0; i < names.size(); ++i) rows.push_back({"df/d" + names[i], number_text(result.gradient[i])});
  return table(rows, {false, false});
}

}  // namespace

int check_function_command(const FunctionOptions& options, const Common& common) {
  const UserFunction f(options.expression, options.at);
  const Claims claims(f, options.claims);
  const ValueAndGradient<double> tape = f.value_and_gradient();
  if (!std::isfinite(tape.value)) {
    if (common.format == Format::json) print(to_json({}, Verdict::inconclusive));
    else print(fmt::format("INCONCLUSIVE  f = {} at this point: there is no derivative to check where the function is not finite\n", number_text(tape.value)));
    return inconclusive;
  }
  CheckResult result;
  if (claims.formulas.empty()) {
    GradientUnderTest test = prepare(f, f.point());
    test.gradient = tape.gradient;
    result = check_gradient(test);
  } else {
    const auto check_claims_at = [&](const std::vector<double>& at) {
      GradientUnderTest test = prepare(f, at);
      const std::vector<double> gradient = f.value_and_gradient_at(at).gradient;
      test.oracles.insert(test.oracles.begin(), tape_oracle(test, gradient));
      test.gradient = gradient;
      claims.apply(f, at, test.gradient);
      return check_gradient(test);
    };
    result = check_claims_at(f.point());
    for (const auto& p : neighbours(f, common.seed)) merge(result, check_claims_at(p));
  }
  result.name = options.expression;
  if (common.format == Format::json) print(to_json({result}, result.verdict));
  else print(gradient_text(f, tape) + describe(result) + "\n");
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
