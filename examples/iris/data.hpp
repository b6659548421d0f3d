// Fisher's irises: reading them from a file, splitting and standardising them. Nothing here differentiates.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace iris {

inline constexpr std::array species_names{"setosa", "versicolor", "virginica"};
inline constexpr std::size_t species_count = species_names.size();
inline constexpr std::size_t feature_count = 4;  ///< length and width of sepal and petal, in cm

/// Row i has features[4i … 4i+3] and is of species_names[species[i]].
struct Flowers {
  std::vector<double> features;
  std::vector<int> species;
  [[nodiscard]] std::size_t rows() const { return species.size(); }
};

/// A file that cannot be used; the message starts with file:line, or with the file.
struct DataError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads sepal_length,sepal_width,petal_length,petal_width,species under a header of these words. Empty lines and CRLF are accepted.
/// Throws DataError for anything else, and when a species has fewer than 3 rows.
[[nodiscard]] Flowers read_flowers(const std::string& file);

/// Random numbers that are the same everywhere: the distributions and std::shuffle of the standard library are not.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : bits_(seed) {}
  /// From [low, high).
  double uniform(double low, double high) { return low + (high - low) * static_cast<double>(bits_() >> 11) * 0x1p-53; }
  /// From 0, 1, … n-1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits_() % n); }

 private:
  std::mt19937_64 bits_;
};

struct Split {
  Flowers train, test;
};

/// Two thirds of every species for training, the rest for testing, drawn at random; then both scaled by the same rule, which gives the
/// features of the training rows mean 0 and standard deviation 1: the test rows have no say in it.
[[nodiscard]] Split split(const Flowers& flowers, Generator& random);

}  // namespace iris
