// Shapes of tensors: checks, broadcasting, text.
#include <autodiff/shape.hpp>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include <autodiff/error.hpp>

namespace gradus {

Shape::Shape(std::span<const std::size_t> extents) : rank_(static_cast<std::uint32_t>(extents.size())) {
  if (extents.size() > max_rank) throw ShapeError(fmt::format("shape: {} axes: at most {} are supported", extents.size(), max_rank));
  constexpr std::size_t most = 0xffffffff;
  std::size_t n = 1;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] > most || (extents[i] != 0 && n > most / extents[i])) throw ShapeError("shape: more elements than 32-bit slots can number");
    n *= extents[i];
  }
  // In one piece, as it is copied next: what was written in smaller pieces cannot be read in one before all that precedes it has reached the cache (40 ns).
  typedef std::uint32_t Extents __attribute__((vector_size(sizeof(std::uint32_t) * max_rank)));
  const auto extent = [&](std::size_t i) { return i < extents.size() ? static_cast<std::uint32_t>(extents[i]) : 0; };
  const Extents all = {extent(0), extent(1), extent(2), extent(3)};
  std::memcpy(extents_.data(), &all, sizeof all);
}

std::string Shape::text() const {
  if (rank_ == 0) return "scalar";
  return fmt::format("{}", fmt::join(extents_.begin(), extents_.begin() + rank_, "x"));
}

std::size_t Shape::axis(int signed_axis, const char* who) const {
  const int rank = static_cast<int>(rank_);
  if (signed_axis < -rank || signed_axis >= rank) throw ShapeError(fmt::format("{}: axis {} does not exist in shape {}", who, signed_axis, text()));
  return static_cast<std::size_t>(signed_axis < 0 ? signed_axis + rank : signed_axis);
}

Shape Shape::without(std::size_t axis) const {
  Shape s;
  for (std::size_t i = 0; i < rank_; ++i)
    if (i != axis) s.extents_[s.rank_++] = extents_[i];
  return s;
}

Shape broadcast(const Shape& a, const Shape& b, const char* who) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::array<std::size_t, Shape::max_rank> extents{};
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t from_right = rank - i;
    const std::size_t x = from_right > a.rank() ? 1 : a[a.rank() - from_right], y = from_right > b.rank() ? 1 : b[b.rank() - from_right];
    if (x != y && x != 1 && y != 1) throw ShapeError(fmt::format("{}: shapes {} and {} do not broadcast: {} against {} on axis {} from the right", who, a.text(), b.text(), x, y, from_right));
    extents[i] = x == 1 ? y : x;
  }
  return Shape(std::span(extents.data(), rank));
}

BroadcastMap::BroadcastMap(const Shape& out, const Shape& a, const Shape& b) {
  const auto fill = [&](const Shape& s, std::array<std::size_t, Shape::max_rank>& stride) {
    std::size_t step = 1;
    for (std::size_t from_right = 1; from_right <= s.rank(); ++from_right) {
      const std::size_t extent = s[s.rank() - from_right];
      stride[Shape::max_rank - from_right] = extent == 1 ? 0 : step;
      step *= extent;
    }
  };
  for (std::size_t from_right = 1; from_right <= out.rank(); ++from_right) extents[Shape::max_rank - from_right] = out[out.rank() - from_right];
  fill(a, stride_a);
  fill(b, stride_b);
}

AxisView::AxisView(const Shape& shape, std::size_t axis) : length(shape[axis]) {
  for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
}

}  // namespace gradus
