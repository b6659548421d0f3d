// Guesses in words: every pattern is recognised, and unrelated numbers tell no story.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <autodiff/verify/check.hpp>
#include <autodiff/verify/hypothesis.hpp>
#include <autodiff/verify/random.hpp>

namespace {

using namespace gradus;
using Values = std::vector<double>;

const Values x{-1.3, 0.7, 2.1, -0.4, 1.9, 0.3};
const Values expected{0.37, -1.21, 0.83, 2.6, -0.054, 1.7};
const Values two_cotangents{0.8, -1.3};

std::string guess(const Values& got, const Values& truth = expected, const Values& cotangent = two_cotangents, const Values& at = x) {
  return hypothesis({.x = at, .cotangent = cotangent, .got = got, .expected = truth});
}
Values times(double factor, Values v) {
  for (double& e : v) e *= factor;
  return v;
}
bool says(const std::string& guess, const std::string& words) {
  if (guess.find(words) != std::string::npos) return true;
  BOOST_TEST_MESSAGE("guessed: " << guess);
  return false;
}

BOOST_AUTO_TEST_CASE(the_right_gradient_has_no_story) { BOOST_TEST(guess(expected).empty()); }

BOOST_AUTO_TEST_CASE(factors) {
  BOOST_TEST(says(guess(times(-1, expected)), "-1 times the expected: a sign"));
  BOOST_TEST(says(guess(times(2, expected)), "counted twice"));
  BOOST_TEST(says(guess(times(0.5, expected)), "1/2 of the expected"));
  BOOST_TEST(says(guess(times(6, expected)), "6 times the expected, the number of inputs"));
  BOOST_TEST(says(guess(times(1.0 / 6, expected)), "1/6 of the expected, the number of inputs"));
  BOOST_TEST(says(guess(times(1.2, expected)), "divided by n - 1"));
  BOOST_TEST(says(guess(times(3, expected), expected, {0.3, 1.1, -0.6}), "3 times the expected, the number of results"));
  BOOST_TEST(says(guess(times(1.37, expected)), "1.37 times"));
  BOOST_TEST(says(guess(times(0, expected)), "zero: no contribution"));
}

BOOST_AUTO_TEST_CASE(one_number_is_only_a_maybe) {
  BOOST_TEST(guess({-0.37}, {0.37}, {1.0}, {0.2}).starts_with("maybe -1 times"));
  BOOST_TEST(guess({0.74}, {0.37}, {1.0}, {0.2}).starts_with("maybe 2 times"));
  BOOST_TEST(says(guess({0.2}, {0.37}, {1.0}, {0.2}), "maybe x itself"));
  BOOST_TEST(says(guess({1.0}, {0.37}, {1.0}, {0.2}), "maybe exactly 1"));
  BOOST_TEST(guess({0.5}, {0.37}, {1.0}, {0.2}).empty());
}

BOOST_AUTO_TEST_CASE(contributions_of_results) {
  const Values a{0.3, -0.2, 0.9, 0.4, -1.1, 0.6}, b{1.2, 0.7, -0.5, 0.1, 0.8, -0.9}, c{-0.15, 0.25, 0.35, 1.45, 0.55, 0.65}, w{0.8, -1.3, 0.6};
  Values sum(6), without_last(6), without_middle(6), ignored(6), squared(6), modulus(6);
  for (std::size_t i = 0; i < 6; ++i) {
    sum[i] = a[i] + b[i] + c[i];
    without_last[i] = a[i] + b[i];
    without_middle[i] = a[i] + c[i];
    ignored[i] = a[i] / w[0] + b[i] / w[1] + c[i] / w[2];
    squared[i] = a[i] * w[0] + b[i] * w[1] + c[i] * w[2];
    modulus[i] = a[i] - b[i] + c[i];
  }
  const auto of = [&](const Values& got) { return hypothesis({.x = x, .cotangent = w, .got = got, .expected = sum, .contributions = {a, b, c}}); };
  BOOST_TEST(says(of(c), "the last contribution only: \"=\" where \"+=\" is needed"));
  BOOST_TEST(says(of(a), "the first contribution only"));
  BOOST_TEST(says(of(without_last), "all contributions but the last"));
  BOOST_TEST(says(of(without_middle), "all contributions but that of result [1]"));
  BOOST_TEST(says(of(ignored), "the cotangent is ignored"));
  BOOST_TEST(says(of(squared), "the cotangent is applied twice"));
  BOOST_TEST(says(of(modulus), "the contribution of result [1] has the wrong sign"));
  BOOST_TEST(says(of(times(-1, sum)), "a sign"));
}

BOOST_AUTO_TEST_CASE(one_result_and_its_cotangent) {
  BOOST_TEST(says(guess(times(1 / 1.37, expected), expected, {1.37}), "the cotangent is ignored"));
  BOOST_TEST(says(guess(times(1.37, expected), expected, {1.37}), "the cotangent is applied twice"));
  BOOST_TEST(says(guess({0.9, -1.4, 1.2}, {0.2, 0.3, 0.4}, {0.9, -1.4, 1.2}, {1.5, 2.5, 3.5}), "the cotangent itself"));
}

BOOST_AUTO_TEST_CASE(entries_out_of_order) {
  BOOST_TEST(says(guess({1.7, -0.054, 2.6, 0.83, -1.21, 0.37}), "reverse order"));
  BOOST_TEST(says(guess({-1.21, 0.83, 2.6, -0.054, 1.7, 0.37}), "rotated by 1"));
  BOOST_TEST(says(guess({0.37, 2.6, -1.21, -0.054, 0.83, 1.7}), "transposed, as a 2x3 matrix"));
  BOOST_TEST(says(guess({0.37, 0.83, -0.054, -1.21, 2.6, 1.7}), "transposed, as a 3x2 matrix"));
  BOOST_TEST(says(guess({0.37, 2.6, 0.83, -1.21, -0.054, 1.7}), "entries [1] and [3] are swapped"));
}

// c = a b of two 3x3 matrices; the rule for a or b is the given one instead of dA = W Bt, dB = At W.
using Matrix9 = std::function<double(const double* a, const double* b, const double* w, std::size_t i, std::size_t j)>;
std::string product_guess(const Matrix9& for_a, const Matrix9& for_b) {
  const VectorOp op{.name = "product", .operands = {"a", "b"},
                    .value = [](auto in) {
                      Values c(9, 0.0);
                      for (std::size_t i = 0; i < 3; ++i)
                        for (std::size_t j = 0; j < 3; ++j)
                          for (std::size_t k = 0; k < 3; ++k) c[3 * i + j] += in[0][3 * i + k] * in[1][3 * k + j];
                      return c;
                    },
                    .pullback = [&](auto in, auto w, auto gradients) {
                      for (std::size_t i = 0; i < 3; ++i)
                        for (std::size_t j = 0; j < 3; ++j) {
                          gradients[0][3 * i + j] += for_a(in[0].data(), in[1].data(), w.data(), i, j);
                          gradients[1][3 * i + j] += for_b(in[0].data(), in[1].data(), w.data(), i, j);
                        }
                    }};
  return describe(check(op, std::vector<Values>{{0.7, -1.1, 0.2, 1.9, 0.4, -0.6, -1.3, 0.9, 1.6}, {-0.3, 1.2, 0.8, 0.5, -1.7, 1.1, 2.1, -0.9, 0.6}}));
}
double sum3(const std::function<double(std::size_t)>& term) { return term(0) + term(1) + term(2); }

BOOST_AUTO_TEST_CASE(matrices_in_the_wrong_order) {
  const Matrix9 da = [](const double*, const double* b, const double* w, std::size_t i, std::size_t j) { return sum3([&](std::size_t k) { return w[3 * i + k] * b[3 * j + k]; }); };
  const Matrix9 db = [](const double* a, const double*, const double* w, std::size_t i, std::size_t j) { return sum3([&](std::size_t k) { return a[3 * k + i] * w[3 * k + j]; }); };
  BOOST_TEST(product_guess(da, db).starts_with("PASS"));
  const auto transposed = [](const Matrix9& m) -> Matrix9 { return [m](const double* a, const double* b, const double* w, std::size_t i, std::size_t j) { return m(a, b, w, j, i); }; };
  BOOST_TEST(says(product_guess(transposed(da), db), "the expected entries of a transposed, as a 3x3 matrix"));
  BOOST_TEST(says(product_guess(da, transposed(db)), "the expected entries of b transposed, as a 3x3 matrix"));
  const Matrix9 b_for_its_transpose = [](const double*, const double* b, const double* w, std::size_t i, std::size_t j) { return sum3([&](std::size_t k) { return w[3 * i + k] * b[3 * k + j]; }); };
  BOOST_TEST(says(product_guess(b_for_its_transpose, db), "the transposed Jacobian of a"));
  const Matrix9 a_for_its_transpose = [](const double* a, const double*, const double* w, std::size_t i, std::size_t j) { return sum3([&](std::size_t k) { return a[3 * i + k] * w[3 * k + j]; }); };
  BOOST_TEST(says(product_guess(da, a_for_its_transpose), "the transposed Jacobian of b"));
  const Matrix9 swapped_factors = [](const double*, const double* b, const double* w, std::size_t i, std::size_t j) { return sum3([&](std::size_t k) { return b[3 * k + i] * w[3 * k + j]; }); };
  BOOST_TEST(says(product_guess(swapped_factors, db), "the factors of a product of matrices in the wrong order, in the gradient of a"));
  const Matrix9 w_transposed = [](const double*, const double* b, const double* w, std::size_t i, std::size_t j) { return sum3([&](std::size_t k) { return w[3 * k + i] * b[3 * j + k]; }); };
  BOOST_TEST(says(product_guess(w_transposed, db), "the gradient of a for the cotangent transposed, as a 3x3 matrix"));
}

BOOST_AUTO_TEST_CASE(vectors_in_the_wrong_order) {
  // y = s x^2, where s is a vector too, each element beside that of x.
  const auto op = [](auto place) {
    return VectorOp{.name = "scaled_square", .operands = {"x", "s"},
                    .value = [](auto in) {
                      Values y;
                      for (std::size_t i = 0; i < in[0].size(); ++i) y.push_back(in[1][i] * in[0][i] * in[0][i]);
                      return y;
                    },
                    .pullback = [place](auto in, auto w, auto gradients) {
                      const std::size_t n = w.size();
                      for (std::size_t i = 0; i < n; ++i) {
                        const auto [to, from] = place(i, n);
                        gradients[0][to] += 2 * in[1][i] * in[0][i] * w[from];
                        gradients[1][i] += in[0][i] * in[0][i] * w[i];
                      }
                    }};
  };
  const std::vector<Values> at{{0.7, -1.1, 0.2, 1.9, 0.4}, {1.3, 0.6, -0.8, 0.5, 1.7}};
  const auto guess_of = [&](auto place) { return describe(check(op(place), at)); };
  using Place = std::pair<std::size_t, std::size_t>;
  BOOST_TEST(guess_of([](std::size_t i, std::size_t) { return Place{i, i}; }).starts_with("PASS"));
  BOOST_TEST(says(guess_of([](std::size_t i, std::size_t n) { return Place{n - 1 - i, i}; }), "the expected entries of x in reverse order"));
  BOOST_TEST(says(guess_of([](std::size_t i, std::size_t n) { return Place{(i + 1) % n, i}; }), "the expected entries of x rotated by 1"));
  BOOST_TEST(says(guess_of([](std::size_t i, std::size_t n) { return Place{i, n - 1 - i}; }), "the gradient of x for the cotangent in reverse order"));
  BOOST_TEST(says(guess_of([](std::size_t i, std::size_t n) { return Place{i, (i + 1) % n}; }), "the gradient of x for the cotangent rotated by 1"));
}

BOOST_AUTO_TEST_CASE(a_smooth_point_has_no_convention) {
  // x0 x1 x2 by the product over the factor, which is 0/0 at 0, guarded or not.
  const auto product = [](const std::vector<double>& v) { return v[0] * v[1] * v[2]; };
  const auto quotient = [&](bool guarded) {
    return describe(check(product, [&, guarded](const std::vector<double>& v) {
      Values g;
      for (const double t : v) g.push_back(guarded && t == 0 ? 0 : product(v) / t);
      return g;
    }, {0.0, 1.3, -0.7}));
  };
  for (const bool guarded : {true, false}) BOOST_TEST(quotient(guarded).find("convention") == std::string::npos, quotient(guarded));
  BOOST_TEST(says(quotient(false), "0 divided by 0"));
  Subject s;
  s.value = [](Subject::View at) { return Values{at[0] * at[0] * at[0] + 2 * at[0]}; };
  s.pullback = [](Subject::View at, Subject::View w) { return Values{at[0] == 0 ? 0 : w[0] * (3 * at[0] * at[0] + 2)}; };
  BOOST_TEST(says(describe(check_everywhere(s, 1)), "wrong only at x = 0, where the function is smooth"));
  Subject corner;
  corner.value = [](Subject::View at) { return Values{std::fabs(at[0])}; };
  corner.pullback = [](Subject::View at, Subject::View w) { return Values{at[0] == 0 ? 2 * w[0] : std::copysign(w[0], at[0])}; };
  corner.witnesses.push_back({"closed form", [](Subject::View at, Subject::View w) { return Subject::Expected{{at[0] == 0 ? 0 : std::copysign(w[0], at[0])}, {0}, {}}; }});
  BOOST_TEST(says(describe(check_everywhere(corner, 1)), "wrong only at x = 0: the convention at the kink"));
}

BOOST_AUTO_TEST_CASE(regions_of_x) {
  BOOST_TEST(says(guess({0.3, -1.21, 0.83, 2.2, -0.054, 1.7}), "wrong only where x < 0"));
  BOOST_TEST(says(guess({-0.37, -1.21, 0.83, -2.6, -0.054, 1.7}), "a sign; only where x < 0"));
  BOOST_TEST(says(guess({0.37, 0, 0, 2.6, 0, 0}), "zero; only where x > 0"));
  BOOST_TEST(says(guess({0.5, 0, 1}, {0, 0, 1}, {0.7, 0.9, 1.1}, {0.0, -1.0, 2.0}), "only at x = 0"));
  BOOST_TEST(says(guess({0.3, 0.2, 0.1, 0.0}, {0.3, 0.2, 0.1, 1e-9}, {1.2}, {1.0, 2.0, 3.0, 20.0}), "only for |x| >= 20"));
  BOOST_TEST(says(guess({0.37, -1.21, 0.83, 2.6, -0.054, 1.1}), "only entry [5] is wrong, the last"));
}

BOOST_AUTO_TEST_CASE(regions_of_other_points) {
  const auto of = [](std::vector<Evidence::Sample> samples) {
    const Values at{9.5}, w{1.1}, got{0.25}, truth{0.37};
    return hypothesis({.x = at, .cotangent = w, .got = got, .expected = truth, .samples = std::move(samples)});
  };
  BOOST_TEST(says(of({{-3, true}, {8, true}, {9.5, false}, {1, true}, {-12, false}}), "right for |x| <= 8, wrong beyond"));
  BOOST_TEST(says(of({{3, true}, {8, true}, {-9.5, false}, {1, true}, {-0.2, false}, {2, true}, {4, true}, {0.3, true}, {7, true}, {0.1, true}, {-4, false}, {-1, false}}), "wrong only where x < 0"));
  BOOST_TEST(says(of({{3, true}, {-8, true}, {0, false}, {1, true}}), "wrong only at x = 0"));
  BOOST_TEST(says(of({{3, true}, {-2, true}, {-9, false}, {-12, false}, {20, true}}), "right for x >= -2, wrong below"));
  BOOST_TEST(of({{3, true}, {-2, false}, {-9, true}, {12, false}, {20, true}}).empty());
}

BOOST_AUTO_TEST_CASE(values_that_betray_themselves) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(says(guess({0.37, nan, 0.83, 2.6, -0.054, 1.7}), "NaN where a number is expected, in entry [1]"));
  BOOST_TEST(says(guess({0.37, infinity, 0.83, 2.6, -0.054, 1.7}), "infinite where a number is expected"));
  BOOST_TEST(says(guess({nan, 1.0}, {0.5, 1.0}, {1.1}, {0.0, 2.0}), "at x = 0"));
  BOOST_TEST(says(guess(x), "x itself instead of the derivative"));
  BOOST_TEST(says(guess(Values(6, 1.0)), "exactly 1"));
  Values shifted = expected;
  for (double& v : shifted) v += 0.01;
  BOOST_TEST(says(guess(shifted), "the constant 0.01 is added"));
}

BOOST_AUTO_TEST_CASE(lost_digits) {
  Values as_float = expected, guarded = expected, rough = expected;
  for (double& v : as_float) v = static_cast<double>(static_cast<float>(v));
  BOOST_TEST(says(guess(as_float), "every entry is a float"));
  for (std::size_t i = 0; i < 6; ++i) guarded[i] *= 1 + 1e-6;
  BOOST_TEST(says(guess(guarded), "a constant relative error of 1e-06"));
  for (std::size_t i = 0; i < 6; ++i) rough[i] *= 1 + 3e-8 * std::sin(10.0 * x[i]);
  BOOST_TEST(says(guess(rough), "the precision of a float"));
}

BOOST_AUTO_TEST_CASE(unrelated_numbers_tell_no_story) {
  Random random(0x5eed);
  BOOST_TEST_MESSAGE("seed 0x5eed");
  std::size_t stories = 0;
  std::string example;
  for (int trial = 0; trial < 100000; ++trial) {
    const std::size_t n = 1 + random.below(6), m = 1 + random.below(4);
    const auto numbers = [&](std::size_t k) {
      Values v(k);
      for (double& e : v) e = random.normal();
      return v;
    };
    const Values at = numbers(n), w = numbers(m), got = numbers(n);
    std::vector<Values> parts;
    Values sum(n, 0.0);
    for (std::size_t j = 0; j < m; ++j) {
      parts.push_back(numbers(n));
      for (std::size_t i = 0; i < n; ++i) sum[i] += parts[j][i];
    }
    std::vector<Evidence::Sample> samples;
    for (std::size_t k = random.below(5); k-- > 0;) samples.push_back({random.normal(), false});
    if (trial % 2 == 0) parts.clear();
    const std::string story = hypothesis({.x = at, .cotangent = w, .got = got, .expected = sum, .contributions = parts, .samples = samples});
    if (!story.empty()) { ++stories; example = story; }
  }
  BOOST_TEST(stories == 0u, example);
}

}  // namespace
