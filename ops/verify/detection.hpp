// How small an error of a gradient the checker sees: measured by making right rules wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// The smallest relative error, a power of 10, that was seen wherever it was tried; 1 when none was.
struct DetectionLimit {
  std::string name;             ///< the function whose gradient was multiplied by 1 + error
  std::size_t inputs = 0;
  double differences = 1;       ///< by structure and differences alone
  double witnesses = 1;         ///< with a closed form and 400 digits
};

/// Of every family of mutants, at `points` normal points each.
[[nodiscard]] std::vector<DetectionLimit> detection_limits(std::uint64_t seed = 0x5eed, std::size_t points = 3);

/// The smallest error of one entry of an n × n Jacobian, relative to its largest, that random directions see.
[[nodiscard]] double wrong_entry_limit(std::size_t n, std::uint64_t seed = 0x5eed);

}  // namespace gradus
