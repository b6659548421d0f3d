// Wrong rules of relu, leaky_relu, abs, prelu, elu and maxout: masks, branches, ties.
#include <ops/verify/mutants/family.hpp>

#include <algorithm>
#include <limits>

namespace gradus::mutation {
namespace {

const std::vector<Values> around_zero{{0, -0.0, 1}, {1e-12, -1e-12, 0}, {5e-4, -5e-4, 0.2}, {1e-300, -1e-300, -3}, {0.3, 0.45, -0.1}};

void add_relu(std::vector<Family>& all) {
  Family f = family("relu", 3, 3, map([](const auto& x) { return x > 0 ? x : 0 * x; }), each([](double x) { return x > 0 ? 1.0 : 0.0; }),
                    diagonal([](const BigFloat& x, auto term) { term(x > 0 ? 1 : 0); }), around_zero);
  const auto at_zero = [](double value) { return each([=](double x) { return x == 0 ? value : x > 0 ? 1.0 : 0.0; }); };
  f.mutant("always 1", each([](double) { return 1.0; }))
      .mutant("sign(x)", each([](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }))
      .mutant("returns x", each([](double x) { return x > 0 ? x : 0.0; }))
      .mutant("threshold 1e-3", each([](double x) { return x > 1e-3 ? 1.0 : 0.0; }))
      .mutant("1 at 0", at_zero(1))
      .mutant("1/2 at 0", at_zero(0.5))
      .mutant("NaN at 0", at_zero(std::numeric_limits<double>::quiet_NaN()));
  all.push_back(std::move(f));

  // relu(x) - 1/2, in place: the mask is read from the buffer after the subtraction.
  Family in_place = family("relu, then minus 1/2", 3, 3, map([](const auto& x) { return (x > 0 ? x : 0 * x) - 0.5; }), each([](double x) { return x > 0 ? 1.0 : 0.0; }),
                           diagonal([](const BigFloat& x, auto term) { term(x > 0 ? 1 : 0); }), around_zero);
  in_place.mutant("mask read after an overwrite", each([](double x) { return std::max(x, 0.0) - 0.5 > 0 ? 1.0 : 0.0; }));
  all.push_back(std::move(in_place));
}

void add_leaky_relu(std::vector<Family>& all) {
  constexpr double slope = 0.01;
  const auto rule = [](double negative, double positive) { return each([=](double x) { return x > 0 ? positive : negative; }); };
  Family f = family("leaky_relu", 3, 3, map([](const auto& x) { return x > 0 ? x : slope * x; }), rule(slope, 1),
                    diagonal([](const BigFloat& x, auto term) { term(x > 0 ? BigFloat(1) : BigFloat(slope)); }), around_zero);
  f.mutant("slope 0", rule(0, 1)).mutant("slope doubled", rule(2 * slope, 1)).mutant("slope negated", rule(-slope, 1)).mutant("branches swapped", rule(1, slope));
  all.push_back(std::move(f));
}

void add_abs(std::vector<Family>& all) {
  Family f = family("abs", 3, 3, map([](const auto& x) { using std::abs; return abs(x); }), each([](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }),
                    diagonal([](const BigFloat& x, auto term) { term(x > 0 ? 1 : x < 0 ? -1 : 0); }), around_zero);
  f.mutant("always 1", each([](double) { return 1.0; }))
      .mutant("0 for x < 0", each([](double x) { return x > 0 ? 1.0 : 0.0; }))
      .mutant("1 at 0", each([](double x) { return x >= 0 ? 1.0 : -1.0; }))
      .mutant("NaN at 0: x / |x|", each([](double x) { return x / std::fabs(x); }));
  all.push_back(std::move(f));
}

/// x is four elements of two channels, in turn; then the two slopes.
void add_prelu(std::vector<Family>& all) {
  constexpr std::size_t elements = 4, channels = 2;
  const auto forward = [](const auto& v) {
    auto y = v;
    y.resize(elements);
    for (std::size_t i = 0; i < elements; ++i)
      if (!(v[i] > 0)) y[i] = v[elements + i % channels] * v[i];
    return y;
  };
  // The gradient of x, then how the slopes' is put together.
  const auto with = [](auto dx, auto add_slope) {
    return [=](View v, View w) {
      Values g(elements + channels, 0.0);
      for (std::size_t i = 0; i < elements; ++i) {
        const std::size_t c = elements + i % channels;
        g[i] = w[i] * dx(v[i], v[c]);
        add_slope(g, c, v, w, i);
      }
      return g;
    };
  };
  const auto dx = [](double x, double a) { return x > 0 ? 1 : a; };
  const auto da = [](Values& g, std::size_t c, View v, View w, std::size_t i) { if (v[i] < 0) g[c] += w[i] * v[i]; };
  const Textbook book = [](const BigVector& v, BigJacobian& jacobian) {
    for (std::size_t i = 0; i < elements; ++i) {
      const std::size_t c = elements + i % channels;
      jacobian.add(i, i, v[i] > 0 ? BigFloat(1) : v[c]);
      if (v[i] < 0) jacobian.add(i, c, v[i]);
    }
  };
  Family f = family("prelu", elements + channels, elements, forward, with(dx, da), book,
                    {{-1, 0.5, -2, -0.25, 0.25, 0.1}, {0, 0, -1, 2, 0.3, 0.9995}, {-3, -1, -0.5, -4, -0.2, 1.5}, {1e-12, -1e-12, 0, 3, 0.9995, 0.25}});
  f.right.inputs = {"x[0]", "x[1]", "x[2]", "x[3]", "a[0]", "a[1]"};
  f.mutant("slope missing", with(dx, [](auto&&...) {}))
      .mutant("slope counted for all x", with(dx, [](Values& g, std::size_t c, View v, View w, std::size_t i) { g[c] += w[i] * v[i]; }))
      .mutant("slope '=' for '+='", with(dx, [](Values& g, std::size_t c, View v, View w, std::size_t i) { if (v[i] < 0) g[c] = w[i] * v[i]; }))
      .mutant("slope negated", with(dx, [](Values& g, std::size_t c, View v, View w, std::size_t i) { if (v[i] < 0) g[c] -= w[i] * v[i]; }))
      .mutant("slope averaged", with(dx, [](Values& g, std::size_t c, View v, View w, std::size_t i) { if (v[i] < 0) g[c] += w[i] * v[i] / (elements / channels); }))
      .mutant("slope a x", with(dx, [](Values& g, std::size_t c, View v, View w, std::size_t i) { if (v[i] < 0) g[c] += w[i] * v[c] * v[i]; }))
      .mutant("stale a", with([](double x, double) { return x > 0 ? 1 : 0.25; }, da))
      .mutant("wrong channel", with(dx, [da](Values& g, std::size_t c, View v, View w, std::size_t i) { da(g, c == elements ? c + 1 : c - 1, v, w, i); }))
      .mutant("dx = 1", with([](double, double) { return 1.0; }, da));
  all.push_back(std::move(f));
}

void add_elu(std::vector<Family>& all) {
  constexpr double alpha = 1.5;
  const auto elu = [](const auto& x) { return x > 0 ? x : alpha * exp_minus_1(x); };
  const auto below = [](auto slope) { return each([=](double x) { return x > 0 ? 1.0 : slope(x); }); };
  Family f = family("elu", 3, 3, map(elu), below([](double x) { return alpha * std::exp(x); }),
                    diagonal([](const BigFloat& x, auto term) { term(x > 0 ? BigFloat(1) : alpha * exp(x)); }), {{0, -1, 2}, {-38, -30, -0.0}, {-700, 1e-12, -1e-12}, {-745, -60, 5}});
  f.mutant("elu + 1", below([](double x) { return alpha * std::expm1(x) + 1; }))
      .mutant("e^x", below([](double x) { return std::exp(x); }))
      .mutant("elu", below([](double x) { return alpha * std::expm1(x); }))
      .mutant("a e^-x", below([](double x) { return alpha * std::exp(-x); }))
      .mutant("a x e^x", below([](double x) { return alpha * x * std::exp(x); }))
      .mutant("1", below([](double) { return 1.0; }))
      .mutant("1 at 0", each([](double x) { return x >= 0 ? 1.0 : alpha * std::exp(x); }))
      .mutant("naive tail elu + a", below([](double x) { return alpha * std::expm1(x) + alpha; }));
  all.push_back(std::move(f));
}

/// Two units of three pieces each.
void add_maxout(std::vector<Family>& all) {
  constexpr std::size_t units = 2, pieces = 3;
  const auto forward = [](const auto& x) {
    auto y = x;
    y.clear();
    for (std::size_t u = 0; u < units; ++u) y.push_back(x[u * pieces + first_largest(&x[u * pieces], pieces)]);
    return y;
  };
  // weight(pieces of the unit, k): the share of piece k.
  const auto with = [](auto weight) {
    return [=](View x, View w) {
      Values g(units * pieces);
      for (std::size_t i = 0; i < g.size(); ++i) g[i] = w[i / pieces] * weight(x.subspan(i / pieces * pieces, pieces), i % pieces);
      return g;
    };
  };
  const auto largest = [](View v) { return first_largest(v.data(), pieces); };
  const auto is = [](bool b) { return b ? 1.0 : 0.0; };
  Family f = family("maxout", units * pieces, units, forward, with([=](View v, std::size_t k) { return is(k == largest(v)); }),
                    [](const BigVector& x, BigJacobian& jacobian) {
                      for (std::size_t u = 0; u < units; ++u) jacobian.add(u, u * pieces + first_largest(&x[u * pieces], pieces), 1);
                    },
                    {{1, 1, 0, 2, 2, 2}, {0, 3, 3, -1, -1, -2}, {1, 1 + 1e-12, 0.5, 1, 0, 1}, {0, 0, 0, 5, 4, 5}});
  f.mutant("all pieces", with([](View, std::size_t) { return 1.0; }))
      .mutant("first", with([=](View, std::size_t k) { return is(k == 0); }))
      .mutant("off by one", with([=](View v, std::size_t k) { return is(k == (largest(v) + 1) % pieces); }))
      .mutant("argmin", with([=](View v, std::size_t k) { return is(k == static_cast<std::size_t>(std::min_element(v.begin(), v.end()) - v.begin())); }))
      .mutant("every tied argument", with([=](View v, std::size_t k) { return is(v[k] == v[largest(v)]); }))
      .mutant("last of the tied", with([=](View v, std::size_t k) {
                std::size_t best = 0;
                for (std::size_t i = 1; i < pieces; ++i)
                  if (v[i] >= v[best]) best = i;
                return is(k == best);
              }));
  all.push_back(std::move(f));
}

}  // namespace

void add_rectifiers(std::vector<Family>& all) {
  add_relu(all);
  add_leaky_relu(all);
  add_abs(all);
  add_prelu(all);
  add_elu(all);
  add_maxout(all);
}

}  // namespace gradus::mutation
