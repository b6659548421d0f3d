// Generated points by regime.
#include <autodiff/verify/regimes.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include <autodiff/verify/random.hpp>

namespace gradus {
namespace {

/// Moves a number into the domain: reflected at a single end, wrapped smoothly between two.
double into(const Domain& d, double v) {
  if (d.contains(v)) return v;
  const bool low = std::isfinite(d.low), high = std::isfinite(d.high);
  if (low && high) return d.low + (d.high - d.low) * (0.5 + 0.49 * std::tanh(v));
  if (low) return d.low + (std::fabs(v - d.low) > 0 ? std::fabs(v - d.low) : 1);
  if (high) return d.high - (std::fabs(v - d.high) > 0 ? std::fabs(v - d.high) : 1);
  return v;
}

double log_uniform(Random& random, double low, double high) { return random.sign() * std::exp(random.uniform(std::log(low), std::log(high))); }

double near_a_kink(Random& random) {
  constexpr std::array places{0.0, 0.0, 1.0, -1.0, 0.5, -0.5, 3.0, -3.0};
  const double at = places[random.below(places.size())];
  switch (random.below(4)) {
    case 0: return at;
    case 1: return at + log_uniform(random, 1e-12, 1e-4);
    default: return at + log_uniform(random, 1e-3, 0.3);
  }
}

double tiny(Random& random) {
  switch (random.below(4)) {
    case 0: return 0.0;
    case 1: return -0.0;
    case 2: return log_uniform(random, 1e-320, 1e-300);
    default: return log_uniform(random, 1e-300, 1e-8);
  }
}

struct Regime {
  const char* name;
  bool hard;
  void (*fill)(Random& random, std::vector<double>& x);
};

template <class Draw> void each(std::vector<double>& x, Draw&& draw) {
  for (double& v : x) v = draw();
}

constexpr std::array regimes{
    Regime{"normal", false, [](Random& r, std::vector<double>& x) { each(x, [&] { return r.normal(); }); }},
    Regime{"wide", false, [](Random& r, std::vector<double>& x) { each(x, [&] { return r.uniform(-4, 4); }); }},
    Regime{"tails", true, [](Random& r, std::vector<double>& x) { each(x, [&] { return r.sign() * r.uniform(5, 60); }); }},
    Regime{"one dominates", true,
           [](Random& r, std::vector<double>& x) {
             each(x, [&] { return r.normal(); });
             if (!x.empty()) x[r.below(x.size())] = r.sign() * r.uniform(10, 60);
           }},
    Regime{"kinks", true, [](Random& r, std::vector<double>& x) { each(x, [&] { return near_a_kink(r); }); }},
    Regime{"ties", true,
           [](Random& r, std::vector<double>& x) {
             const std::array two{r.normal(), r.normal()};
             each(x, [&] { return two[r.below(2)]; });
           }},
    Regime{"all equal", true, [](Random& r, std::vector<double>& x) { const double v = 2 * r.normal(); each(x, [&] { return v; }); }},
    Regime{"tiny", true, [](Random& r, std::vector<double>& x) { each(x, [&] { return tiny(r); }); }},
    Regime{"magnitudes", true, [](Random& r, std::vector<double>& x) { each(x, [&] { return log_uniform(r, 1e-6, 1e6); }); }},
    Regime{"integers", true, [](Random& r, std::vector<double>& x) { each(x, [&] { return r.sign() * static_cast<double>(r.below(4)); }); }},
    Regime{"one scale", true,
           [](Random& r, std::vector<double>& x) {
             const double scale = std::fabs(log_uniform(r, 1e-9, 1e6));
             each(x, [&] { return scale * r.normal(); });
           }},
    Regime{"mixed", true,
           [](Random& r, std::vector<double>& x) {
             each(x, [&] {
               switch (r.below(4)) {
                 case 0: return r.normal();
                 case 1: return r.sign() * r.uniform(5, 60);
                 case 2: return near_a_kink(r);
                 default: return tiny(r);
               }
             });
           }},
};

}  // namespace

std::vector<GeneratedPoint> generate_points(std::size_t inputs, std::span<const Domain> domain, std::uint64_t seed, std::size_t each_regime, bool hard) {
  std::vector<GeneratedPoint> points;
  Random random(seed);
  for (const Regime& regime : regimes) {
    if (regime.hard && !hard) continue;
    for (std::size_t k = 0; k < each_regime; ++k) {
      GeneratedPoint p{regime.name, std::vector<double>(inputs)};
      regime.fill(random, p.x);
      for (std::size_t i = 0; i < std::min(inputs, domain.size()); ++i) p.x[i] = into(domain[i], p.x[i]);
      points.push_back(std::move(p));
    }
  }
  if (!hard || inputs == 0 || inputs > 2) return points;
  // Few inputs are cheap: every decade near 1, every few beyond, and integers.
  const auto add = [&](const char* regime, double size, double sign = 0) {
    GeneratedPoint p{regime, std::vector<double>(inputs)};
    for (std::size_t i = 0; i < inputs; ++i) {
      p.x[i] = (sign == 0 || i > 0 ? random.sign() : sign) * size * (i == 0 ? 1 : std::exp(random.normal()));
      if (i < domain.size()) p.x[i] = into(domain[i], p.x[i]);
    }
    points.push_back(std::move(p));
  };
  const std::size_t steps = 8 * each_regime;  // from 0 to 4 and its mirror image
  for (std::size_t k = 0; k < steps; ++k)
    for (const double sign : {1.0, -1.0}) add("wide", 4 * (static_cast<double>(k) + random.uniform(0, 1)) / static_cast<double>(steps), sign);
  for (double decade = -9; decade < 6; decade += 2.0 / static_cast<double>(each_regime)) add("magnitudes", std::pow(10.0, decade + random.uniform(0, 1)));
  for (const double exponent : {-200.0, -60.0, -25.0, -14.0, 8.0, 11.0, 15.0, 25.0, 60.0, 200.0}) add("extreme", std::pow(10.0, exponent + random.uniform(-2, 2)));
  for (const double whole : {1.0, 2.0, 3.0, 4.0, 5.0, 10.0})
    for (const double sign : {1.0, -1.0}) add("integers", whole, sign);
  return points;
}

}  // namespace gradus
