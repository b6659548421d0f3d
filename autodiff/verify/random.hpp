// Random numbers for generated tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace gradus {

/// Deterministic random numbers (splitmix64), the same with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  [[nodiscard]] double uniform(double low, double high) { return low + (high - low) * (static_cast<double>(bits() >> 11) * 0x1p-53); }
  [[nodiscard]] double normal() { return std::sqrt(-2 * std::log(uniform(1e-16, 1))) * std::cos(2 * std::numbers::pi * uniform(0, 1)); }
  [[nodiscard]] double sign() { return bits() % 2 == 0 ? 1.0 : -1.0; }
  /// One of 0 … n-1.
  [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }

 private:
  std::uint64_t state_;
};

}  // namespace gradus
