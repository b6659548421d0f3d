// The checker of ops is itself tested: broken rules must be caught, and by name; right ones pass (see check_all in ctest).
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

#include <autodiff/custom.hpp>
#include <ops/array_ops.hpp>
#include <ops/ops.hpp>
#include <ops/verify/check_op.hpp>

namespace {

using namespace gradus;

/// An op with another derivative rule: what a mistake in its file would be.
template <class Op, class Rule> struct Broken : Op {
  static auto derivative(Number auto x, Number auto y) { return Rule::of(x, y); }
};
template <class Op, class Rule> Verdict verdict_with() { return check_op(entry_of<Broken<Op, Rule>>()).verdict; }

struct TanhRule { static auto of(auto x, auto y) { return Tanh::derivative(x, y); } };
struct TanhWithoutSquare { static auto of(auto, auto y) { return 1.0 - y; } };
struct TanhNaiveTail { static auto of(auto, auto y) { return 1.0 - y * y; } };
struct SigmoidNaiveTail { static auto of(auto, auto y) { return y * (1.0 - y); } };
struct SigmoidOffBy1e9 { static auto of(auto x, auto y) { return Sigmoid::derivative(x, y) * (1.0 + 1e-9); } };
struct SigmoidZeroBelowMinus30 { static auto of(auto x, auto y) { return where(x < -30.0, 0.0 * x, Sigmoid::derivative(x, y)); } };
struct ReluOneAtKink { static auto of(auto x, auto) { return where(x >= 0.0, 1.0, 0.0); } };
struct ReluThreshold { static auto of(auto x, auto) { return where(x > 1e-3, 1.0, 0.0); } };
struct SqrtWithoutHalf { static auto of(auto, auto y) { return 1.0 / y; } };
struct LogGuardLeak { static auto of(auto x, auto) { return 1.0 / (x + 1e-12); } };

BOOST_AUTO_TEST_CASE(the_right_rule_passes_by_the_same_road) { BOOST_TEST(check_op(entry_of<Broken<Tanh, TanhRule>>())); }
BOOST_AUTO_TEST_CASE(wrong_elementwise_rules_fail) {
  BOOST_TEST((verdict_with<Tanh, TanhWithoutSquare>() == Verdict::fail));
  BOOST_TEST((verdict_with<Tanh, TanhNaiveTail>() == Verdict::fail));
  BOOST_TEST((verdict_with<Sigmoid, SigmoidNaiveTail>() == Verdict::fail));
  BOOST_TEST((verdict_with<Sigmoid, SigmoidOffBy1e9>() == Verdict::fail));
  BOOST_TEST((verdict_with<Sigmoid, SigmoidZeroBelowMinus30>() == Verdict::fail));
  BOOST_TEST((verdict_with<Relu, ReluOneAtKink>() == Verdict::fail));
  BOOST_TEST((verdict_with<Relu, ReluThreshold>() == Verdict::fail));
  BOOST_TEST((verdict_with<Sqrt, SqrtWithoutHalf>() == Verdict::fail));
  BOOST_TEST((verdict_with<Log, LogGuardLeak>() == Verdict::fail));
}

struct PreluSlopeForAllX : Prelu {
  template <Number T> static Partials<T> derivatives(T x, T a, T) { return {where(x > 0.0, T(1.0), a), x}; }
};
struct ProductSwapped {  // not derived from Mul, which would bring the operators of Var along
  static constexpr OpInfo info = Mul::info;
  static auto value(Number auto a, Number auto b) { return a * b; }
  template <Number T> static Partials<T> derivatives(T a, T b, T) { return {a, b}; }
};
BOOST_AUTO_TEST_CASE(wrong_binary_rules_fail_and_are_named) {
  const CheckResult r = check_op(entry_of<PreluSlopeForAllX>());
  BOOST_TEST((r.verdict == Verdict::fail));
  BOOST_TEST(r.name == "prelu");
  BOOST_REQUIRE(!r.findings.empty());
  BOOST_TEST(r.findings[0].quantity == "d prelu / d a");
  BOOST_TEST((check_op(entry_of<ProductSwapped>()).verdict == Verdict::fail));
}

struct WrongValue : Tanh {
  static auto value(Number auto x) { return where(x > 30.0, 1.0 - 1e-12, Tanh::value(x)); }
};
BOOST_AUTO_TEST_CASE(a_wrong_value_fails) { BOOST_TEST((check_op(entry_of<WrongValue>()).verdict == Verdict::fail)); }

struct WrongText : Tanh {
  static constexpr OpInfo info = [] {
    OpInfo i = Tanh::info;
    i.derivatives = {"1 + tanh(x)^2"};
    return i;
  }();
};
BOOST_AUTO_TEST_CASE(a_wrong_textbook_derivative_is_a_disagreement_of_oracles) { BOOST_TEST((check_op(entry_of<WrongText>()).verdict == Verdict::oracles_disagree)); }

/// softmax with a wrong pullback, by the public way of writing one's own op.
template <class Pull> Tensor softmax_with(const Tensor& x, Pull pull) {
  const Tensor s = softmax(Tensor(x.shape(), x.values()));
  const std::size_t n = x.shape()[x.rank() - 1];
  return custom(x.shape(), s.values(), {&x}, [s, n, pull](std::span<const double> up, std::span<const std::span<double>> g) {
    for (std::size_t r = 0; r < up.size(); r += n)
      for (std::size_t i = r; i < r + n; ++i)
        for (std::size_t j = r; j < r + n; ++j) pull(g[0][i], up[j], s.values()[i], s.values()[j], i == j, j + 1 == r + n);
  });
}
template <class Rule> struct SoftmaxWith : Softmax {
  static constexpr ArrayOpInfo info = [] {
    ArrayOpInfo i = Softmax::info;
    i.cases = {{"normal", {"3x4"}, {Fill::normal}}, {"saturated", {"3x4"}, {Fill::saturated}}};
    return i;
  }();
  static Tensor call(std::span<const Tensor> x, const Attributes&) {
    return softmax_with(x[0], [](double& g, double up, double si, double sj, bool diagonal, bool last) { Rule::add(g, up, si, sj, diagonal, last); });
  }
};
struct Jacobian { static void add(double& g, double up, double si, double sj, bool diagonal, bool) { g += up * si * ((diagonal ? 1 : 0) - sj); } };
struct NoOffDiagonal { static void add(double& g, double up, double si, double, bool diagonal, bool) { if (diagonal) g += up * si * (1 - si); } };
struct WrongSign { static void add(double& g, double up, double si, double sj, bool diagonal, bool) { g += up * si * ((diagonal ? 1 : 0) + (diagonal ? -si : sj)); } };
struct AssignsInsteadOfAdding { static void add(double& g, double up, double si, double sj, bool diagonal, bool) { g = up * si * ((diagonal ? 1 : 0) - sj); } };
struct DropsTheLast { static void add(double& g, double up, double si, double sj, bool diagonal, bool last) { if (!last) g += up * si * ((diagonal ? 1 : 0) - sj); } };
struct IgnoresTheAdjoint { static void add(double& g, double, double si, double sj, bool diagonal, bool) { g += si * ((diagonal ? 1 : 0) - sj); } };

template <class Rule> CheckResult check_softmax() { return check_op(entry_of<SoftmaxWith<Rule>>(), 1); }
BOOST_AUTO_TEST_CASE(wrong_softmax_pullbacks_fail) {
  BOOST_TEST((check_softmax<NoOffDiagonal>().verdict == Verdict::fail));
  BOOST_TEST((check_softmax<WrongSign>().verdict == Verdict::fail));
  BOOST_TEST((check_softmax<AssignsInsteadOfAdding>().verdict == Verdict::fail));
  BOOST_TEST((check_softmax<DropsTheLast>().verdict == Verdict::fail));
  BOOST_TEST((check_softmax<IgnoresTheAdjoint>().verdict == Verdict::fail));
}
BOOST_AUTO_TEST_CASE(the_textbook_jacobian_in_double_is_right_within_its_rounding) { BOOST_TEST(check_softmax<Jacobian>()); }

BOOST_AUTO_TEST_CASE(an_unknown_op_is_an_error_with_a_suggestion) {
  const std::vector<std::string> names{"tahn"};
  try {
    static_cast<void>(check_ops(names));
    BOOST_ERROR("no exception");
  } catch (const ArgumentError& e) {
    BOOST_TEST(std::string(e.what()).find("unknown op 'tahn'") != std::string::npos);
    BOOST_TEST(std::string(e.what()).find("tan") != std::string::npos);
  }
}

}  // namespace
