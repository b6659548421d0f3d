// The language of formulas: what binds to what, what a formula is worth in three number types, what errors say.
#include "ops/expression/expression.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "ops/expression/evaluate.hpp"
#include <ops/verify/big_float.hpp>

namespace {

using namespace gradus::expression;
using Digits = gradus::BigFloat;

/// A number that only offers what evaluate() asks for, and carries a tangent as an autodiff variable does.
struct Tangent {
  double value, tangent;
  explicit Tangent(double v, double t = 0) : value(v), tangent(t) {}
  friend Tangent operator-(const Tangent& x) { return Tangent(-x.value, -x.tangent); }
  friend Tangent operator+(const Tangent& x, const Tangent& y) {
    return Tangent(x.value + y.value, x.tangent + y.tangent);
  }
  friend Tangent operator-(const Tangent& x, const Tangent& y) { return x + -y; }
  friend Tangent operator*(const Tangent& x, const Tangent& y) {
    return Tangent(x.value * y.value, x.tangent * y.value + x.value * y.tangent);
  }
  friend Tangent operator/(const Tangent& x, const Tangent& y) {
    return Tangent(x.value / y.value, (x.tangent - x.value / y.value * y.tangent) / y.value);
  }
  friend auto operator<=>(const Tangent& x, const Tangent& y) { return x.value <=> y.value; }
  friend bool operator==(const Tangent& x, const Tangent& y) { return x.value == y.value; }
  friend Tangent pow(const Tangent& x, double n) {
    return Tangent(std::pow(x.value, n), n * std::pow(x.value, n - 1) * x.tangent);
  }
  friend Tangent pow(const Tangent& x, const Tangent& y) {
    const double z = std::pow(x.value, y.value);
    return Tangent(z, z * (y.tangent * std::log(x.value) + y.value / x.value * x.tangent));
  }
  friend Tangent exp(const Tangent& x) { return Tangent(std::exp(x.value), std::exp(x.value) * x.tangent); }
};

template <class T>
Functions<T> functions() {
  using Arguments = std::span<const Value<T>>;
  using std::exp;
  const auto sum = [](Arguments arguments) -> Value<T> {
    T total(0.0);
    for (const T& element : arguments[0].elements()) total = total + element;
    return total;
  };
  const auto max = [](Arguments arguments) -> Value<T> {
    T largest = arguments[0].scalar();
    for (const auto& argument : arguments) largest = argument.scalar() > largest ? argument.scalar() : largest;
    return largest;
  };
  return {{"exp", {1, 1, [](Arguments x) -> Value<T> { return T(exp(x[0].scalar())); }}},
          {"max", {1, any_number, max}},
          {"clamp", {2, 3, max}},
          {"sum", {1, 1, sum, false}}};
}

template <class T = double>
Value<T> value(const std::string& text, const Variables<T>& variables = {}) {
  return evaluate(Expression::parse(text), variables, functions<T>());
}

double number(const std::string& text, const Variables<double>& variables = {}) {
  return value(text, variables).scalar();
}

std::vector<double> vector(const std::string& text, const Variables<double>& variables = {}) {
  return value(text, variables).elements();
}

/// What the parser understood, as nested lists of an operator and its operands: "(+ 1 (f x y))".
std::string understood(const std::string& text) {
  const Expression expression = Expression::parse(text);
  std::vector<std::string> shown;
  for (const Node& node : expression.nodes()) {
    std::string list(expression.source(node));
    for (const auto operand : expression.operands(node)) list += " " + shown[operand];
    if (node.kind == Kind::index) list += " " + std::to_string(static_cast<int>(node.number));
    shown.push_back(list.find(' ') == std::string::npos ? list : "(" + list + ")");
  }
  return shown.back();
}

const Variables<double> some_variables{
    {"x", 0.3}, {"width", 1.7}, {"v", std::vector{1.0, 2.0, 3.0}}, {"w", std::vector{1.0, 2.0}}};

/// Column and message of the Error that the formula throws when it is parsed and evaluated.
std::string complaint(const std::string& text) {
  try {
    value(text, some_variables);
  } catch (const Error& error) {
    return std::to_string(error.column()) + ": " + error.message();
  }
  return "no complaint";
}

std::string repeated(const std::string& part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(power_binds_tighter_than_unary_minus) {
  BOOST_TEST(understood("-x^2") == "(- (^ x 2))");
  BOOST_TEST(understood("2^-x^2*y") == "(* (^ 2 (- (^ x 2))) y)");
  BOOST_TEST(understood("2^-3") == "(^ 2 (- 3))");
}

BOOST_AUTO_TEST_CASE(power_and_conditional_are_right_associative) {
  BOOST_TEST(understood("a^b^c") == "(^ a (^ b c))");
  BOOST_TEST(understood("a?b:c?d:f") == "(? a b (? c d f))");
  BOOST_TEST(understood("a?b?c:d:f") == "(? a (? b c d) f)");
}

BOOST_AUTO_TEST_CASE(other_operators_are_left_associative) {
  BOOST_TEST(understood("a-b+c-d") == "(- (+ (- a b) c) d)");
  BOOST_TEST(understood("a/b*c") == "(* (/ a b) c)");
}

BOOST_AUTO_TEST_CASE(from_loose_to_tight_conditional_or_and_comparison_sum_product_sign_power_index) {
  BOOST_TEST(understood("a||b&&c<d+f*-g^h[0]?1:2") == "(? (|| a (&& b (< c (+ d (* f (- (^ g ([ h 0)))))))) 1 2)");
  BOOST_TEST(understood("h[0]^g*f+d>=c&&b||a") == "(|| (&& (>= (+ (* (^ ([ h 0) g) f) d) c) b) a)");
  BOOST_TEST(understood("!a==-b-c") == "(== (! a) (- (- b) c))");
}

BOOST_AUTO_TEST_CASE(parentheses_override_precedence) {
  BOOST_TEST(understood("(a-(b-c))*f((d), [g,(h?1:2)])") == "(* (- a (- b c)) (f d ([ g (? h 1 2))))");
}

BOOST_AUTO_TEST_CASE(literals_are_the_doubles_that_cpp_reads) {
  BOOST_TEST(vector("[0.1, 1e-3, .5, 5., 0XFF]") == (std::vector{0.1, 1e-3, 0.5, 5.0, 255.0}));
  BOOST_TEST(vector("[0x1.8p-3, 2.2250738585072011e-308]") == (std::vector{0x1.8p-3, 2.2250738585072011e-308}));
  BOOST_TEST(number("-inf") == -std::numeric_limits<double>::infinity());
  BOOST_TEST(std::isnan(number("nan")));
}

BOOST_AUTO_TEST_CASE(blanks_and_unary_plus_mean_nothing) { BOOST_TEST(number(" + 1\n\t+ +2 ") == 3.0); }

BOOST_AUTO_TEST_CASE(comparisons_and_logic_give_one_or_zero) {
  BOOST_TEST(vector("[1<2, 2<1, 1<=1, 2>1, 1>=2, 1==1, 1!=1]") == (std::vector{1., 0., 1., 1., 0., 1., 0.}));
  BOOST_TEST(vector("[1&&2, 1&&0, 0||0, 0||3, !0, !5]") == (std::vector{1., 0., 0., 1., 1., 0.}));
  BOOST_TEST(vector("[nan<1, nan==nan, nan!=nan]") == (std::vector{0., 0., 1.}));
}

BOOST_AUTO_TEST_CASE(only_the_branch_taken_is_evaluated) {
  int calls = 0;
  Functions<double> counting{{"f", {1, 1, [&](std::span<const Value<double>> x) -> Value<double> {
                                      ++calls;
                                      return x[0];
                                    }}}};
  for (const std::string text : {"1 ? 2 : f(3)", "0 ? f(3) : 2", "0 && f(3) ? 1 : 2", "1 || f(3) ? 2 : 1"}) {
    BOOST_TEST(evaluate(Expression::parse(text), {}, counting).scalar() == 2.0);
  }
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(vectors_combine_with_vectors_and_numbers_element_by_element) {
  const Variables<double> v{{"v", std::vector{1.0, 2.0, 3.0}}};
  BOOST_TEST(vector("2*v^2 - v/[1,2,3]", v) == (std::vector{1.0, 7.0, 17.0}));
  BOOST_TEST(vector("-max(v, 2)", v) == (std::vector{-2.0, -2.0, -3.0}));
  BOOST_TEST(vector("v > 1 ? v : [10,20,30]", v) == (std::vector{10.0, 2.0, 3.0}));
  BOOST_TEST(number("sum(v*v)", v) == 14.0);
}

BOOST_AUTO_TEST_CASE(any_vector_can_be_indexed) {
  const Variables<double> v{{"v", std::vector{1.0, 2.0, 3.0}}};
  BOOST_TEST(number("v[0] + (v*10)[2] + [4,5][1] + max(v,2)[1]", v) == 1.0 + 30.0 + 5.0 + 2.0);
}

BOOST_AUTO_TEST_CASE(variables_and_functions_are_listed_by_first_appearance) {
  const Expression expression = Expression::parse("y*f(x, y) + pi^e*h(g(z)) + f(1)");
  BOOST_TEST(expression.variables() == (std::vector<std::string>{"y", "x", "z"}), boost::test_tools::per_element());
  BOOST_TEST(expression.functions() == (std::vector<std::string>{"f", "h", "g"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_formula_outlives_the_text_it_was_parsed_from_and_can_be_copied) {
  const Expression original = Expression::parse(std::string("6*7+exp(0)"));
  const Expression copy = original;
  BOOST_TEST(evaluate(copy, {}, functions<double>()).scalar() == 43.0);
  BOOST_TEST(copy.text() == "6*7+exp(0)");
}

BOOST_AUTO_TEST_CASE(a_literal_is_its_double_even_in_400_digits) {
  BOOST_TEST((value<Digits>("0.1").scalar() == Digits(0.1)));
  BOOST_TEST((value<Digits>("0.1").scalar() != Digits("0.1")));
}

BOOST_AUTO_TEST_CASE(arithmetic_and_constants_keep_400_digits) {
  const Digits tiny = pow(Digits(10), -395);
  BOOST_TEST((abs(3 * value<Digits>("1/3").scalar() - 1) < tiny));
  BOOST_TEST((abs(value<Digits>("pi").scalar() - Digits::pi()) == 0));
  BOOST_TEST((abs(value<Digits>("exp(1)/e - 1").scalar()) < tiny));
  // Logistic function: s(x) + s(-x) = 1.
  BOOST_TEST((abs(value<Digits>("1/(1+exp(-x)) + 1/(1+exp(x)) - 1", {{"x", Digits(0.7)}}).scalar()) < tiny));
  BOOST_TEST((value<Digits>("inf").scalar() == Digits::infinity()));
  BOOST_TEST((isnan(value<Digits>("nan").scalar())));
}

BOOST_AUTO_TEST_CASE(negative_numbers_have_whole_powers_in_every_type) {
  for (const std::string text : {"(-3)^2", "(-3)^(1+1)"}) {
    BOOST_TEST(number(text) == 9.0);
    BOOST_TEST((value<Digits>(text).scalar() == 9));
    BOOST_TEST(value<Tangent>(text).scalar().value == 9.0);
  }
  BOOST_TEST((value<Digits>("(-2)^-3").scalar() == Digits(-0.125)));
  BOOST_TEST(value<Tangent>("x^2", {{"x", Tangent(-3, 1)}}).scalar().tangent == -6.0);
}

BOOST_AUTO_TEST_CASE(the_function_pow_computes_the_operator_when_it_is_given) {
  const Functions<double> table{{"pow", {2, 2, [](std::span<const Value<double>> x) -> Value<double> {
                                           return x[0].scalar() * 100 + x[1].scalar();
                                         }}}};
  BOOST_TEST(evaluate(Expression::parse("2^3"), {}, table).scalar() == 203.0);
  BOOST_TEST(evaluate(Expression::parse("[1,2]^3"), {}, table).elements() == (std::vector{103.0, 203.0}));
}

BOOST_AUTO_TEST_CASE(a_derivative_passes_through_a_formula) {
  const auto y = value<Tangent>("x > 0 ? x*exp(-x) : x^0.5", {{"x", Tangent(2, 1)}}).scalar();
  BOOST_TEST(y.tangent == -std::exp(-2.0), boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(an_undefined_branch_not_taken_leaks_no_nan_into_the_derivative) {
  const auto y = value<Tangent>("x > 0 ? x^0.5 : 3*x", {{"x", Tangent(-1, 1)}}).scalar();
  BOOST_TEST(y.tangent == 3.0);
}

BOOST_AUTO_TEST_CASE(an_error_shows_the_formula_and_points_at_the_column) {
  BOOST_CHECK_EXCEPTION(Expression::parse("x * * y"), Error, [](const Error& error) {
    return error.what() == std::string("expected an operand after '*'\n  x * * y\n      ^") && error.column() == 5;
  });
}

BOOST_AUTO_TEST_CASE(columns_count_characters_not_bytes) {
  BOOST_TEST(complaint("x − 1") == "3: unknown character '−'");
  BOOST_CHECK_EXCEPTION(Expression::parse("π\n²)"), Error, [](const Error& error) {
    return error.column() == 1 && error.what() == std::string("unknown character 'π'\n  π ²)\n  ^");
  });
}

BOOST_AUTO_TEST_CASE(a_long_formula_is_shown_around_the_caret_only) {
  BOOST_CHECK_EXCEPTION(
      Expression::parse(repeated("x+", 1000) + "*" + repeated("+x", 1000)), Error,
      [](const Error& error) { return error.column() == 2001 && std::string(error.what()).size() < 250; });
}

struct Case {
  const char* formula;
  const char* complaint;
};

void check_all(std::span<const Case> cases) {
  for (const auto& [formula, expected] : cases) {
    BOOST_TEST_CONTEXT(formula) { BOOST_TEST(complaint(formula) == expected); }
  }
}

BOOST_AUTO_TEST_CASE(a_formula_that_cannot_be_read_says_why) {
  const std::array cases{
      Case{"", "1: the formula is empty"},
      Case{" \n", "1: the formula is empty"},
      Case{"x +", "4: expected an operand after '+'"},
      Case{"x <= ", "6: expected an operand after '<='"},
      Case{"*x", "1: expected an operand before '*'"},
      Case{"exp(,x)", "5: expected an operand after '('"},
      Case{"max(x,)", "7: expected an operand after ','"},
      Case{"[]", "2: expected an operand after '['"},
      Case{"2*(x+1", "3: this '(' is never closed"},
      Case{"max(1, [2, 3)", "13: the '[' in column 8 is not closed by ')'"},
      Case{"max(1, [2, 3", "8: this '[' is never closed"},
      Case{"v[1", "2: this '[' is never closed"},
      Case{"x)", "2: this ')' closes nothing"},
      Case{"x > 0 ? 1", "7: this '?' has no ':'"},
      Case{"(x ? 1)", "7: the '?' in column 4 needs a ':' before this ')'"},
      Case{"x : 1", "3: this ':' has no '?'"},
      Case{"x ? 1 : 2 : 3", "11: this ':' has no '?'"},
      Case{"2x", "2: expected an operator before 'x': did you mean 2*x?"},
      Case{"2(x+1)", "2: expected an operator before '(': did you mean 2*(...)?"},
      Case{"(x)(x)", "4: expected an operator before '(': did you mean (...)*(...)?"},
      Case{"exp x", "5: expected an operator before 'x': did you mean exp*x or exp(x)?"},
      Case{"max(x 2)", "7: expected ',' or an operator before '2'"},
      Case{"max(2x, 1)", "6: expected ',' or an operator before 'x': did you mean 2*x?"},
      Case{"x, 1", "2: a comma separates only arguments of a function and elements of a vector"},
      Case{"x ** 2", "3: '**' is not an operator: use ^ for powers"},
      Case{"x = 2", "3: '=' is not an operator: use == to compare"},
      Case{"x & 2", "3: '&' is not an operator: use &&"},
      Case{"0 < x < 1", "7: comparisons do not chain: write a < b && b < c, or use parentheses"},
      Case{"x $ 2", "3: unknown character '$'"},
      Case{"x + #", "5: unknown character '#'"},
      Case{"x\x07", "2: unknown character '\\x07'"},
      Case{"x\xff", "2: unknown character '\\xff'"},
      Case{"1 + 1e999", "5: the number is out of the range of a double"},
  };
  check_all(cases);
}

BOOST_AUTO_TEST_CASE(a_formula_that_cannot_be_evaluated_says_why) {
  const std::array cases{
      Case{"1 + clmap(x)", "5: unknown function 'clmap'; did you mean 'clamp'?"},
      Case{"qqq(x)", "1: unknown function 'qqq'"},
      Case{"x(2)", "1: 'x' is a variable, not a function: multiply with *"},
      Case{"1 ? 2 : widht", "9: unknown variable 'widht'; did you mean 'width'? (known: v, w, width, x)"},
      Case{"exp + 1", "1: 'exp' is a function: write exp(...)"},
      Case{"exp(1, 2)", "1: exp takes 1 argument, not 2"},
      Case{"2*max()", "3: max takes at least 1 argument, not 0"},
      Case{"clamp(1)", "1: clamp takes 2 to 3 arguments, not 1"},
      Case{"1 + v[3]", "6: index out of range: the vector has 3 elements, counted from 0"},
      Case{"v[1e300]", "2: index out of range: the vector has 3 elements, counted from 0"},
      Case{"v[0.5]", "3: an index must be a whole number, not 0.5"},
      Case{"v[x]", "3: an index must be a whole number such as 0, not 'x'"},
      Case{"x[0]", "2: a number has no elements: [...] needs a vector before it"},
      Case{"1 + sum(x)", "5: sum: a vector is needed here, not a number"},
      Case{"[1, v]", "5: an element of a vector must be a number, not a vector"},
      Case{"1 + v*w", "6: '*' needs vectors of one length, not 3 and 2"},
      Case{"max(v, w)", "1: 'max' needs vectors of one length, not 3 and 2"},
      Case{"v ? 1 : w", "3: '?' needs vectors of one length, not 3 and 2"},
  };
  check_all(cases);
}

BOOST_AUTO_TEST_CASE(a_constant_cannot_be_given_another_value) {
  BOOST_CHECK_EXCEPTION(number("1+e", {{"e", 3.0}}), Error, [](const Error& error) {
    return error.column() == 3 && error.message() == "'e' is a constant: call the variable something else";
  });
}

BOOST_AUTO_TEST_CASE(a_chain_of_100000_terms_is_no_nesting) {
  BOOST_TEST(number("0" + repeated("+1", 100'000)) == 100'000.0);
  BOOST_TEST(number("1" + repeated("*1", 100'000)) == 1.0);
  BOOST_TEST(number("sum([0" + repeated(",1", 100'000) + "])") == 100'000.0);
}

BOOST_AUTO_TEST_CASE(nesting_is_refused_where_it_passes_the_limit) {
  const std::string too_deep = "nested more than " + std::to_string(max_nesting) + " deep";
  const std::vector<std::pair<std::string, std::string>> ways{{"(", ")"},   {"exp(", ")"}, {"-", ""},   {"2^", ""},
                                                              {"1?", ":0"}, {"0?1:", ""},  {"(0+", ")"}};
  for (const auto& way : ways) {
    BOOST_TEST_CONTEXT(way.first) {
      const auto nested = [&](std::size_t times) {
        return repeated(way.first, times) + "1" + repeated(way.second, times);
      };
      BOOST_CHECK_NO_THROW(number(nested(max_nesting - 1)));
      for (const std::size_t times : {max_nesting, std::size_t{100'000}}) {
        BOOST_CHECK_EXCEPTION(Expression::parse(nested(times)), Error,
                              [&](const Error& error) { return error.message() == too_deep; });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_formula_of_more_than_a_megabyte_is_refused) {
  BOOST_CHECK_NO_THROW(Expression::parse("1" + std::string(max_length - 1, ' ')));
  BOOST_CHECK_THROW(Expression::parse("1" + std::string(max_length, ' ')), Error);
}

BOOST_AUTO_TEST_CASE(token_soup_is_a_formula_or_an_error) {
  // Separated by tabs. One byte is no UTF-8, one character no ASCII; a null byte is added below.
  std::stringstream soup(
      "x\tv\t1\t0.5\t0x1p-3\t1e\t.\tpi\te\tnan\texp(\tsum(\tmax(\t(\t)\t)\t[\t]\t,\t?\t:\t+\t-\t*\t/"
      "\t^\t<\t<=\t==\t!=\t"
      "&&\t||\t!\t=\t[0]\tv[0]\t(x)\t+x\t \t\n\t#\t−\t\xff");
  std::vector<std::string> tokens{std::string(1, '\0')};
  for (std::string token; std::getline(soup, token, '\t');) tokens.push_back(token);
  constexpr unsigned seed = 20'240'607;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  int parsed = 0;
  int evaluated = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto length = random() % 12 + 1; length > 0; --length) text += tokens[random() % tokens.size()];
    try {
      const Expression expression = Expression::parse(text);
      ++parsed;
      evaluate(expression, some_variables, functions<double>());
      ++evaluated;
    } catch (const Error& error) {
      BOOST_REQUIRE(error.column() >= 1 && error.column() <= text.size() + 1);
    } catch (...) {
      BOOST_FAIL("not an Error: " + text);
    }
  }
  // A soup without formulas would test nothing.
  BOOST_TEST(parsed > 500);
  BOOST_TEST(evaluated > 300);
}
