// Random programs: the adjoints of every input agree with forward mode, folded or not, whatever is copied, moved, aliased or forgotten.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <autodiff/autodiff.hpp>

#include "tests/autodiff/random_program.hpp"

using namespace gradus;
using gradus::testing::random_program, gradus::testing::Scaled, gradus::testing::Extras;

namespace {

/// GRADUS_RANDOM_PROGRAMS overrides; sanitizers and debug builds take a share, since one program costs them twenty times as much.
std::uint64_t number_of_programs() {
  if (const char* text = std::getenv("GRADUS_RANDOM_PROGRAMS")) return std::strtoull(text, nullptr, 10);
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
  return 10000;
#else
  return 300000;
#endif
}

struct Result {
  double value = 0;
  std::vector<double> gradient;
};

Result record(Tape& tape, Adjoints& adjoints, std::uint64_t seed, const std::vector<double>& at) {
  tape.clear();
  const Recording recording(tape);
  std::vector<Var> x;
  for (const double v : at) x.push_back(Var::input(v));
  const Var y = random_program<Var>(seed, x, Extras<Var>{tape});
  Result result{y.value(), std::vector<double>(at.size(), 0.0)};
  if (y.is_constant()) return result;
  tape.sweep(y, adjoints);
  for (std::size_t i = 0; i < at.size(); ++i) result.gradient[i] = adjoints[x[i]];
  return result;
}

bool agree(double a, double b, double scale) { return a == b || std::abs(a - b) <= 1e-12 * scale || (std::isnan(a) && std::isnan(b)); }

}  // namespace

BOOST_AUTO_TEST_CASE(random_programs_have_the_gradient_of_forward_mode_folded_or_not) {
  Tape folding, plain(Tape::Options{.fold = false});
  Adjoints adjoints;
  const std::vector<double> at = {0.75, -1.25, 0.5, 1.5};
  std::size_t saved = 0, wrong = 0;
  for (std::uint64_t seed = 0, n = number_of_programs(); seed < n && wrong < 10; ++seed) {
    const Result folded = record(folding, adjoints, seed, at), unfolded = record(plain, adjoints, seed, at);
    saved += plain.nodes().count() - folding.nodes().count();
    for (std::size_t i = 0; i < at.size(); ++i) {
      std::vector<Scaled> x(at.begin(), at.end());
      x[i] = Scaled(Dual<double>(at[i], 1.0), 1.0);
      const Scaled y = random_program<Scaled>(seed, x, {});
      const bool right = folded.value == unfolded.value && agree(folded.value, y.value(), std::abs(y.value())) && agree(folded.gradient[i], y.dual.tangent, y.scale) &&
                         agree(unfolded.gradient[i], y.dual.tangent, y.scale);
      if (right) continue;
      ++wrong;
      BOOST_ERROR("program " << seed << ", input " << i << ": value " << folded.value << " (unfolded " << unfolded.value << ", forward " << y.value() << "), gradient "
                             << folded.gradient[i] << " (unfolded " << unfolded.gradient[i] << ", forward " << y.dual.tangent << "), sum of |terms| " << y.scale);
    }
  }
  BOOST_TEST(saved > 0U);
}
