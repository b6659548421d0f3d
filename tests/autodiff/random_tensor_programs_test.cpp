// Random programs over tensors and their elements: the adjoints agree with forward mode, whatever is written first, added to, skipped or forgotten.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <ops/ops.hpp>

#include "tests/autodiff/random_program.hpp"

using namespace gradus;
using gradus::testing::Random;

namespace {

/// GRADUS_RANDOM_PROGRAMS overrides; sanitizers and debug builds take a share, since one program costs them twenty times as much.
std::uint64_t number_of_programs() {
  if (const char* text = std::getenv("GRADUS_RANDOM_PROGRAMS")) return std::strtoull(text, nullptr, 10);
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
  return 10000;
#else
  return 50000;
#endif
}

constexpr std::size_t side = 3;

/// Matrices (side x side), vectors (side) and scalars; constants or recorded. The program decides by its seed alone.
template <class Real> struct State {
  std::vector<BasicTensor<Real>> matrices, vectors;
  std::vector<BasicVar<Real>> scalars;
};

/// x, drawn towards [-1, 1] where it has become large: decided on values.
template <class Real> BasicTensor<Real> moderate(const BasicTensor<Real>& x) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!(std::abs(plain(x.values()[i])) < 4)) return tanh(x * 0.25);
  return x;
}

/// A pullback by hand: a·b elementwise.
template <class Real> BasicTensor<Real> custom_product(const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  std::vector<Real> values;
  for (std::size_t i = 0; i < a.size(); ++i) values.push_back(a.values()[i] * b.values()[i]);
  const BasicTensor<Real>* operands[] = {&a, &b};
  return custom<Real>(a.shape(), std::span<const Real>(values), std::span<const BasicTensor<Real>* const>(operands),
                      [a, b](std::span<const Real> up, std::span<const std::span<Real>> gradients) {
                        for (std::size_t i = 0; i < gradients[0].size(); ++i) gradients[0][i] += up[i] * b.values()[i];
                        for (std::size_t i = 0; i < gradients[1].size(); ++i) gradients[1][i] += up[i] * a.values()[i];
                      });
}

template <class Real> void statement(State<Real>& s, Random& r) {
  auto& m = s.matrices;
  auto& v = s.vectors;
  auto& x = s.scalars;
  const std::size_t a = r.below(m.size()), b = r.below(m.size()), c = r.below(m.size());
  const std::size_t i = r.below(v.size()), j = r.below(v.size()), k = r.below(x.size()), l = r.below(x.size());
  const std::size_t element = r.below(side * side);
  const double constant = r.constant();
  switch (r.below(39)) {
    case 0: m[a] = matmul(m[b], m[c]); break;
    case 1: m[a] = matmul(m[b], m[b]); break;
    case 2: v[i] = matmul(v[j], m[a]); break;
    case 3: v[i] = matmul(m[a], v[j]); break;
    case 4: m[a] = linear(m[b], m[c], v[i]); break;
    case 5: m[a] = m[b] + m[c]; break;
    case 6: m[a] = m[b] * m[c]; break;
    case 7: m[a] = m[b] * m[b]; break;
    case 8: m[a] = m[b] - v[i]; break;
    case 9: m[a] = m[b] * v[i]; break;
    case 10: m[a] = m[b] * x[k]; break;
    case 11: v[i] = v[j] + constant; break;
    case 12: m[a] = tanh(m[b]); break;
    case 13: v[i] = exp(v[j] * 0.25); break;
    case 14: m[a] = softmax(m[b], static_cast<int>(element % 2)); break;
    case 15: m[a] = log_softmax(m[b]); break;
    case 16: v[i] = softmax_cross_entropy(m[a], m[b] * m[b]); break;
    case 17: v[i] = softmax_cross_entropy(m[a], BasicTensor<Real>(Shape{side}, {Real(0.0), Real(2.0), Real(1.0)})); break;
    case 18: v[i] = log_sum_exp(m[a], static_cast<int>(element % 2)); break;
    case 19: v[i] = sum(m[a], static_cast<int>(element % 2)); break;
    case 20: v[i] = mean(m[a], static_cast<int>(element % 2)); break;
    case 21: v[i] = reduce_max(m[a], static_cast<int>(element % 2)); break;
    case 22: x.push_back(dot(v[i], v[j])[0]); break;
    case 23: x[k] = dot(v[i], v[i])[0] * 0.25; break;
    case 24: x[k] = sum(m[a])[0]; break;
    case 25: x[k] = m[a][element] * m[b](element % side, element / side); break;
    case 26: x[k] += v[i][element % side]; break;
    case 27: x[k] = x[l] * v[i][element % side] - x[k]; break;
    case 28: v[i] = BasicTensor<Real>::stack(std::vector<BasicVar<Real>>{x[k], v[j][0], BasicVar<Real>(constant)}); break;
    case 29: m[a] = matmul(m[b].reshape({1, side * side}), m[b].reshape({side * side, 1})).reshape({1}) * m[c]; break;
    case 30: m[a] = custom_product(m[b], m[c]); break;
    case 31: m[a] = custom_product(m[b], m[b]); break;
    case 32: m[a] = m[b] * BasicTensor<Real>(m[b][element]); break;
    case 33: v[i] = BasicTensor<Real>(Shape{side}, {Real(constant), Real(1.0), Real(-0.5)}); break;
    case 34: m[a] = sqrt(m[b] * m[b]) * BasicTensor<Real>(0.0) + m[c]; break;  // an infinite partial at 0, whose adjoint is 0
    case 35: x[k] = normal_log_density(m[b], v[j], exp(v[i] * 0.25))[0] * 0.0625; break;
    case 36: v[i] = linear_recurrence(BasicTensor<Real>(x[k]) * 0.25, v[j], BasicTensor<Real>(x[l])); break;
    case 37: x[k] = mean_squared_error(m[a], m[b])[0] - normal_log_density(m[c], m[c] * 0.5, BasicTensor<Real>(2.0))[0] * 0.0625; break;
    default: m[a] = cross_entropy(softmax(m[b]), m[c]) * v[i] + m[c]; break;
  }
  m[a] = moderate(m[a]);
  v[i] = moderate(v[i]);
  if (!(std::abs(plain(x[k])) < 4)) x[k] = x[k] * 0.0625;
  if (!(std::abs(plain(x.back())) < 4)) x.back() = x.back() * 0.0625;
}

/// What a recording may do between statements; for constants, nothing.
template <class Real> void interlude(BasicTape<Real>* tape, const State<Real>& s, std::uint64_t seed) {
  if (tape == nullptr) return;
  Random r(seed);
  if (r.below(4) != 0) return;
  const auto start = tape->mark();
  State<Real> copy = s;
  for (std::size_t n = r.below(4); n-- > 0;) statement(copy, r);
  if (r.below(2) == 0) tape->rewind(start);
}

/// Three outputs (a matrix, a vector, a scalar), with their seeds.
template <class Real> struct Outputs {
  BasicTensor<Real> matrix, vector;
  BasicVar<Real> scalar;
  std::vector<double> matrix_seeds, vector_seeds;
  double scalar_seed;
  /// Some element of the matrix has one more seed.
  std::size_t element;
};

template <class Real> Outputs<Real> run(State<Real> s, std::uint64_t seed, BasicTape<Real>* tape) {
  Random r(seed);
  for (std::size_t n = 1 + r.below(12); n-- > 0;) {
    statement(s, r);
    interlude(tape, s, r.below(1000000));
  }
  Outputs<Real> y{s.matrices[r.below(s.matrices.size())], s.vectors[r.below(s.vectors.size())], s.scalars[r.below(s.scalars.size())], {}, {}, r.constant(), r.below(side * side)};
  for (std::size_t i = 0; i < side * side; ++i) y.matrix_seeds.push_back(r.constant());
  for (std::size_t i = 0; i < side; ++i) y.vector_seeds.push_back(r.constant());
  return y;
}

/// The inputs: a matrix, a vector, a scalar, and a matrix that is a constant.
struct Point {
  std::vector<double> matrix, vector, constant;
  double scalar;
  explicit Point(std::uint64_t seed) : scalar(0) {
    Random r(seed + 77);
    for (std::size_t i = 0; i < side * side; ++i) matrix.push_back(r.constant() * 0.5), constant.push_back(r.constant() * 0.5);
    for (std::size_t i = 0; i < side; ++i) vector.push_back(r.constant() * 0.5);
    scalar = r.constant();
  }
};
template <class Real> std::vector<Real> lift(const std::vector<double>& v) { return std::vector<Real>(v.begin(), v.end()); }

struct Gradient {
  std::vector<double> matrix, vector;
  double scalar = 0;
  bool recorded = false;
};

/// Records the program and sweeps it from all its outputs. For Dual<double>: the values of the adjoints.
template <class Real> Gradient record(BasicTape<Real>& tape, BasicAdjoints<Real>& adjoints, std::uint64_t seed, const Point& at) {
  tape.clear();
  const BasicRecording<Real> recording(tape);
  const auto matrix = BasicTensor<Real>::input({side, side}, lift<Real>(at.matrix));
  const auto vector = BasicTensor<Real>::input({side}, lift<Real>(at.vector));
  const auto unused = BasicTensor<Real>::input({side}, lift<Real>(at.vector));
  const auto scalar = BasicVar<Real>::input(Real(at.scalar));
  const auto y = run<Real>({{matrix, BasicTensor<Real>({side, side}, lift<Real>(at.constant))}, {vector}, {scalar}}, seed, &tape);
  Gradient g{std::vector<double>(side * side), std::vector<double>(side), 0, false};
  std::vector<Seed<Real>> seeds;
  const std::vector<Real> matrix_seeds = lift<Real>(y.matrix_seeds), vector_seeds = lift<Real>(y.vector_seeds);
  if (!y.vector.is_constant()) seeds.emplace_back(y.vector, vector_seeds);
  if (!y.matrix.is_constant()) seeds.emplace_back(y.matrix, matrix_seeds), seeds.emplace_back(y.matrix[y.element], Real(0.5)), seeds.emplace_back(y.matrix, matrix_seeds);
  if (!y.scalar.is_constant()) seeds.emplace_back(y.scalar, Real(y.scalar_seed));
  if (seeds.empty()) return g;
  tape.sweep(seeds, adjoints);
  g.recorded = true;
  for (std::size_t i = 0; i < g.matrix.size(); ++i) g.matrix[i] = plain(adjoints[matrix][i]);
  for (std::size_t i = 0; i < g.vector.size(); ++i) {
    g.vector[i] = plain(adjoints[vector][i]);
    BOOST_REQUIRE(is_zero(adjoints[unused][i]));
  }
  g.scalar = plain(adjoints[scalar]);
  return g;
}

/// The derivative along a direction by forward mode: nothing is recorded.
double forward(std::uint64_t seed, const Point& at, const Point& direction) {
  const auto dual = [](const std::vector<double>& x, const std::vector<double>& d) {
    std::vector<Dual<double>> v;
    for (std::size_t i = 0; i < x.size(); ++i) v.emplace_back(x[i], d[i]);
    return v;
  };
  using T = BasicTensor<Dual<double>>;
  const auto y = run<Dual<double>>({{T({side, side}, dual(at.matrix, direction.matrix)), T({side, side}, lift<Dual<double>>(at.constant))},
                                    {T({side}, dual(at.vector, direction.vector))},
                                    {Dual<double>(at.scalar, direction.scalar)}},
                                   seed, nullptr);
  double total = y.scalar_seed * y.scalar.value().tangent + 0.5 * y.matrix.values()[y.element].tangent;
  for (std::size_t i = 0; i < side * side; ++i) total += 2 * y.matrix_seeds[i] * y.matrix.values()[i].tangent;
  for (std::size_t i = 0; i < side; ++i) total += y.vector_seeds[i] * y.vector.values()[i].tangent;
  return total;
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_tensor_programs_have_the_gradient_of_forward_mode) {
  Tape folding, plain_tape(Tape::Options{.fold = false});
  BasicTape<Dual<double>> over;
  Adjoints adjoints;  // reused across tapes: what an earlier sweep left in its memory must not show
  BasicAdjoints<Dual<double>> dual_adjoints;
  std::size_t wrong = 0, recorded = 0;
  for (std::uint64_t seed = 0, n = number_of_programs(); seed < n && wrong < 10; ++seed) {
    const Point at(seed), direction(seed + 1000003);
    const double expected = forward(seed, at, direction);
    const Gradient gradients[] = {record(folding, adjoints, seed, at), record(plain_tape, adjoints, seed, at), record(over, dual_adjoints, seed, at)};
    if (gradients[0].recorded) ++recorded;
    for (const Gradient& g : gradients) {
      double total = g.scalar * direction.scalar, scale = 1 + std::abs(total);
      const auto add = [&](const std::vector<double>& a, const std::vector<double>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i], scale += std::abs(a[i] * b[i]);
      };
      add(g.matrix, direction.matrix);
      add(g.vector, direction.vector);
      if (std::abs(total - expected) <= 1e-9 * scale || (std::isnan(total) && std::isnan(expected))) continue;
      ++wrong;
      BOOST_ERROR("program " << seed << ", tape " << &g - gradients << ": gradient·direction " << total << ", forward mode " << expected);
    }
  }
  BOOST_TEST(recorded > number_of_programs() / 2);
}
