// What a function of the user is checked by.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <autodiff/verify/check.hpp>
#include <ops/verify/probes.hpp>

#include "user_function.hpp"

namespace gradus::cli {

/// What is checked of a function's gradient: every entry if there are few, else some, and the slope along directions that involve all of them.
struct Coordinates {
  std::vector<std::size_t> entries;
  std::vector<std::vector<double>> directions;
  std::size_t among = 0;  ///< how many entries a direction involves

  /// Of the entries `of` a gradient of `inputs` entries. `suspects` come first.
  Coordinates(const std::vector<std::size_t>& of, std::size_t inputs, const std::vector<std::size_t>& suspects, std::uint64_t seed, std::size_t most = 12) : among(of.size()) {
    const bool all = of.size() <= most;
    entries = suspects;
    entries.resize(std::min(entries.size(), std::max<std::size_t>(most / 3, 1)));
    for (std::size_t k = 0; k < std::min(of.size(), most); ++k)
      if (const std::size_t i = of[all || most < 2 ? k : k * (of.size() - 1) / (most - 1)]; std::find(entries.begin(), entries.end(), i) == entries.end()) entries.push_back(i);
    std::sort(entries.begin(), entries.end());
    if (all) return;
    Random random(seed);
    for (int k = 0; k < 2; ++k) {
      std::vector<double> d(inputs, 0.0);
      for (const std::size_t i : of) d[i] = random.sign() * random.uniform(0.5, 1.5);  // of one size: no entry hides
      directions.push_back(std::move(d));
    }
  }
  [[nodiscard]] std::size_t size() const { return entries.size() + directions.size(); }

  /// A gradient (or, with `modulus`, a scale) along the coordinates.
  template <class T> [[nodiscard]] std::vector<T> project(const std::vector<T>& gradient, bool modulus = false) const {
    std::vector<T> along;
    for (const std::size_t i : entries) along.push_back(gradient[i]);
    for (const std::vector<double>& d : directions) {
      T total = 0;
      for (std::size_t i = 0; i < d.size(); ++i)
        if (d[i] != 0) total += gradient[i] * (modulus ? std::fabs(d[i]) : d[i]);
      along.push_back(total);
    }
    return along;
  }
  /// "y", or "direction 1 of 40 inputs".
  [[nodiscard]] std::string name(std::size_t coordinate, const std::vector<std::string>& inputs) const {
    if (coordinate < entries.size()) return inputs[entries[coordinate]];
    return fmt::format("direction {} of {}{} inputs", coordinate - entries.size() + 1, among == inputs.size() ? "all " : "", among);
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

/// Operations that a value takes, for what can be afforded in 400 digits.
[[nodiscard]] double operations_of(const UserFunction& f, std::span<const double> at);

/// The tape's own gradient as an oracle for a claim. At a kink it is one choice among several: it abstains.
[[nodiscard]] GradientUnderTest::Oracle tape_oracle(const GradientUnderTest& test, const std::vector<double>& gradient);

}  // namespace gradus::cli
