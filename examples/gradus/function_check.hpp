// What a function of the user is checked by.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <autodiff/verify/check.hpp>
#include <ops/verify/probes.hpp>

#include "user_function.hpp"

namespace gradus::cli {

/// What is checked of a function: every entry if there are few, else some, and the slope along directions that involve all of them.
struct Coordinates {
  std::vector<std::size_t> entries;
  std::vector<std::vector<double>> directions;

  /// `suspects` come first.
  Coordinates(std::size_t inputs, const std::vector<std::size_t>& suspects, std::uint64_t seed) {
    constexpr std::size_t most = 12;
    entries = suspects;
    entries.resize(std::min(entries.size(), most / 3));
    for (std::size_t k = 0; k < std::min(inputs, most); ++k)
      if (const std::size_t i = inputs <= most ? k : k * (inputs - 1) / (most - 1); std::find(entries.begin(), entries.end(), i) == entries.end()) entries.push_back(i);
    std::sort(entries.begin(), entries.end());
    if (inputs <= most) return;
    Random random(seed);
    for (int k = 0; k < 2; ++k) {
      std::vector<double> d;
      for (std::size_t i = 0; i < inputs; ++i) d.push_back(random.sign() * random.uniform(0.5, 1.5));  // of one size: no entry hides
      directions.push_back(std::move(d));
    }
  }
  [[nodiscard]] std::size_t size() const { return entries.size() + directions.size(); }

  /// A gradient (or, with `modulus`, a scale) along the coordinates.
  [[nodiscard]] std::vector<double> project(const std::vector<double>& gradient, bool modulus = false) const {
    std::vector<double> along;
    for (const std::size_t i : entries) along.push_back(gradient[i]);
    for (const std::vector<double>& d : directions) {
      double total = 0;
      for (std::size_t i = 0; i < d.size(); ++i) total += gradient[i] * (modulus ? std::fabs(d[i]) : d[i]);
      along.push_back(total);
    }
    return along;
  }
  /// The point that is `step` away from x along a coordinate.
  template <class T> void move(std::vector<T>& x, std::size_t coordinate, const T& step) const {
    if (coordinate < entries.size()) x[entries[coordinate]] += step;
    else
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += step * directions[coordinate - entries.size()][i];
  }
};

/// Everything but the gradient and what only claims have. Keeps references to f and the coordinates.
[[nodiscard]] GradientUnderTest prepare(const UserFunction& f, const std::vector<double>& at, const Coordinates& coordinates, const std::vector<double>& gradient);

/// The tape's own gradient as an oracle for a claim. At a kink it is one choice among several: it abstains.
[[nodiscard]] GradientUnderTest::Oracle tape_oracle(const GradientUnderTest& test, const std::vector<double>& gradient);

}  // namespace gradus::cli
