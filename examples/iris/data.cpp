// Reading, splitting and standardising Fisher's irises.
#include "data.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

namespace iris {
namespace {

constexpr std::string_view header = "sepal_length,sepal_width,petal_length,petal_width,species";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (auto comma = line.find(','); comma != std::string_view::npos; comma = line.find(',')) {
    fields.push_back(trimmed(line.substr(0, comma)));
    line.remove_prefix(comma + 1);
  }
  fields.push_back(trimmed(line));
  return fields;
}

/// Adds one row; throws a message without its place.
void add_row(Flowers& flowers, std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() != feature_count + 1) throw DataError(fmt::format("{} columns, not the {} of {}", fields.size(), feature_count + 1, header));
  for (std::size_t i = 0; i < feature_count; ++i) {
    double x = 0;
    const auto [end, error] = std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), x);
    if (error != std::errc() || end != fields[i].data() + fields[i].size() || !std::isfinite(x))
      throw DataError(fmt::format("column {} is '{}', not a number", i + 1, fields[i]));
    flowers.features.push_back(x);
  }
  const auto* found = std::find(species_names.begin(), species_names.end(), fields.back());
  if (found == species_names.end()) throw DataError(fmt::format("unknown species '{}': it must be setosa, versicolor or virginica", fields.back()));
  flowers.species.push_back(static_cast<int>(found - species_names.begin()));
}

/// Turns each feature into (x - mean) / deviation, both of the training rows.
void standardise(Split& rows) {
  const auto n = static_cast<double>(rows.train.rows());
  for (std::size_t f = 0; f < feature_count; ++f) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < rows.train.rows(); ++i) mean += rows.train.features[i * feature_count + f] / n;
    for (std::size_t i = 0; i < rows.train.rows(); ++i) variance += std::pow(rows.train.features[i * feature_count + f] - mean, 2) / n;
    const double scale = variance > 0 ? std::sqrt(variance) : 1;  // a feature that is the same everywhere says nothing, but must not become NaN
    for (Flowers* part : {&rows.train, &rows.test})
      for (std::size_t i = 0; i < part->rows(); ++i) {
        double& x = part->features[i * feature_count + f];
        x = (x - mean) / scale;
      }
  }
}

}  // namespace

Flowers read_flowers(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(fmt::format("{}: cannot open this file: {}", file, std::strerror(errno)));
  Flowers flowers;
  std::string line;
  std::size_t number = 0;
  const auto fail = [&](std::string_view what) { throw DataError(fmt::format("{}:{}: {}", file, number, what)); };
  bool header_seen = false;
  while (std::getline(in, line)) {
    ++number;
    std::string_view text = trimmed(line);
    if (number == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the byte order mark that spreadsheets write
    if (text.empty()) continue;
    if (!header_seen) {
      if (text != header) fail(fmt::format("the first line must be {}, not {:.80}", header, text));
      header_seen = true;
      continue;
    }
    try {
      add_row(flowers, text);
    } catch (const DataError& e) {
      fail(e.what());
    }
  }
  if (in.bad()) throw DataError(fmt::format("{}: cannot read this file: {}", file, std::strerror(errno)));
  for (std::size_t s = 0; s < species_count; ++s) {
    const auto rows = std::count(flowers.species.begin(), flowers.species.end(), static_cast<int>(s));
    if (rows < 3) fail(fmt::format("the file ends after {} rows of {}: at least 3 are needed, to train on 2 and test on 1", rows, species_names[s]));
  }
  return flowers;
}

Split split(const Flowers& flowers, Generator& random) {
  Split result;
  for (int s = 0; s < static_cast<int>(species_count); ++s) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < flowers.rows(); ++i)
      if (flowers.species[i] == s) rows.push_back(i);
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.below(i)]);  // Fisher and Yates
    const std::size_t train_rows = (2 * rows.size() + 1) / 3;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      Flowers& part = k < train_rows ? result.train : result.test;
      const auto from = flowers.features.begin() + static_cast<std::ptrdiff_t>(rows[k] * feature_count);
      part.features.insert(part.features.end(), from, from + feature_count);
      part.species.push_back(s);
    }
  }
  standardise(result);
  return result;
}

}  // namespace iris
