// Wrong rules of sigmoid and tanh.
#include <ops/verify/mutants/family.hpp>

namespace gradus::mutation {
namespace {

double s(double x) { return sigmoid_of(x); }
double right_sigmoid(double x) { return s(x) * s(-x); }
double right_tanh(double x) {
  const double t = std::exp(-2 * std::fabs(x));
  return 4 * t / ((1 + t) * (1 + t));
}
Pullback scaled(double (*right)(double), double factor) {
  return each([=](double x) { return right(x) * factor; });
}

}  // namespace

void add_sigmoid_and_tanh(std::vector<Family>& all) {
  const std::vector<Values> tails{{-8.5, 20, -31}, {40, -40, 38.5}, {700, -700, 11}, {-745, 745, 0}, {1e-300, -0.0, 5e-324}};
  Family sigmoid = family("sigmoid", 3, 3, map([](const auto& x) { return sigmoid_of(x); }), each(right_sigmoid),
                          diagonal([](const BigFloat& x, auto term) { const BigFloat y = 1 / (1 + exp(-x)); term(y * (1 - y)); }), tails);
  sigmoid.mutant("s", each([](double x) { return s(x); }))
      .mutant("1 - s", each([](double x) { return s(-x); }))
      .mutant("s(1 + s)", each([](double x) { return s(x) * (1 + s(x)); }))
      .mutant("s^2 (1 - s)", each([](double x) { return s(x) * right_sigmoid(x); }))
      .mutant("half", scaled(right_sigmoid, 0.5))
      .mutant("sign", scaled(right_sigmoid, -1))
      .mutant("x(1 - x)", each([](double x) { return x * (1 - x); }))
      .mutant("constant 1/4", each([](double) { return 0.25; }))
      .mutant("off by 1e-4", scaled(right_sigmoid, 1 + 1e-4))
      .mutant("off by 1e-6", scaled(right_sigmoid, 1 + 1e-6))
      .mutant("off by 1e-9", scaled(right_sigmoid, 1 + 1e-9))
      .mutant("0 for x < -8", each([](double x) { return x < -8 ? 0 : right_sigmoid(x); }))
      .mutant("0 for x < -30", each([](double x) { return x < -30 ? 0 : right_sigmoid(x); }))
      .mutant("naive tail s(1 - s)", each([](double x) { return s(x) * (1 - s(x)); }));
  all.push_back(std::move(sigmoid));

  Family tanh = family("tanh", 3, 3, map([](const auto& x) { return tanh_of(x); }), each(right_tanh),
                       diagonal([](const BigFloat& x, auto term) { const BigFloat t = exp(-2 * abs(x)), y = (1 - t) / (1 + t); term(1 - y * y); }), tails);
  tanh.mutant("1 - t", each([](double x) { return 1 - std::tanh(x); }))
      .mutant("1 + t^2", each([](double x) { return 1 + std::tanh(x) * std::tanh(x); }))
      .mutant("(1 - t^2)^2", each([](double x) { return right_tanh(x) * right_tanh(x); }))
      .mutant("sign", scaled(right_tanh, -1))
      .mutant("1 - x^2", each([](double x) { return 1 - x * x; }))
      .mutant("1e-7 added", each([](double x) { return right_tanh(x) + 1e-7; }))
      .mutant("0 for |x| > 10", each([](double x) { return std::fabs(x) > 10 ? 0 : right_tanh(x); }))
      .mutant("naive tail 1 - t^2", each([](double x) { return 1 - std::tanh(x) * std::tanh(x); }));
  all.push_back(std::move(tanh));
}

}  // namespace gradus::mutation
