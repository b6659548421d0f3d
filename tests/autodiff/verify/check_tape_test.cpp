// gradus::check_tape names the operation whose rule is wrong, the line that called it, and the probable mistake.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include <autodiff/verify/check_tape.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;

/// PReLU with one slope for all elements; `bug` replaces its rule.
VectorOp prelu_op(const char* bug = "") {
  const std::string wrong = bug;
  return {.name = "prelu",
          .operands = {"x", "slope"},
          .value =
              [](std::span<const VectorOp::View> in) {
                std::vector<double> y;
                for (const double v : in[0]) y.push_back(v > 0 ? v : in[1][0] * v);
                return y;
              },
          .pullback =
              [wrong](std::span<const VectorOp::View> in, VectorOp::View up, std::span<const std::span<double>> gradients) {
                for (std::size_t i = 0; i < up.size(); ++i) {
                  gradients[0][i] += in[0][i] > 0 ? up[i] : in[1][0] * up[i];
                  if (in[0][i] > 0) continue;
                  if (wrong == "=") gradients[1][0] = in[0][i] * up[i];
                  else gradients[1][0] += (wrong == "-" ? -1 : 1) * in[0][i] * up[i];
                }
              }};
}

/// A small network: two inputs, three hidden units with a common slope, one output.
auto network(VectorOp prelu) {
  return [prelu = std::move(prelu)](const auto& p) {
    using T = std::remove_cvref_t<decltype(p[0])>;
    std::vector<T> hidden;
    for (std::size_t j = 0; j < 3; ++j) hidden.push_back(0.9 * p[2 * j] - 1.7 * p[2 * j + 1]);
    const auto h = prelu(hidden, std::vector<T>{p[6]});  // the line of the operation
    T loss = 0.0;
    for (const T& v : h) loss += tanh(v) * v;
    return loss;
  };
}
constexpr unsigned prelu_line = 42;
const std::vector<double> parameters = {0.3, 0.8, -0.4, 0.25, 0.7, -0.6, 0.25};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

BOOST_AUTO_TEST_CASE(a_right_network_agrees) {
  const CheckResult r = check_tape(network(prelu_op()), parameters);
  BOOST_TEST(r);
}

BOOST_AUTO_TEST_CASE(a_missing_accumulation_is_blamed_on_its_operation_line_and_operand) {
  const std::string text = describe(check_tape(network(prelu_op("=")), parameters));
  for (const std::string& part : {std::string("FAIL"), "prelu at check_tape_test.cpp:" + std::to_string(prelu_line), std::string("(slope) is wrong"), std::string("\"=\" where \"+=\" is needed"),
                                 std::string("got"), std::string("difference"), std::string("smallest")})
    BOOST_TEST(contains(text, part), part << " is missing in\n" << text);
}

BOOST_AUTO_TEST_CASE(a_wrong_sign_is_recognised) {
  const CheckResult r = check_tape(network(prelu_op("-")), parameters);
  BOOST_TEST((r.verdict == Verdict::fail));
  BOOST_TEST(contains(describe(r), "sign"), describe(r));
  BOOST_TEST(!contains(describe(r), "the partial for operand 1 "), describe(r));
}

/// x*|x| with half its derivative.
struct Halved {
  static constexpr OpInfo info{.name = "halved", .summary = "wrong", .formula = "x*abs(x)", .derivatives = {"2*abs(x)"}};
  static auto value(Number auto x) { return x * abs(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return abs(x); }
};
template <Operand X> auto halved(X&& x, Here here = Here()) { return apply_at(here, Halved{}, std::forward<X>(x)); }

BOOST_AUTO_TEST_CASE(an_elementwise_op_of_ones_own_is_blamed_too) {
  const auto f = [](const auto& x) {
    const auto y = exp(x[0]) * x[1];
    return sin(x[1]) + halved(y);
  };
  const unsigned line = __LINE__ - 2;
  const CheckResult r = check_tape(f, {0.3, -1.1});
  BOOST_TEST((r.verdict == Verdict::fail));
  BOOST_TEST(contains(r.findings.at(0).operation, "halved at check_tape_test.cpp:" + std::to_string(line)), describe(r));
  BOOST_TEST((check(f, {0.3, -1.1}).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(a_trace_has_every_operation_and_the_adjoints_of_the_tape) {
  const auto f = [](const auto& x) { return elu(tanh(x[0] * x[1]) + 2.0 * relu(x[0]), 0.5) / x[1] - max(x[0], 1.0) + pow(x[0], 2.0); };
  const std::vector<double> at = {0.3, -1.7};
  Trace trace;
  const TraceScope scope(trace);
  const std::vector<Traced> x = {Traced::input(at[0]), Traced::input(at[1])};
  const Traced y = f(x);
  BOOST_TEST(trace.operations().size() == 11U);
  const std::uint32_t output = y.id();
  const double one = 1;
  const std::vector<double> adjoints = trace.adjoints({&output, 1}, {&one, 1}), expected = gradient(f, at);
  BOOST_TEST(adjoints[x[0].id()] == expected[0], boost::test_tools::tolerance(1e-15));
  BOOST_TEST(adjoints[x[1].id()] == expected[1], boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(an_operation_on_vectors_has_the_same_gradient_on_every_number) {
  const auto f = network(prelu_op());
  const auto by_hand = [](const auto& p) {
    using T = std::remove_cvref_t<decltype(p[0])>;
    T loss = 0.0;
    for (std::size_t j = 0; j < 3; ++j) {
      const T h = prelu(0.9 * p[2 * j] - 1.7 * p[2 * j + 1], p[6]);
      loss += tanh(h) * h;
    }
    return loss;
  };
  const auto a = value_and_gradient(f, parameters), b = value_and_gradient(by_hand, parameters);
  BOOST_TEST(a.value == b.value, boost::test_tools::tolerance(1e-14));
  for (std::size_t i = 0; i < parameters.size(); ++i) BOOST_TEST(a.gradient[i] == b.gradient[i], boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(an_operation_on_vectors_can_be_checked_on_its_own) {
  const std::vector<std::vector<double>> operands = {{-1.5, 0.4, -0.3}, {0.25}};
  BOOST_TEST(check(prelu_op(), operands));
  BOOST_TEST((check(prelu_op("="), operands).verdict == Verdict::fail));
}

BOOST_AUTO_TEST_CASE(a_value_taken_out_of_the_recording_is_found_with_its_line_and_operand) {
  const auto f = [](const auto& x) {
    const auto a = exp(x[0]) * x[1];
    const auto b = sin(a) + x[1];
    const auto c = b * plain(a);
    return c / (2.0 + x[0] * x[0]);
  };
  const unsigned line = __LINE__ - 3;
  const CheckResult r = check_tape(f, {0.3, -1.1});
  BOOST_TEST((r.verdict == Verdict::fail), describe(r));
  BOOST_TEST(contains(r.findings.at(0).operation, "* at check_tape_test.cpp:" + std::to_string(line) + ": operand 2 is a constant of the recording"), describe(r));
}

BOOST_AUTO_TEST_CASE(a_value_taken_out_of_a_long_recording_is_found) {
  const auto f = [](const auto& x) {
    using T = std::remove_cvref_t<decltype(x[0])>;
    T sum = 0.0;
    for (int k = 0; k < 500; ++k) sum += sin(x[0] * (0.1 * k)) * (k == 317 ? T(plain(x[1])) : x[1]);
    return sum;
  };
  const CheckResult r = check_tape(f, {0.3, -1.1});
  BOOST_TEST((r.verdict == Verdict::fail), describe(r));
  BOOST_TEST(contains(r.findings.at(0).operation, "operation #1271 *"), describe(r));  // the third of four operations, in round 318
}

BOOST_AUTO_TEST_CASE(a_result_that_is_a_constant_is_found) {
  const CheckResult r = check_tape([](const auto& x) {
    using T = std::remove_cvref_t<decltype(x[0])>;
    return std::vector<T>{x[0] * x[1], T(plain(x[0]) * 3)};
  }, {0.3, -1.1});
  BOOST_TEST((r.verdict == Verdict::fail), describe(r));
  BOOST_TEST(contains(r.findings.at(0).operation, "a result is a constant of the recording"), describe(r));
}

BOOST_AUTO_TEST_CASE(what_f_does_with_variables_alone_is_told_from_its_operations) {
  const CheckResult r = check_tape([](const auto& x) {
    using T = std::remove_cvref_t<decltype(x[0])>;
    if constexpr (std::is_same_v<T, Var>) return custom(x[0].value() * x[0].value(), {x[0]}, {x[0].value()}) + x[1];
    else return x[0] * x[0] + x[1];
  }, {0.3, -1.1});
  BOOST_TEST((r.verdict == Verdict::fail), describe(r));
  BOOST_TEST(contains(r.findings.at(0).operation, "with Var, f does something else"), describe(r));
}

BOOST_AUTO_TEST_CASE(a_value_taken_out_is_found_where_nothing_can_be_told_at_the_point_itself) {
  const CheckResult kinked = check_tape([](const auto& x) {
    const auto a = relu(x[0]) * x[1];
    return a + x[1] * plain(x[1]);
  }, {0.0, -1.1});
  BOOST_TEST(contains(describe(kinked), "operation #3 * at"), describe(kinked));
  const CheckResult zero = check_tape([](const auto& x) {
    const auto a = x[0] * x[1];
    return a * plain(a) + x[1];
  }, {0.0, -1.1});
  BOOST_TEST(contains(describe(zero), "operation #2 * at"), describe(zero));
}

BOOST_AUTO_TEST_CASE(overloads_are_not_suspected_while_the_tape_agrees_with_the_recording) {
  // What was taken out early hardly changes the result: too little for a bisection.
  const CheckResult r = check_tape([](const auto& x) {
    auto s = x[0] * 1.0;
    for (int k = 0; k < 250; ++k) {
      s = sin(s) * x[1] + 1.1 * x[0];
      if (k % 100 == 50) s = s + plain(s) * 0.5;
    }
    return s;
  }, {0.3, -1.1});
  BOOST_TEST(!static_cast<bool>(r), describe(r));
  BOOST_TEST(!contains(describe(r), "with Var"), describe(r));
}

BOOST_AUTO_TEST_CASE(operations_outside_of_their_domain_are_named) {
  const CheckResult r = check_tape([](const auto& x) { return log(x[0]) * x[0]; }, {-0.8});
  BOOST_TEST(contains(describe(r), "operation #1 log at"), describe(r));
}

BOOST_AUTO_TEST_CASE(an_elementwise_op_can_be_checked_on_its_own) {
  const std::vector<double> x = {-2.0, 0.7, 1.3};
  BOOST_TEST(check(Tanh{}, x));
  BOOST_TEST((check(Halved{}, x).verdict == Verdict::fail));
  const std::vector<double> pairs = {2.0, 0.5, 1.5, -3.0};
  BOOST_TEST(check(Pow{}, pairs));
  BOOST_CHECK_THROW(static_cast<void>(check(Pow{}, x)), ShapeError);
}

BOOST_AUTO_TEST_CASE(inputs_need_a_trace) { BOOST_CHECK_THROW(static_cast<void>(Traced::input(1.0)), TapeError); }

}  // namespace
