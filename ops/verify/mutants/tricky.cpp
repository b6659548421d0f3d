// Right rules that checkers have blamed: kinks, ties, plateaus, tails, cancellation, edges of domains, odd subjects.
#include <ops/verify/mutants/family.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace gradus::mutation {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Draw = std::function<Values(Random&)>;
Draw uniform(double low, double high, std::size_t n = 1) {
  return [=](Random& random) {
    Values v(n);
    for (double& x : v) x = random.uniform(low, high);
    return v;
  };
}
/// Either sign, every magnitude between two powers of ten.
Draw magnitudes(double low, double high, std::size_t n = 1) {
  return [=](Random& random) {
    Values v(n);
    for (double& x : v) x = random.sign() * std::pow(10.0, random.uniform(low, high));
    return v;
  };
}

class Cases {
 public:
  /// A function of one number, by its formula, its right derivative and the textbook's, which adds terms.
  template <class F, class D, class Book>
  TrickyCase& one(const std::string& name, F f, D derivative, Book book, std::vector<double> at, Draw draw = {}) {
    std::vector<Values> points;
    for (const double x : at) points.push_back({x});
    return take(name, 1, subject(name, 1, map(f), each(derivative), diagonal(book)), std::move(points), std::move(draw));
  }
  TrickyCase& take(const std::string& name, std::size_t inputs, Subject s, std::vector<Values> points, Draw draw = {}) {
    all_.push_back({name, inputs, std::move(s), std::move(points), std::move(draw)});
    return all_.back();
  }
  /// No witness: the function is known in double only.
  TrickyCase& plain(const std::string& name, std::size_t inputs, std::function<Values(View)> value, Pullback pullback, std::vector<Values> points, Draw draw = {}) {
    Subject s;
    s.name = name;
    s.value = std::move(value);
    s.pullback = std::move(pullback);
    return take(name, inputs, std::move(s), std::move(points), std::move(draw));
  }
  std::vector<TrickyCase> all_;
};

void add_kinks(Cases& cases) {
  const auto relu = [](const auto& x) { return x > 0 ? x : 0 * x; };
  const auto step = [](double x) { return x > 0 ? 1.0 : 0.0; };
  const auto book = [](const BigFloat& x, auto term) { term(x > 0 ? 1 : 0); };
  cases.one("relu at 0", relu, step, book, {0, -0.0});
  cases.one("relu beside 0", relu, step, book, {1e-12, -1e-12, 1e-4, -1e-4, 5e-324, -5e-324}, magnitudes(-12, -4));
  constexpr double slope = 0.9995;
  cases.one("prelu of slope 0.9995 at 0", [](const auto& x) { return x > 0 ? x : slope * x; }, [](double x) { return x > 0 ? 1 : slope; },
            [](const BigFloat& x, auto term) { term(x > 0 ? BigFloat(1) : BigFloat(slope)); }, {0, -0.0, 1e-9, -1e-9}, magnitudes(-12, 0));
  for (const double alpha : {1.0, 1.5})
    cases.one(alpha == 1 ? "elu at 0" : "elu of alpha 1.5 at 0", [alpha](const auto& x) { return x > 0 ? x : alpha * exp_minus_1(x); }, [alpha](double x) { return x > 0 ? 1 : alpha * std::exp(x); },
              [alpha](const BigFloat& x, auto term) { term(x > 0 ? BigFloat(1) : alpha * exp(x)); }, {0, 1e-12, -1e-12, -1e-6}, magnitudes(-12, 0));
  cases.one("abs beside 0", [](const auto& x) { using std::abs; return abs(x); }, [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; },
            [](const BigFloat& x, auto term) { term(x > 0 ? 1 : x < 0 ? -1 : 0); }, {0, 1e-12, -1e-12}, magnitudes(-16, 0));
  cases.one("plateau: clip to [-1, 1]", [](const auto& x) { using T = std::remove_cvref_t<decltype(x)>; return x > 1 ? T(1) : x < -1 ? T(-1) : x; }, [](double x) { return std::fabs(x) < 1 ? 1.0 : 0.0; },
            [](const BigFloat& x, auto term) { term(abs(x) < 1 ? 1 : 0); }, {3, -7, 1.0000001, 0.9999999, 1, -1, 1e10}, uniform(-4, 4));
  cases.one("a step far away", [](const auto& x) { using std::sin; return sin(x) + (x > 1000 ? 1 : 0); }, [](double x) { return std::cos(x); }, [](const BigFloat& x, auto term) { term(cos(x)); }, {0.3, 2, -5},
            uniform(-20, 20));
  cases.one("a corner rounded off over 1e-10", [](const auto& x) { using std::sqrt; return sqrt(x * x + 1e-20); }, [](double x) { return x / std::sqrt(x * x + 1e-20); },
            [](const BigFloat& x, auto term) { term(x / sqrt(x * x + 1e-20)); }, {0, 1e-10, -1e-9, 1e-5}, magnitudes(-12, 0));

  const auto largest = [](const auto& x) { auto y = x; y.assign(1, x[first_largest(x.data(), 3)]); return y; };
  const Pullback to_first = [](View x, View w) {
    Values g(3, 0.0);
    g[first_largest(x.data(), 3)] = w[0];
    return g;
  };
  const Textbook max_book = [](const BigVector& x, BigJacobian& jacobian) { jacobian.add(0, first_largest(x.data(), 3), 1); };
  const auto maximum = [&](const std::string& name, std::vector<Values> points, Draw draw = {}) { cases.take(name, 3, subject(name, 1, largest, to_first, max_book), std::move(points), std::move(draw)); };
  maximum("max, two tied", {{1, 1, 0}, {0, 2, 2}, {-1, -3, -1}});
  maximum("max, three tied", {{1, 1, 1}, {0, 0, -0.0}, {-2, -2, -2}});
  maximum("max, nearly tied", {{1, 1 + 1e-12, 0}, {2, 2 - 1e-6, 2 - 1e-9}}, [](Random& random) {
    const double top = random.normal();
    return Values{top, top + random.sign() * std::pow(10.0, random.uniform(-14, -3)), top + random.sign() * std::pow(10.0, random.uniform(-14, -3))};
  });

  // relu(x) . u: the Hessian of a net of rectifiers is 0 in each piece, and nothing at the kinks.
  Subject net = subject("relu net", 1, [](const auto& x) {
    auto y = x;
    const auto h = x[0] - 2 * x[1], k = x[0] + x[1] / 2;
    y.assign(1, (h > 0 ? h : 0 * h) * 3 - (k > 0 ? k : 0 * k));
    return y;
  }, [](View x, View w) {
    const double h = x[0] - 2 * x[1] > 0 ? 3 : 0, k = x[0] + x[1] / 2 > 0 ? -1 : 0;
    return Values{w[0] * (h + k), w[0] * (k / 2 - 2 * h)};
  }, [](const BigVector& x, BigJacobian& jacobian) {
    if (x[0] - 2 * x[1] > 0) { jacobian.add(0, 0, 3); jacobian.add(0, 1, -6); }
    if (x[0] + x[1] / 2 > 0) { jacobian.add(0, 0, -1); jacobian.add(0, 1, -0.5); }
  });
  net.hessian_vector = [](View, View, View) { return Values{0, 0}; };
  cases.take("Hessian of a relu net", 2, net, {{1, 0.25}, {-1, -2}, {2, 1}, {0, 0}, {1, 0.5 - 1e-9}}, uniform(-3, 3, 2));
}

void add_tails(Cases& cases) {
  cases.one("tanh in its tails", [](const auto& x) { return tanh_of(x); }, [](double x) { const double t = std::exp(-2 * std::fabs(x)); return 4 * t / ((1 + t) * (1 + t)); },
            [](const BigFloat& x, auto term) { const BigFloat t = exp(-2 * abs(x)), y = (1 - t) / (1 + t); term(1 - y * y); }, {40, -40, 19, -20, 300, -372}, uniform(-60, 60));
  cases.one("sigmoid in its tails", [](const auto& x) { return sigmoid_of(x); }, [](double x) { return sigmoid_of(x) * sigmoid_of(-x); },
            [](const BigFloat& x, auto term) { const BigFloat y = 1 / (1 + exp(-x)); term(y * (1 - y)); }, {40, -40, 700, -700, 744, -745}, uniform(-750, 750));
  cases.one("softplus in its tails", [](const auto& x) { using std::exp; return x > 0 ? x + log_1_plus(exp(-x)) : log_1_plus(exp(x)); }, [](double x) { return sigmoid_of(x); },
            [](const BigFloat& x, auto term) { term(1 / (1 + exp(-x))); }, {20, -20, 40, -40, 700, -700}, uniform(-100, 100));
  cases.one("subnormal gradients", [](const auto& x) { using std::exp; return exp(x); }, [](double x) { return std::exp(x); }, [](const BigFloat& x, auto term) { term(exp(x)); }, {-740, -744, -745.1, -710, -760}, uniform(-750, -700));
  cases.one("e^x at infinity", [](const auto& x) { using std::exp; return exp(x); }, [](double x) { return std::exp(x); }, [](const BigFloat& x, auto term) { term(exp(x)); }, {1000, 709.7, 710, 800}, uniform(700, 720));
  cases.one("x^2 at 1e16", [](const auto& x) { return x * x; }, [](double x) { return 2 * x; }, [](const BigFloat& x, auto term) { term(2 * x); }, {1e16, -1e16, 1e150, 1.3e154}, magnitudes(10, 150));
  for (const double scale : {1e300, 1e-300})
    cases.one(scale > 1 ? "scaled by 1e300" : "scaled by 1e-300", [scale](const auto& x) { using std::sin; return scale * sin(x); }, [scale](double x) { return scale * std::cos(x); },
              [scale](const BigFloat& x, auto term) { term(scale * cos(x)); }, {0.3, 1.5, -2}, uniform(-3, 3));
  cases.one("subnormal scale 1e-320", [](const auto& x) { using std::sin; return 1e-320 * sin(x); }, [](double x) { return 1e-320 * std::cos(x); }, [](const BigFloat& x, auto term) { term(1e-320 * cos(x)); }, {0.3, -2}, uniform(-3, 3));

  // Logits far apart and infinite: log(sum e^z).
  const auto lse = [](const auto& z) { auto y = z; const std::size_t top = first_largest(z.data(), 3); y.assign(1, z[top] + cross_entropy_of(z.data(), 3, top)); return y; };
  const Pullback softmax = [](View z, View w) {
    Values s = softmax_of(z.data(), 3);
    for (double& v : s) v *= w[0];
    return s;
  };
  const Textbook book = [](const BigVector& z, BigJacobian& jacobian) {
    const BigVector s = softmax_of(z.data(), 3);
    for (std::size_t i = 0; i < 3; ++i) jacobian.add(0, i, s[i]);
  };
  cases.take("log_sum_exp, logits of 1000", 3, subject("log_sum_exp", 1, lse, softmax, book), {{1000, -1000, 0}, {1000, 1000, 1000}, {-1000, -1000, -999}, {700, 0, -700}}, uniform(-1000, 1000, 3));
  cases.plain("log_sum_exp, a logit of -infinity", 3, [=](View z) { return lse(Values(z.begin(), z.end())); }, softmax, {{1, -infinity, 2}, {-0.5, 0.25, -infinity}});

  const auto loss = [](const auto& z) { auto y = z; y.assign(1, cross_entropy_of(&z[0], 3, 1)); return y; };
  const auto entry = [](const auto& s, std::size_t i) { return i == 1 ? -(s[0] + s[2]) : s[i]; };
  const Textbook loss_book = [entry](const BigVector& z, BigJacobian& jacobian) {
    const BigVector s = softmax_of(z.data(), 3);
    for (std::size_t i = 0; i < 3; ++i) jacobian.add(0, i, entry(s, i));
  };
  cases.take("cross-entropy of a certain label", 3, subject("cross_entropy", 1, loss, [entry](View z, View w) {
    const Values s = softmax_of(z.data(), 3);
    return Values{w[0] * entry(s, 0), w[0] * entry(s, 1), w[0] * entry(s, 2)};
  }, loss_book), {{0, 40, 1}, {-700, 20, 3}, {1, 38, 0.5}}, [](Random& random) { return Values{random.normal(), random.uniform(10, 700), random.normal()}; });
}

void add_smooth(Cases& cases) {
  cases.one("x^3 at 0", [](const auto& x) { return x * x * x; }, [](double x) { return 3 * x * x; }, [](const BigFloat& x, auto term) { term(3 * x * x); }, {0, 1e-5, -1e-9, 1e-160}, magnitudes(-12, 1));
  cases.one("x^2 at 0 and -0", [](const auto& x) { return x * x; }, [](double x) { return 2 * x; }, [](const BigFloat& x, auto term) { term(2 * x); }, {0, -0.0, 1e-300, 5e-324});
  cases.one("cos at its maximum", [](const auto& x) { using std::cos; return cos(x); }, [](double x) { return -std::sin(x); }, [](const BigFloat& x, auto term) { term(-sin(x)); }, {0, 6.283185307179586, 1e-9, -1e-5}, magnitudes(-12, -2));
  cases.one("exp(-1/x^2) at 0", [](const auto& x) { using std::exp; return x == 0 ? 0 * x : exp(-1 / (x * x)); },
            [](double x) {
              if (x == 0) return 0.0;
              const long double wide = x;  // e^ multiplies the rounding of 1/x^2, and is subnormal before it is divided
              return static_cast<double>(2 * std::exp(-1 / (wide * wide)) / (wide * wide * wide));
            },
            [](const BigFloat& x, auto term) { term(x == 0 ? BigFloat(0) : 2 * exp(-1 / (x * x)) / (x * x * x)); }, {0, 0.05, -0.1, 0.3}, uniform(-0.5, 0.5));
  cases.one("1e8 + sin x", [](const auto& x) { using std::sin; return 1e8 + sin(x); }, [](double x) { return std::cos(x); }, [](const BigFloat& x, auto term) { term(cos(x)); }, {0.3, 1.5707, 3}, uniform(-5, 5));
  for (const double frequency : {200.0, 1000.0})
    cases.take(frequency == 200 ? "sin 200x" : "sin 1000x", 1,
               subject("sin", 1, map([frequency](const auto& x) { using std::sin; return sin(frequency * x); }), each([frequency](double x) { return frequency * std::cos(frequency * x); }),
                       [frequency](const BigVector& x, BigJacobian& jacobian) {
                         jacobian.add(0, 0, frequency * cos(frequency * x[0]));
                         jacobian.allow(0, 0, frequency * frequency * x[0]);  // the argument is rounded
                       }),
               {{0.3}, {1}, {-2.5}}, uniform(-3, 3));
  cases.one("narrow bell 1/(x^2 + 1e-6)", [](const auto& x) { return 1 / (x * x + 1e-6); }, [](double x) { const double v = x * x + 1e-6; return -2 * x / (v * v); },
            [](const BigFloat& x, auto term) { const BigFloat v = x * x + 1e-6; term(-2 * x / (v * v)); }, {0, 1e-3, -5e-4, 0.1, 2}, magnitudes(-5, 1));
  cases.one("narrow peak exp(-(1000x)^2)", [](const auto& x) { using std::exp; return exp(-1e6 * x * x); }, [](double x) { return -2e6 * x * std::exp(-1e6 * x * x); },
            [](const BigFloat& x, auto term) { term(-2e6 * x * exp(-1e6 * x * x)); }, {0, 1e-3, 0.02, 1}, magnitudes(-5, -1.5)).subject.operations = 2000;  // the exponent is rounded
  cases.one("floor between its steps", [](const auto& x) { using std::floor; return floor(x); }, [](double) { return 0.0; }, [](const BigFloat&, auto) {}, {0.5, 2.25, -1.75}, [](Random& random) {
    return Values{std::floor(random.uniform(-9, 9)) + random.uniform(0.01, 0.99)};
  });

  Subject cancelling = subject("ab - cd", 1, [](const auto& x) { auto y = x; y.assign(1, x[0] * x[1] - x[2] * x[3]); return y; }, [](View x, View w) { return Values{w[0] * x[1], w[0] * x[0], -w[0] * x[3], -w[0] * x[2]}; },
                               [](const BigVector& x, BigJacobian& jacobian) {
                                 jacobian.add(0, 0, x[1]);
                                 jacobian.add(0, 1, x[0]);
                                 jacobian.add(0, 2, -x[3]);
                                 jacobian.add(0, 3, -x[2]);
                               });
  cases.take("ab - cd", 4, cancelling, {{1e8, 1 + 1e-8, 1e8 + 1, 1}, {3, 1e-9, 1e-9, 3}, {1e100, 1e-100, 1, 1}}, magnitudes(-8, 8, 4));
}

void add_domains(Cases& cases) {
  const auto positive = [&](TrickyCase& c) { c.subject.domain = {{.low = 0}}; };
  positive(cases.one("log at the edge of its domain", [](const auto& x) { using std::log; return log(x); }, [](double x) { return 1 / x; }, [](const BigFloat& x, auto term) { term(1 / x); }, {1e-300, 1e-10, 1e-3, 1e300},
                     [](Random& random) { return Values{std::pow(10.0, random.uniform(-300, 300))}; }));
  positive(cases.one("sqrt at the edge of its domain", [](const auto& x) { using std::sqrt; return sqrt(x); }, [](double x) { return 0.5 / std::sqrt(x); }, [](const BigFloat& x, auto term) { term(1 / (2 * sqrt(x))); },
                     {1e-300, 1e-10, 1e-3, 1e300}, [](Random& random) { return Values{std::pow(10.0, random.uniform(-300, 300))}; }));
  cases.plain("sqrt of negatives: NaN on both sides", 1, [](View x) { return Values{std::sqrt(x[0])}; }, [](View x, View w) { return Values{w[0] * 0.5 / std::sqrt(x[0])}; }, {{-1}, {-1e-9}, {nan}}, uniform(-5, -0.001));
  cases.plain("an exception on both sides", 1, [](View x) {
    if (x[0] < 0) throw std::domain_error("x must not be negative");
    return Values{x[0] * x[0]};
  }, [](View x, View w) {
    if (x[0] < 0) throw std::domain_error("x must not be negative");
    return Values{w[0] * 2 * x[0]};
  }, {{-1}, {-1e-6}, {2}, {1e-3}, {0}}, uniform(-2, 2));
  cases.plain("1/x at 0: infinite on both sides", 1, [](View x) { return Values{1 / x[0]}; }, [](View x, View w) { return Values{-w[0] / x[0] / x[0]}; }, {{0}, {-0.0}, {1e-3}});
}

void add_odd_subjects(Cases& cases) {
  // The sum of a softmax is 1: the gradient is 0, and what is left is rounding.
  Subject constant = subject("sum of softmax", 1, [](const auto& z) {
    const auto s = softmax_of(z.data(), 3);
    auto y = z;
    y.assign(1, s[0] + s[1] + s[2]);
    return y;
  }, [](View z, View w) {
    const Values s = softmax_of(z.data(), 3);
    Values g(3);
    for (std::size_t i = 0; i < 3; ++i) g[i] = s[i] * (w[0] - (s[0] * w[0] + s[1] * w[0] + s[2] * w[0]));
    return g;
  }, [](const BigVector& z, BigJacobian& jacobian) {
    const BigVector s = softmax_of(z.data(), 3);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) jacobian.add(0, i, i == j ? s[i] * (1 - s[i]) : -s[i] * s[j]), jacobian.allow(0, i, s[i]);
  });
  cases.take("a constant cotangent on softmax", 3, constant, {{0.3, -1, 2}, {0, 0, 0}, {30, 0, 1}}, uniform(-4, 4, 3));

  cases.plain("no inputs", 0, [](View) { return Values{1.5}; }, [](View, View) { return Values{}; }, {{}});
  cases.plain("no results", 2, [](View) { return Values{}; }, [](View, View) { return Values{0, 0}; }, {{1, 2}});
  cases.take("softmax of one", 1, subject("softmax of one", 1, [](const auto& z) { return softmax_of(z.data(), 1); }, [](View, View) { return Values{0}; }, [](const BigVector&, BigJacobian&) {}), {{0.3}, {-700}}, uniform(-9, 9));
  cases.take("an unused input", 2, subject("sin x", 1, [](const auto& x) { using std::sin; auto y = x; y.assign(1, sin(x[0])); return y; }, [](View x, View w) { return Values{w[0] * std::cos(x[0]), 0}; },
                                           [](const BigVector& x, BigJacobian& jacobian) { jacobian.add(0, 0, cos(x[0])); }), {{0.4, 3}, {1, 1e300}}, uniform(-3, 3, 2));

  // A network in float: values and gradients carry seven digits, which the subject declares.
  const auto chain = [](float x) { return std::tanh(1.5f * x) + 0.25f * x; };
  const auto slope = [](float x) { const float t = std::tanh(1.5f * x); return 1.5f * (1 - t * t) + 0.25f; };
  auto& single = cases.plain("an engine in float", 1, [=](View x) { return Values{static_cast<double>(chain(static_cast<float>(x[0])))}; },
                             [=](View x, View w) { return Values{static_cast<double>(static_cast<float>(w[0]) * slope(static_cast<float>(x[0])))}; }, {{0.5}, {-1.25}, {2}}, uniform(-2, 2));
  single.subject.noise = 1e-6;
  single.subject.witnesses = {closed_form_witness(1, [](const BigVector& x, BigJacobian& jacobian) {
    const BigFloat t = tanh_of(BigFloat(1.5 * x[0]));
    jacobian.add(0, 0, 1.5 * (1 - t * t));
    jacobian.add(0, 0, 0.25);
    jacobian.allow(0, 0, 3);
  })};

  auto& noisy = cases.plain("declared noise", 1, [calls = Memory<std::size_t>()](View x) { return Values{std::sin(x[0]) * (1 + 1e-9 * static_cast<double>(++*calls.cell % 5))}; },
                            [calls = Memory<std::size_t>()](View x, View w) { return Values{w[0] * std::cos(x[0]) * (1 + 1e-9 * static_cast<double>(++*calls.cell % 3))}; }, {{0.3}, {1.5}, {-2}}, uniform(-3, 3));
  noisy.subject.noise = 1e-8;
  noisy.subject.witnesses = {closed_form_witness(1, [](const BigVector& x, BigJacobian& jacobian) { jacobian.add(0, 0, cos(x[0])); })};

  const auto mask = [] {
    Random random(7);
    std::array<double, 6> m;
    for (double& v : m) v = random.uniform(0, 1) < 0.3 ? 0 : 1 / 0.7;
    return m;
  }();
  cases.take("seeded dropout", 6, subject("dropout", 6, [mask](const auto& x) { auto y = x; for (std::size_t i = 0; i < 6; ++i) y[i] *= mask[i]; return y; },
                                          [mask](View, View w) { Values g(w.begin(), w.end()); for (std::size_t i = 0; i < 6; ++i) g[i] *= mask[i]; return g; },
                                          [mask](const BigVector&, BigJacobian& jacobian) { for (std::size_t i = 0; i < 6; ++i) jacobian.add(i, i, mask[i]); }),
             {{1, 2, 3, 4, 5, 6}}, magnitudes(-3, 3, 6));

  // A mean of a million terms, added one after the other.
  constexpr std::size_t terms = 1000000;
  const auto weight = [](std::size_t k) { return 1 + static_cast<double>(k % 1000) * 1e-3; };
  auto& million = cases.plain("a sum of a million terms", 1, [=](View x) {
    double sum = 0;
    for (std::size_t k = 0; k < terms; ++k) sum += weight(k) / (1 + x[0] * x[0] * weight(k));
    return Values{sum};
  }, [=](View x, View w) {
    double sum = 0;
    for (std::size_t k = 0; k < terms; ++k) { const double c = weight(k), v = 1 + x[0] * x[0] * c; sum -= 2 * x[0] * c * c / (v * v); }
    return Values{w[0] * sum};
  }, {{0.7}, {-2}});
  million.most = 2;
  million.subject.operations = terms;
  // An array of thousands of elements, along random directions.
  constexpr std::size_t elements = 3000;
  auto& large = cases.plain("three thousand inputs", elements, [](View x) { double sum = 0; for (const double v : x) sum += v * v * v; return Values{sum}; },
                            [](View x, View w) { Values g; for (const double v : x) g.push_back(w[0] * 3 * v * v); return g; }, {}, [](Random& random) { Values v(elements); for (double& x : v) x = random.normal(); return v; });
  large.most = 20;
  large.subject.operations = elements;
}

/// Functions that round their argument: far out their steps are too fine for any difference.
void add_rounding(Cases& cases) {
  const auto rounding = [&](const std::string& name, double (*f)(double), double (*derivative)(double)) {
    cases.plain(name, 1, [f](View x) { return Values{f(x[0])}; }, [derivative](View x, View w) { return Values{w[0] == 0 ? 0 : w[0] * derivative(x[0])}; },
                {{0.5}, {1e8 + 0.25}, {123456789}, {1e12 + 1.0 / 3}, {1e16}, {-3e17}}, magnitudes(-3, 18));
  };
  rounding("floor", [](double x) { return std::floor(x); }, [](double) { return 0.0; });
  rounding("floor of hundredths", [](double x) { return std::floor(100 * x) / 100; }, [](double) { return 0.0; });
  rounding("fractional part", [](double x) { return x - std::floor(x); }, [](double) { return 1.0; });
  rounding("x round(x)", [](double x) { return x * std::round(x); }, [](double x) { return std::round(x); });
  rounding("x + trunc(x)^2", [](double x) { return x + std::trunc(x) * std::trunc(x); }, [](double) { return 1.0; });

  // In float, by the usual rule; of equal inputs nothing but the guard is left under the root.
  const auto moments = [](View x) {
    float mean = 0, square = 0;
    for (const double v : x) mean += static_cast<float>(v);
    mean /= static_cast<float>(x.size());
    for (const double v : x) square += (static_cast<float>(v) - mean) * (static_cast<float>(v) - mean);
    return std::pair(mean, 1 / std::sqrt(square / static_cast<float>(x.size()) + 1e-5F));
  };
  cases.plain("layer norm of equal floats", 4, [=](View x) {
    const auto [mean, scale] = moments(x);
    Values y;
    for (const double v : x) y.push_back(static_cast<double>((static_cast<float>(v) - mean) * scale));
    return y;
  }, [=](View x, View w) {
    const auto [mean, scale] = moments(x);
    float sum = 0, product = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<float>(w[i]), product += static_cast<float>(w[i]) * (static_cast<float>(x[i]) - mean) * scale;
    Values g;
    for (std::size_t i = 0; i < x.size(); ++i) g.push_back(static_cast<double>(scale * (static_cast<float>(w[i]) - (sum + (static_cast<float>(x[i]) - mean) * scale * product) / static_cast<float>(x.size()))));
    return g;
  }, {Values(4, 0.0), Values(4, 1.0)}, [](Random& random) { return Values(4, static_cast<double>(static_cast<float>(random.sign() * std::pow(10.0, random.uniform(-3, 6))))); });
}

}  // namespace

std::vector<TrickyCase> make_tricky_cases() {
  Cases cases;
  add_kinks(cases);
  add_tails(cases);
  add_smooth(cases);
  add_domains(cases);
  add_odd_subjects(cases);
  add_rounding(cases);
  return std::move(cases.all_);
}

}  // namespace gradus::mutation
