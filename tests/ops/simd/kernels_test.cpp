// Array kernels keep the meaning of the formulas: IEEE's special values, adjoints of 0, every length and alignment, every broadcast.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <autodiff/autodiff.hpp>
#include <autodiff/simd/isa.hpp>
#include <ops/ops.hpp>
#include <ops/simd/array_tables.hpp>

using namespace gradus;

namespace {

using Values = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity(), no_number = std::numeric_limits<double>::quiet_NaN(), tiny = 5e-324;
constexpr std::size_t longest = 37;  // more than two registers of floats, and a rest

/// The same number, sign of 0 included, or both NaN.
template <class Real> bool same(Real a, Real b) { return (a == b && std::signbit(a) == std::signbit(b)) || (std::isnan(a) && std::isnan(b)); }

/// The adjoints of `of` when the elements of y are seeded.
template <class Real, class Y> std::vector<Real> adjoints_of(BasicTape<Real>& tape, const Y& y, std::span<const Real> seeds, const BasicTensor<Real>& of) {
  BasicAdjoints<Real> adjoints;
  tape.sweep({Seed<Real>(y, seeds)}, adjoints);
  const auto a = adjoints[of];
  return {a.begin(), a.end()};
}

/// x*|x|, which has no kernels.
struct SignedSquare {
  static constexpr OpInfo info{.name = "signed_square", .summary = "x*|x|", .formula = "x*abs(x)", .derivatives = {"2*abs(x)"}};
  static auto value(Number auto x) { return x * gradus::abs(x); }
  static auto derivative(Number auto x, Number auto /*y*/) { return 2.0 * gradus::abs(x); }
};
/// An op that borrows the description of another must not be given its kernels.
struct WrongTanh : Tanh {
  static auto derivative(Number auto /*x*/, Number auto y) { return 1.0 + y * y; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_levels_of_the_machine_begin_with_the_baseline) {
  BOOST_TEST_REQUIRE(!available_isas().empty());
  BOOST_TEST((available_isas().front() == Isa::baseline));
  BOOST_TEST((active_isa() <= available_isas().back()));
}

BOOST_AUTO_TEST_CASE(listed_ops_have_kernels_and_others_have_not) {
  BOOST_TEST(find_unary_kernels<double>(&op_key<Tanh>) != nullptr);
  BOOST_TEST(find_unary_kernels<float>(&op_key<Relu>) != nullptr);
  BOOST_TEST(find_binary_kernels<double>(&op_key<Mul>) != nullptr);
  BOOST_TEST(find_unary_kernels<double>(&op_key<Mul>) == nullptr);
  BOOST_TEST(find_unary_kernels<double>(&op_key<SignedSquare>) == nullptr);
  BOOST_TEST(find_unary_kernels<double>(&op_key<WrongTanh>) == nullptr);
}

BOOST_AUTO_TEST_CASE(an_op_of_ones_own_is_mapped_by_its_formula) {
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({3}, {-2, 1, 3});
  const Tensor y = apply(SignedSquare{}, x);
  BOOST_TEST(Values(y.values().begin(), y.values().end()) == (Values{-4, 1, 9}), boost::test_tools::per_element());
  BOOST_TEST(adjoints_of<double>(tape, y, Values{1, 1, 2}, x) == (Values{4, 2, 12}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(special_values_go_through_as_ieee_has_them) {
  const Values at{0.0, -0.0, infinity, -infinity, no_number, tiny, -tiny};
  struct Case {
    const char* name;
    Tensor (*map)(const Tensor&);
    Values expected;
  };
  const Case cases[] = {
      {"tanh", [](const Tensor& x) { return tanh(x); }, {0.0, -0.0, 1, -1, no_number, tiny, -tiny}},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }, {0.5, 0.5, 1, 0, no_number, 0.5, 0.5}},
      {"relu", [](const Tensor& x) { return relu(x); }, {0.0, 0.0, infinity, 0, no_number, tiny, 0}},
      {"elu", [](const Tensor& x) { return elu(x); }, {0.0, -0.0, infinity, -1, no_number, tiny, -tiny}},
      {"exp", [](const Tensor& x) { return exp(x); }, {1, 1, infinity, 0, no_number, 1, 1}},
      {"expm1", [](const Tensor& x) { return expm1(x); }, {0.0, -0.0, infinity, -1, no_number, tiny, -tiny}},
      {"log", [](const Tensor& x) { return log(x); }, {-infinity, -infinity, infinity, no_number, no_number, -744.4400719213812, no_number}},
      {"sqrt", [](const Tensor& x) { return sqrt(x); }, {0.0, -0.0, infinity, no_number, no_number, 0x1p-537, no_number}},
      {"abs", [](const Tensor& x) { return abs(x); }, {0.0, 0.0, infinity, infinity, no_number, tiny, tiny}},
      {"sin", [](const Tensor& x) { return sin(x); }, {0.0, -0.0, no_number, no_number, no_number, tiny, -tiny}},
      {"-x", [](const Tensor& x) { return -x; }, {-0.0, 0.0, -infinity, infinity, no_number, -tiny, tiny}},
  };
  for (const Case& c : cases) {
    const Tensor y = c.map(Tensor({at.size()}, at));
    for (std::size_t i = 0; i < at.size(); ++i) BOOST_TEST(same(y.values()[i], c.expected[i]), c.name << " of " << at[i] << " is " << y.values()[i]);
  }
}

BOOST_AUTO_TEST_CASE(results_beyond_the_range_of_a_library_are_finite) {
  const Tensor large({2}, {710.0, -710.0}), huge({2}, {1e300, 1e308});
  BOOST_TEST(sinh(large).values()[0] == 1.1169973830808557e308, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(sinh(large).values()[1] == -1.1169973830808557e308, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(cosh(large).values()[1] == 1.1169973830808557e308, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(asinh(huge).values()[0] == 691.46867507877359, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(acosh(huge).values()[1] == 709.88935582272627, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(log1p(huge).values()[1] == 709.19620864216608, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(an_adjoint_of_0_contributes_0_through_any_partial) {
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({4}, {0, 0, no_number, 4});
  const auto g = adjoints_of<double>(tape, sqrt(x), Values{0, 1, 0, 1}, x);
  BOOST_TEST(g == (Values{0, infinity, 0, 0.25}), boost::test_tools::per_element());
  const Tensor a = Tensor::input({3}, {1, 1, 1}), b = Tensor::input({3}, {0, no_number, 2});
  const Tensor q = a / b;
  BOOST_TEST(adjoints_of<double>(tape, q, Values{0, 0, 1}, b) == (Values{0, 0, -0.25}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_partial_that_leaves_the_range_meets_its_adjoint_first) {
  Tape tape;
  const Recording recording(tape);
  const Tensor x = Tensor::input({2}, {-800, -700});
  const auto g = adjoints_of<double>(tape, exp(x), Values{1e300, 1e300}, x);  // exp(-800) alone is 0
  BOOST_TEST(g[0] == 3.6678745841776870e-48, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(g[1] == 9.8596765437597708e-5, boost::test_tools::tolerance(1e-14));
}

/// Kernels of every length, at every alignment, against the same elements in one long array: lanes must not see each other, nor memory beyond.
template <class Real> void check_lengths() {
  std::mt19937 random(7);
  std::vector<Real> x(longest + 8), y(x.size()), whole(x.size()), slope(x.size()), up(x.size()), to(x.size());
  for (auto& v : x) v = static_cast<Real>(std::uniform_real_distribution<double>(-4, 4)(random));
  for (auto& v : up) v = static_cast<Real>(std::uniform_real_distribution<double>(-2, 2)(random));
  const auto* kernels = find_unary_kernels<Real>(&op_key<Tanh>);
  const Tanh op;
  kernels->value(&op, x.data(), whole.data(), x.size());
  for (std::size_t n = 0; n <= longest; ++n) {
    for (std::size_t first : {0, 1, 3}) {
      std::fill(y.begin(), y.end(), Real(99));
      std::fill(to.begin(), to.end(), Real(99));
      kernels->value_and_slope(&op, x.data() + first, y.data() + first, slope.data() + first, n);
      kernels->pull(&op, x.data() + first, slope.data() + first, up.data() + first, to.data() + first, gradus_kernels::Into::write, n);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const bool inside = i >= first && i < first + n;
        BOOST_TEST(y[i] == (inside ? whole[i] : Real(99)));
        BOOST_TEST(to[i] == (inside ? slope[i] * up[i] : Real(99)));
      }
      kernels->pull(&op, x.data() + first, slope.data() + first, up.data() + first, to.data() + first, gradus_kernels::Into::add, n);
      for (std::size_t i = first; i < first + n; ++i) BOOST_TEST(to[i] == 2 * (slope[i] * up[i]));
    }
  }
}
BOOST_AUTO_TEST_CASE(any_length_and_alignment_in_double) { check_lengths<double>(); }
BOOST_AUTO_TEST_CASE(any_length_and_alignment_in_float) { check_lengths<float>(); }

/// a op b of these shapes against the definition, element by element, and the adjoints of sum(seeds·(a op b)).
template <class Real> void check_broadcast(const Shape& shape_a, const Shape& shape_b) {
  std::mt19937 random(11);
  const auto whole = [&](std::size_t n) {  // small whole numbers: sums and products are exact in any order
    std::vector<Real> v(n);
    for (auto& x : v) x = static_cast<Real>(static_cast<int>(random() % 9) - 4);
    return v;
  };
  const std::vector<Real> va = whole(shape_a.size()), vb = whole(shape_b.size());
  BasicTape<Real> tape;
  const BasicRecording<Real> recording(tape);
  const auto a = BasicTensor<Real>::input(shape_a, va), b = BasicTensor<Real>::input(shape_b, vb);
  const BasicTensor<Real> y = a * b;
  const std::vector<Real> seeds = whole(y.size());
  std::vector<Real> product(y.size()), ga(va.size()), gb(vb.size());
  BroadcastMap(y.shape(), shape_a, shape_b).for_each([&](std::size_t o, std::size_t i, std::size_t j) {
    product[o] = va[i] * vb[j];
    ga[i] += vb[j] * seeds[o];
    gb[j] += va[i] * seeds[o];
  });
  const std::string what = shape_a.text() + " with " + shape_b.text();
  for (std::size_t o = 0; o < product.size(); ++o) BOOST_TEST(y.values()[o] == product[o], what);
  BasicAdjoints<Real> adjoints;
  tape.sweep({Seed<Real>(y, seeds)}, adjoints);
  for (std::size_t i = 0; i < ga.size(); ++i) BOOST_TEST(adjoints[a][i] == ga[i], what << ", a");
  for (std::size_t j = 0; j < gb.size(); ++j) BOOST_TEST(adjoints[b][j] == gb[j], what << ", b");
}
BOOST_AUTO_TEST_CASE(every_broadcast_agrees_with_its_definition) {
  const std::pair<Shape, Shape> pairs[] = {{{37}, {37}},
                                           {{37}, {1}},
                                           {{}, {37}},
                                           {{5, 37}, {37}},
                                           {{5, 37}, {5, 1}},
                                           {{5, 1}, {37}},
                                           {{1, 37}, {5, 1}},
                                           {{5, 1}, {5, 1}},
                                           {{2, 3, 4, 5}, {4, 5}},
                                           {{2, 3, 4, 5}, {3, 1, 1}},
                                           {{2, 1, 4, 1}, {3, 1, 5}},
                                           {{2, 3, 4, 5}, {2, 3, 4, 5}},
                                           {{3, 1, 17}, {1, 4, 1}},
                                           {{1}, {1}}};
  for (const auto& [a, b] : pairs) {
    check_broadcast<double>(a, b);
    check_broadcast<double>(b, a);
    check_broadcast<float>(a, b);
  }
}

/// a·b + bias by the kernel against the definition, for both orders of a and b, and what lies around c.
template <class Real> void check_product(std::size_t n, std::size_t k, std::size_t m) {
  std::mt19937 random(static_cast<unsigned>(n + 100 * k + 10000 * m));
  const auto whole = [&](std::size_t size) {  // small whole numbers: sums are exact in any order
    std::vector<Real> v(size);
    for (auto& x : v) x = static_cast<Real>(static_cast<int>(random() % 9) - 4);
    return v;
  };
  const auto turned = [](const std::vector<Real>& x, std::size_t rows, std::size_t columns) {
    std::vector<Real> t(x.size());
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) t[j * rows + i] = x[i * columns + j];
    return t;
  };
  const std::vector<Real> a = whole(n * k), b = whole(k * m), bias = whole(m), a_turned = turned(a, n, k), b_turned = turned(b, k, m);
  std::vector<Real> product(n * m);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t t = 0; t < k; ++t)
      for (std::size_t j = 0; j < m; ++j) product[i * m + j] += a[i * k + t] * b[t * m + j];
  const auto& kernels = product_kernels<Real>();
  std::vector<Real> room(kernels.workspace(n, k, m));
  constexpr std::size_t margin = 20;
  using Matrix = gradus_kernels::Matrix<Real>;
  for (const Matrix& left : {Matrix{a.data(), n, k, k, true}, Matrix{a_turned.data(), n, k, n, false}})
    for (const Matrix& right : {Matrix{b.data(), k, m, m, true}, Matrix{b_turned.data(), k, m, k, false}})
      for (const bool with_bias : {false, true}) {
        std::vector<Real> c(n * m + 2 * margin, Real(99));
        BOOST_TEST(kernels.multiply(left, right, with_bias ? bias.data() : nullptr, c.data() + margin, room.data()));
        bool equal = true, untouched = true;
        for (std::size_t i = 0; i < n * m; ++i) equal = equal && c[margin + i] == product[i] + (with_bias ? bias[i % m] : 0);
        for (std::size_t i = 0; i < margin; ++i) untouched = untouched && c[i] == 99 && c[margin + n * m + i] == 99;
        BOOST_TEST(equal, n << "x" << k << "x" << m << ", rows of a and b: " << left.by_rows << right.by_rows << ", bias " << with_bias);
        BOOST_TEST(untouched, n << "x" << k << "x" << m);
      }
}
BOOST_AUTO_TEST_CASE(products_agree_with_their_definition_at_every_edge_of_a_tile) {
  for (std::size_t n : {1, 2, 3, 4, 5, 8, 9, 13, 40})
    for (std::size_t k : {0, 1, 10, 64, 65})
      for (std::size_t m : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 48, 63, 64, 65, 81}) {
        check_product<double>(n, k, m);
        check_product<float>(n, k, m);
      }
  for (const auto& [n, k, m] : {std::array<std::size_t, 3>{513, 66, 5}, {9, 130, 1030}, {1030, 3, 18}}) {
    check_product<double>(n, k, m);
    check_product<float>(n, k, m);
  }
}
template <class Real> void check_that_extremes_are_told() {
  constexpr std::size_t n = 11, k = 67, m = 29;
  constexpr auto infinity = std::numeric_limits<Real>::infinity();
  constexpr Real tiny = std::numeric_limits<Real>::min(), huge = std::numeric_limits<Real>::max();
  const auto& kernels = product_kernels<Real>();
  std::vector<Real> room(kernels.workspace(n, k, m)), c(n * m);
  const std::vector<Real> b(k * m, Real(1));
  const auto multiply = [&](std::size_t row, Real value) {
    std::vector<Real> a(n * k, Real(0.5));
    std::fill_n(a.begin() + static_cast<std::ptrdiff_t>(row * k), k, Real(0));
    a[row * k + row] = value;
    return kernels.multiply({a.data(), n, k, k, true}, {b.data(), k, m, m, true}, nullptr, c.data(), room.data());
  };
  for (std::size_t row = 0; row < n; ++row) {
    BOOST_TEST(multiply(row, Real(0)));  // entries that are 0 are ordinary
    BOOST_TEST(multiply(row, Real(1)));
    for (const Real value : {infinity, -infinity, infinity - infinity, tiny, -huge}) {
      BOOST_TEST(!multiply(row, value));
      BOOST_TEST((c[row * m + m - 1] == value || value != value));
    }
  }
}
BOOST_AUTO_TEST_CASE(products_tell_of_entries_at_either_end_of_the_range) {
  check_that_extremes_are_told<double>();
  check_that_extremes_are_told<float>();
}

BOOST_AUTO_TEST_CASE(one_tensor_as_both_operands_gets_both_contributions) {
  Tape tape;
  const Recording recording(tape);
  std::vector<double> values(longest), ones(longest, 1.0), doubled;
  std::iota(values.begin(), values.end(), 1.0);
  for (const double v : values) doubled.push_back(2 * v);
  const Tensor x = Tensor::input({longest}, values);
  BOOST_TEST(adjoints_of<double>(tape, x * x, ones, x) == doubled, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_adjoint_of_a_shared_scalar_keeps_its_digits) {
  Tape tape;
  const Recording recording(tape);
  // 1 and -1 cancel and leave 1000 times 1e-16, which a running sum would round away.
  std::vector<double> seeds{1.0};
  seeds.insert(seeds.end(), 1000, 1e-16);
  seeds.push_back(-1.0);
  const Tensor s = Tensor::input({}, {3.0}), x = Tensor({seeds.size()}, std::vector<double>(seeds.size(), 1.0));
  BOOST_TEST(adjoints_of<double>(tape, s * x, seeds, s)[0] == 1e-13, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(powers_and_hypotenuses_at_the_ends_of_the_range) {
  constexpr double largest = std::numeric_limits<double>::max();
  BOOST_TEST(pow(Tensor({1}, {largest}), 1.0).values()[0] == largest);
  using Floats = BasicTensor<float>;
  BasicTape<float> tape;
  const BasicRecording recording(tape);
  const std::vector<float> tiny(20, 1e-45F), ones(20, 1.0F);
  const Floats x = Floats::input({20}, tiny), y = Floats::input({20}, tiny);
  const std::vector<float> slopes = adjoints_of<float>(tape, hypot(x, y), ones, x);
  for (const float s : slopes) BOOST_TEST(s == 0.70710678F, boost::test_tools::tolerance(1e-6F));
}
