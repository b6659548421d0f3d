// Wrong rules of arithmetic: products, quotients, matrices, broadcasts, means, powers.
#include <ops/verify/mutants/family.hpp>

#include <limits>

namespace gradus::mutation {
namespace {

/// A function of two numbers with one result; the rule gives both derivatives.
template <class F, class Rule, class Book>
Family binary(const std::string& name, F f, Rule rule, Book book, std::vector<Values> points = {}) {
  Family made = family(name, 2, 1, [f](const auto& x) { auto y = x; y.assign(1, f(x[0], x[1])); return y; }, [rule](View x, View w) { const auto [da, db] = rule(x[0], x[1]); return Values{w[0] * da, w[0] * db}; },
                       [book](const BigVector& x, BigJacobian& jacobian) {
                         const auto [da, db] = book(x[0], x[1]);
                         jacobian.add(0, 0, da);
                         jacobian.add(0, 1, db);
                       }, std::move(points));
  made.right.inputs = {"a", "b"};
  return made;
}
using Pair = std::pair<double, double>;
using BigPair = std::pair<BigFloat, BigFloat>;
template <class Rule> Pullback two(Rule rule) {
  return [rule](View x, View w) { const Pair d = rule(x[0], x[1]); return Values{w[0] * d.first, w[0] * d.second}; };
}

void add_products(std::vector<Family>& all) {
  Family product = binary("product", [](const auto& a, const auto& b) { return a * b; }, [](double a, double b) { return Pair(b, a); },
                          [](const BigFloat& a, const BigFloat& b) { return BigPair(b, a); }, {{0, 0}, {1e-150, 1e150}, {-0.0, 3}});
  product.mutant("swapped", two([](double a, double b) { return Pair(a, b); })).mutant("db missing", two([](double, double b) { return Pair(b, 0); }));
  all.push_back(std::move(product));

  Family difference = binary("difference", [](const auto& a, const auto& b) { return a - b; }, [](double, double) { return Pair(1, -1); },
                             [](const BigFloat&, const BigFloat&) { return BigPair(1, -1); }, {{1, 1}, {1e16, 1}});
  difference.mutant("sign of db", two([](double, double) { return Pair(1, 1); }));
  all.push_back(std::move(difference));

  Family quotient = binary("quotient", [](const auto& a, const auto& b) { return a / b; }, [](double a, double b) { return Pair(1 / b, -(a / b) / b); },
                           [](const BigFloat& a, const BigFloat& b) { return b == 0 ? BigPair(BigFloat::quiet_NaN(), BigFloat::quiet_NaN()) : BigPair(1 / b, -a / (b * b)); }, {{0, 2}, {3, 1e-8}, {-2, -1e6}});
  quotient.mutant("db a/b", two([](double a, double b) { return Pair(1 / b, a / b); }))
      .mutant("db of the wrong sign", two([](double a, double b) { return Pair(1 / b, a / b / b); }))
      .mutant("da b", two([](double a, double b) { return Pair(b, -a / b / b); }));
  all.push_back(std::move(quotient));
}

/// A and B of 2x2, row-major.
void add_matmul(std::vector<Family>& all) {
  constexpr std::size_t n = 2, size = n * n;
  // sum over k of p(i,k) q(k,j), each perhaps transposed
  const auto times = [](View p, bool p_transposed, View q, bool q_transposed) {
    Values r(size, 0.0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < n; ++k) r[i * n + j] += (p_transposed ? p[k * n + i] : p[i * n + k]) * (q_transposed ? q[j * n + k] : q[k * n + j]);
    return r;
  };
  const auto joined = [](Values a, const Values& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  const auto forward = [](const auto& x) {
    auto y = x;
    y.assign(size, 0 * x[0]);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < n; ++k) y[i * n + j] += x[i * n + k] * x[size + k * n + j];
    return y;
  };
  const Textbook book = [](const BigVector& x, BigJacobian& jacobian) {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < n; ++k) {
          jacobian.add(i * n + j, i * n + k, x[size + k * n + j]);
          jacobian.add(i * n + j, size + k * n + j, x[i * n + k]);
        }
  };
  const auto a = [](View x) { return x.subspan(0, size); };
  const auto b = [](View x) { return x.subspan(size, size); };
  Family f = family("matmul", 2 * size, size, forward, [=](View x, View w) { return joined(times(w, false, b(x), true), times(a(x), true, w, false)); }, book);
  f.mutant("B for B transposed", [=](View x, View w) { return joined(times(w, false, b(x), false), times(a(x), true, w, false)); })
      .mutant("roles swapped", [=](View x, View w) { return joined(times(a(x), true, w, false), times(w, false, b(x), true)); })
      .mutant("dB missing", [=](View x, View w) { return joined(times(w, false, b(x), true), Values(size, 0.0)); });
  all.push_back(std::move(f));
}

void add_broadcast_and_mean(std::vector<Family>& all) {
  constexpr std::size_t n = 3;
  const auto sum = [](View w) { return w[0] + w[1] + w[2]; };
  const auto with = [](auto bias) { return [bias](View, View w) { return Values{w[0], w[1], w[2], bias(w)}; }; };
  Family broadcast = family("broadcast", n + 1, n, [](const auto& x) { auto y = x; y.pop_back(); for (auto& v : y) v += x[n]; return y; }, with(sum),
                            [](const BigVector&, BigJacobian& jacobian) {
                              for (std::size_t i = 0; i < n; ++i) {
                                jacobian.add(i, i, 1);
                                jacobian.add(i, n, 1);
                              }
                            });
  broadcast.mutant("not summed", with([](View w) { return w[0]; })).mutant("averaged", with([sum](View w) { return sum(w) / n; }));
  all.push_back(std::move(broadcast));

  constexpr std::size_t count = 5;
  const auto over = [](double divisor) { return [divisor](View, View w) { return Values(count, w[0] / divisor); }; };
  Family mean = family("mean", count, 1, [](const auto& x) { auto y = x; y.resize(1); for (std::size_t i = 1; i < count; ++i) y[0] += x[i]; y[0] /= static_cast<double>(count); return y; }, over(count),
                       [](const BigVector&, BigJacobian& jacobian) { for (std::size_t i = 0; i < count; ++i) jacobian.add(0, i, BigFloat(1) / static_cast<double>(count)); });
  mean.mutant("1/n missing", over(1)).mutant("1/(n - 1)", over(count - 1));
  all.push_back(std::move(mean));
}

void add_powers(std::vector<Family>& all) {
  const std::vector<Domain> positive(2, Domain{.low = 0});
  Family log = family("log", 2, 2, map([](const auto& x) { using std::log; return log(x); }), each([](double x) { return 1 / x; }),
                      diagonal([](const BigFloat& x, auto term) { term(1 / x); }), {{1e-10, 1e-6}, {1e-300, 1}, {1e300, 2}});
  log.right.domain = std::vector<Domain>(2, Domain{.low = 1e-307});  // below, 1/x overflows
  log.mutant("guard leak 1/(x + 1e-12)", each([](double x) { return 1 / (x + 1e-12); }));
  all.push_back(std::move(log));

  Family root = family("sqrt", 2, 2, map([](const auto& x) { using std::sqrt; return sqrt(x); }), each([](double x) { return 0.5 / std::sqrt(x); }),
                       diagonal([](const BigFloat& x, auto term) { term(1 / (2 * sqrt(x))); }), {{1e-10, 1e-6}, {1e-300, 1}, {1e300, 2}});
  root.right.domain = positive;
  root.mutant("1/2 missing", each([](double x) { return 1 / std::sqrt(x); }));
  all.push_back(std::move(root));

  Family cube = family("cube", 2, 2, map([](const auto& x) { return x * x * x; }), each([](double x) { return 3 * x * x; }),
                       diagonal([](const BigFloat& x, auto term) { term(3 * x * x); }), {{0, -0.0}, {1e-5, -2}});
  cube.mutant("x^2", each([](double x) { return x * x; })).mutant("3x", each([](double x) { return 3 * x; }));
  all.push_back(std::move(cube));
}

}  // namespace

void add_arithmetic(std::vector<Family>& all) {
  add_products(all);
  add_matmul(all);
  add_broadcast_and_mean(all);
  add_powers(all);
}

}  // namespace gradus::mutation
