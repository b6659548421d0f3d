// Data of the workloads.
#pragma once

#include <cstddef>
#include <vector>

namespace bench {

/// Deterministic numbers in (low, high), the same on every system.
template <class Real = double> std::vector<Real> numbers(std::size_t n, double low, double high, unsigned long long seed = 1) {
  std::vector<Real> v(n);
  for (Real& x : v) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    x = static_cast<Real>(low + (high - low) * (static_cast<double>(seed >> 11) * 0x1p-53));
  }
  return v;
}

}  // namespace bench
