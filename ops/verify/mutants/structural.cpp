// Rules that are right as formulas, and wrong in how they are carried out.
#include <ops/verify/mutants/family.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace gradus::mutation {
namespace {

using Recorded = std::function<Values(View w)>;

void add_graphs(std::vector<Family>& all) {
  Family square = family("x * x", 2, 2, map([](const auto& x) { return x * x; }), each([](double x) { return 2 * x; }), diagonal([](const BigFloat& x, auto term) { term(2 * x); }));
  square.mutant("one of two uses", each([](double x) { return x; }));
  all.push_back(std::move(square));

  // y = u/(1+u) + u with u = x^2: u is used twice.
  const auto through = [](double x) { return 1 / ((1 + x * x) * (1 + x * x)); };
  Family diamond = family("diamond", 2, 2, map([](const auto& x) { const auto u = x * x; return u / (1 + u) + u; }), each([=](double x) { return 2 * x * (through(x) + 1); }),
                          diagonal([](const BigFloat& x, auto term) { const BigFloat v = 1 + x * x; term(2 * x / (v * v)); term(2 * x); }));
  diamond.mutant("node swept once for each use", each([=](double x) { return 2 * x * (2 * through(x) + 1); }))
      .mutant("wrong order: swept before its last use", each([](double x) { return 2 * x; }));
  all.push_back(std::move(diamond));

  Family product = family("x / (1 + x^2) times x", 2, 2, map([](const auto& x) { return x / (1 + x * x) * x; }), each([](double x) { const double v = 1 + x * x; return 2 * x / v / v; }),
                          diagonal([](const BigFloat& x, auto term) { const BigFloat v = 1 + x * x; term(2 * x / (v * v)); }));
  product.mutant("detached edge", each([](double x) { return x / (1 + x * x); }));
  all.push_back(std::move(product));

  Family small = family("large and small term", 2, 1, [](const auto& x) { using std::sin, std::cos; auto y = x; y.assign(1, sin(x[0]) * x[1] + 1e-8 * cos(x[0])); return y; },
                        [](View x, View w) { return Values{w[0] * (std::cos(x[0]) * x[1] - 1e-8 * std::sin(x[0])), w[0] * std::sin(x[0])}; },
                        [](const BigVector& x, BigJacobian& jacobian) {
                          jacobian.add(0, 0, cos(x[0]) * x[1]);
                          jacobian.add(0, 0, -1e-8 * sin(x[0]));
                          jacobian.add(0, 1, sin(x[0]));
                        });
  small.mutant("sign flip in a term scaled by 1e-8", [](View x, View w) { return Values{w[0] * (std::cos(x[0]) * x[1] + 1e-8 * std::sin(x[0])), w[0] * std::sin(x[0])}; });
  all.push_back(std::move(small));

  // x sqrt(x) right of 0, else 0. The branch that was not taken is multiplied by 0, and is NaN.
  Family branch = family("branch", 2, 2, map([](const auto& x) { using std::sqrt; return x > 0 ? x * sqrt(x) : 0 * x; }), each([](double x) { return x > 0 ? 1.5 * std::sqrt(x) : 0; }),
                         diagonal([](const BigFloat& x, auto term) { term(x > 0 ? 1.5 * sqrt(x) : BigFloat(0)); }), {{-1, 2}, {-1e-8, 0}});
  branch.mutant("NaN from a dead branch", each([](double x) { return (x > 0 ? 1 : 0) * 1.5 * std::sqrt(x); }));
  all.push_back(std::move(branch));
}

/// y_i = x_i^2 x_(i+1): a right rule, to be carried out wrongly.
void add_carelessness(std::vector<Family>& all) {
  constexpr std::size_t n = 3;
  const auto forward = [](const auto& x) {
    auto y = x;
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] * x[i] * x[(i + 1) % n];
    return y;
  };
  const Pullback right = [](View x, View w) {
    Values g(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      g[i] += w[i] * 2 * x[i] * x[(i + 1) % n];
      g[(i + 1) % n] += w[i] * x[i] * x[i];
    }
    return g;
  };
  const Textbook book = [](const BigVector& x, BigJacobian& jacobian) {
    for (std::size_t i = 0; i < n; ++i) {
      jacobian.add(i, i, 2 * x[i] * x[(i + 1) % n]);
      jacobian.add(i, (i + 1) % n, x[i] * x[i]);
    }
  };
  Family f = family("chain of products", n, n, forward, right, book);
  f.right.accumulate = [right](View x, View w, std::span<double> gradient) {
    const Values g = right(x, w);
    for (std::size_t i = 0; i < n; ++i) gradient[i] += g[i];
  };
  f.right.record = [right](View x) -> Recorded { return [right, saved = Values(x.begin(), x.end())](View w) { return right(saved, w); }; };
  f.right.hessian_vector = [](View x, View w, View v) {
    Values h(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t next = (i + 1) % n;
      h[i] += w[i] * 2 * (x[next] * v[i] + x[i] * v[next]);
      h[next] += w[i] * 2 * x[i] * v[i];
    }
    return h;
  };
  f.mutant("cotangent ignored", [=](View x, View w) { return right(x, Values(w.size(), 1.0)); })
      .mutant("cotangent squared", [=](View x, View w) {
        Values squared(w.begin(), w.end());
        for (double& v : squared) v *= v;
        return right(x, squared);
      })
      .mutant("cotangent mutated", [=](View x, View w) {
        Values g = right(x, w);
        for (const double& v : w) const_cast<double&>(v) *= 0.5;  // as in a library that scales in place
        return g;
      })
      .mutant("not zeroed between sweeps", [=, buffer = Memory<Values>()](View x, View w) {
        Values& sum = *buffer.cell;
        sum.resize(n, 0.0);
        const Values g = right(x, w);
        for (std::size_t i = 0; i < n; ++i) sum[i] += g[i];
        return sum;
      })
      .mutant("assigns to a gradient that is not empty", [=](Subject& s) {
        s.accumulate = [right](View x, View w, std::span<double> gradient) {
          const Values g = right(x, w);
          std::copy(g.begin(), g.end(), gradient.begin());
        };
      })
      .mutant("stale primal: another recording's values", [=](Subject& s) {
        s.record = [right, last = Memory<Values>()](View x) -> Recorded {
          last.cell->assign(x.begin(), x.end());
          return [right, values = last.cell](View w) { return right(*values, w); };
        };
      })
      .mutant("stale primal: reads x after the caller changed it", [=](Subject& s) {
        s.record = [right](View x) -> Recorded { return [right, x](View w) { return right(x, w); }; };
      })
      .mutant("nondeterministic", [=, calls = Memory<std::size_t>()](View x, View w) {
        Values g = right(x, w);
        for (double& v : g) v *= 1 + 1e-9 * static_cast<double>(++*calls.cell % 7);  // a race, in miniature
        return g;
      })
      .mutant("detached second order", [](Subject& s) {
        s.hessian_vector = [](View x, View w, View v) {
          Values h(n, 0.0);
          for (std::size_t i = 0; i < n; ++i) h[i] = w[i] * 2 * x[(i + 1) % n] * v[i];
          return h;
        };
      });
  all.push_back(std::move(f));
}

/// So many results that nobody asks for them one by one: rules that take the cotangent of an unused result for a sign to stop.
void add_many_results(std::vector<Family>& all) {
  constexpr std::size_t n = 12;
  const auto forward = [](const auto& x) {
    auto y = x;
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] * x[i] * x[(i + 1) % n];
    return y;
  };
  const auto rule = [](auto goes_on) {
    return [goes_on](View x, View w) {
      Values g(n, 0.0);
      for (std::size_t i = 0; i < n && goes_on(w, i); ++i) {
        g[i] += w[i] * 2 * x[i] * x[(i + 1) % n];
        g[(i + 1) % n] += w[i] * x[i] * x[i];
      }
      return g;
    };
  };
  Family f = family("twelve results", n, n, forward, rule([](View, std::size_t) { return true; }), [](const BigVector& x, BigJacobian& jacobian) {
    for (std::size_t i = 0; i < n; ++i) {
      jacobian.add(i, i, 2 * x[i] * x[(i + 1) % n]);
      jacobian.add(i, (i + 1) % n, x[i] * x[i]);
    }
  });
  f.mutant("stops at the first unused result", rule([](View w, std::size_t i) { return w[i] != 0; }));
  f.mutant("skips all when the first result is unused", rule([](View w, std::size_t) { return w[0] != 0; }));
  all.push_back(std::move(f));
}

void add_dropout(std::vector<Family>& all) {
  constexpr std::size_t n = 4;
  const auto mask = [](std::uint64_t seed) {
    Random random(seed);
    std::array<double, n> m;
    for (double& v : m) v = random.uniform(0, 1) < 0.5 ? 0 : 2;
    m[0] = seed == 7 ? 2 : 0;  // two draws that differ for certain
    return m;
  };
  const auto with = [=](std::uint64_t seed) {
    return [m = mask(seed)](View, View w) {
      Values g(n);
      for (std::size_t i = 0; i < n; ++i) g[i] = w[i] * m[i];
      return g;
    };
  };
  Family f = family("seeded dropout", n, n, [m = mask(7)](const auto& x) { auto y = x; for (std::size_t i = 0; i < n; ++i) y[i] *= m[i]; return y; }, with(7),
                    [m = mask(7)](const BigVector&, BigJacobian& jacobian) { for (std::size_t i = 0; i < n; ++i) jacobian.add(i, i, m[i]); });
  f.mutant("mask of another draw", with(8));
  all.push_back(std::move(f));
}

}  // namespace

void add_structural(std::vector<Family>& all) {
  add_graphs(all);
  add_carelessness(all);
  add_many_results(all);
  add_dropout(all);
}

}  // namespace gradus::mutation
