// Where ops are checked.
#include <ops/verify/probes.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include <ops/functions.hpp>

namespace gradus {
namespace {

using Points = std::vector<double>;

bool is_bounded(const Domain& d) { return std::isfinite(d.low) && std::isfinite(d.high); }
bool is_whole_line(const Domain& d) { return !std::isfinite(d.low) && !std::isfinite(d.high); }

/// Ordinary points of a domain, few enough to be combined for binary ops.
Points grid(const Domain& d, bool few) {
  if (is_bounded(d)) {
    Points p;
    for (const double t : {0.02, 0.15, 0.37, 0.5, 0.71, 0.93}) p.push_back(d.low + t * (d.high - d.low));
    return p;
  }
  if (is_whole_line(d)) return few ? Points{-2.3, -0.6, 0.4, 1.7, 5.1} : Points{-5.3, -3.7, -2.1, -1.3, -0.7, -0.2, 0.1, 0.4, 0.9, 1.6, 2.8, 4.5};
  Points p;
  for (const double t : few ? Points{0.3, 1.4, 3.9} : Points{0.01, 0.2, 0.7, 1.3, 2.6, 7.9}) p.push_back(std::isfinite(d.low) ? d.low + t : d.high - t);
  return p;
}

std::vector<double> kinks_of(const OpInfo& info, std::span<const double> parameters) {
  expression::Variables<double> values;
  for (std::size_t i = 0; i < info.parameters.size(); ++i) values.emplace(std::string(info.parameters[i].name), parameters[i]);
  std::vector<double> kinks;
  for (const std::string_view text : info.kinks) kinks.push_back(expression::evaluate(expression::Expression::parse(text), values, functions<double>()).scalar());
  return kinks;
}

}  // namespace

std::vector<std::vector<double>> parameter_sets(const OpInfo& info) {
  std::vector<double> set;
  for (const Parameter& p : info.parameters) set.push_back(p.value);
  std::vector<std::vector<double>> sets{set};
  // The k-th alternatives of all parameters together: pairs such as min and max must fit each other.
  std::size_t most = 0;
  for (const Parameter& p : info.parameters) most = std::max(most, p.also.size());
  for (std::size_t k = 0; k < most; ++k) {
    for (std::size_t i = 0; i < set.size(); ++i) set[i] = k < info.parameters[i].also.size() ? info.parameters[i].also[k] : info.parameters[i].value;
    sets.push_back(set);
  }
  return sets;
}

std::vector<Probe> probes_of(const OpInfo& info, std::span<const double> parameters) {
  std::vector<Probe> probes;
  const auto domain = [&](std::size_t k) { return k < info.domain.size() ? info.domain[k] : Domain{}; };
  const auto take = [&](const std::string& regime, std::vector<double> at) {
    for (std::size_t k = 0; k < at.size(); ++k)
      if (!domain(k).contains(at[k])) return;
    probes.push_back({regime, std::move(at)});
  };
  if (info.operands.size() == 1) {
    const Domain d = domain(0);
    for (const double x : grid(d, false)) take("ordinary", {x});
    for (const double m : {1e-3, 1e-8, 1e-150, 1e-300, 5e-324})
      for (const double x : {m, -m}) take("tiny", {x});
    for (const double m : {8.3, 20.25, 40.25, 300.5, 700.125})
      for (const double x : {m, -m}) take("tail", {x});
    for (const double end : {d.low, d.high})
      if (std::isfinite(end))
        for (const double distance : {1e-3, 1e-9, 1e-15}) take("end of the domain", {end + (end == d.low ? distance : -distance)});
    for (const double kink : kinks_of(info, parameters)) {
      take("kink", {kink});
      for (const double side : {-1.0, 1.0}) {
        take("kink", {std::nextafter(kink, side * std::numeric_limits<double>::infinity())});
        for (const double distance : {1e-12, 1e-6, 1e-2}) take("kink", {kink + side * distance});
      }
    }
  } else {
    for (const double a : grid(domain(0), true))
      for (const double b : grid(domain(1), true)) take("ordinary", {a, b});
    for (const double a : {1e-8, 3e8, -2e-8, -7e7})
      for (const double b : {2e-8, 5e8, -3e-8, -3.0}) take("magnitudes", {a, b});
  }
  // Declared points are taken as they are: they may lie outside the domain on purpose (negative bases with whole exponents).
  for (const Probes& p : info.probes)
    for (std::size_t i = 0; i + info.operands.size() <= p.points.size(); i += info.operands.size())
      probes.push_back({std::string(p.regime), std::vector<double>(p.points.begin() + i, p.points.begin() + i + info.operands.size())});
  return probes;
}

Shape parse_shape(std::string_view text) {
  if (text == "scalar") return Shape{};
  std::vector<std::size_t> extents;
  std::size_t extent = 0;
  bool digits = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9' && extent < 100000000) {
      extent = extent * 10 + static_cast<std::size_t>(c - '0');
      digits = true;
    } else if (c == 'x' && digits) {
      extents.push_back(extent);
      extent = 0;
      digits = false;
    } else {
      throw ArgumentError(fmt::format("shape '{}': expected something like 4x5, or scalar", text));
    }
  }
  if (!digits) throw ArgumentError(fmt::format("shape '{}': expected something like 4x5, or scalar", text));
  extents.push_back(extent);
  return Shape(extents);
}

std::vector<double> filled(Fill fill, const Shape& shape, std::size_t classes, Random& random) {
  std::vector<double> v(shape.size());
  const std::size_t row = shape.rank() == 0 ? 1 : std::max<std::size_t>(shape[shape.rank() - 1], 1);
  const auto by_row = [&](auto f) {
    for (std::size_t i = 0; i < v.size(); i += row) f(std::span(v).subspan(i, row));
  };
  switch (fill) {
    case Fill::normal:
      for (double& x : v) x = 2 * random.normal();
      break;
    case Fill::wide:
      by_row([&](std::span<double> r) {
        const double offset = random.sign() * std::pow(10.0, random.uniform(3, 8));
        for (double& x : r) x = offset + random.uniform(-40, 40);
      });
      break;
    case Fill::saturated:
      by_row([&](std::span<double> r) {
        for (double& x : r) x = random.normal();
        r[random.bits() % row] += random.uniform(20, 40);
      });
      break;
    case Fill::scattered:
      for (double& x : v) x = random.sign() * std::pow(10.0, random.uniform(-8, 8));
      break;
    case Fill::ties:
      for (double& x : v) x = std::floor(random.uniform(-2, 3));
      break;
    case Fill::positive:
      for (double& x : v) x = random.uniform(0.1, 2);
      break;
    case Fill::simplex:
      by_row([&](std::span<double> r) {
        double sum = 0;
        for (double& x : r) sum += x = random.uniform(0.05, 1);
        for (double& x : r) x /= sum;
      });
      break;
    case Fill::unnormalised:
      for (double& x : v) x = random.bits() % 4 == 0 ? 0.0 : random.uniform(0, 1.5);
      break;
    case Fill::one_hot:
      by_row([&](std::span<double> r) { r[random.bits() % row] = 1; });
      break;
    case Fill::class_index:
      for (double& x : v) x = static_cast<double>(random.bits() % std::max<std::size_t>(classes, 1));
      break;
  }
  return v;
}

}  // namespace gradus
