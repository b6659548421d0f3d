// Shapes of tensors: row-major, rank at most 4, NumPy broadcasting.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace gradus {

/// The extents of a tensor. Rank 0 is a scalar with one element.
class Shape {
 public:
  static constexpr std::size_t max_rank = 4;
  Shape() = default;
  /// Throws ShapeError for more than 4 extents or more elements than slots can number.
  Shape(std::initializer_list<std::size_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::size_t> extents);

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t n = 1;
    for (std::size_t i = 0; i < rank_; ++i) n *= extents_[i];
    return n;
  }
  [[nodiscard]] std::size_t operator[](std::size_t axis) const noexcept { return extents_[axis]; }
  [[nodiscard]] bool operator==(const Shape& other) const noexcept {
    std::uint32_t differ = rank_ ^ other.rank_;  // the default calls memcmp
    for (std::size_t i = 0; i < max_rank; ++i) differ |= extents_[i] ^ other.extents_[i];
    return differ == 0;
  }
  /// "2x3x4", or "scalar".
  [[nodiscard]] std::string text() const;
  /// An axis counted from the front, or from the back if negative, as 0 … rank-1. Throws ShapeError naming `who`.
  [[nodiscard]] std::size_t axis(int signed_axis, const char* who) const;
  /// The shape with one axis removed.
  [[nodiscard]] Shape without(std::size_t axis) const;

 private:
  std::array<std::uint32_t, max_rank> extents_{};
  std::uint32_t rank_ = 0;
};

/// The common shape of two operands by NumPy's rule: extents are aligned at the right, and 1 stretches. Throws ShapeError naming `who`.
[[nodiscard]] Shape broadcast(const Shape& a, const Shape& b, const char* who);

/// How the elements of a broadcast result of shape `out` map to those of an operand: extents and strides over 4 axes.
struct BroadcastMap {
  std::array<std::size_t, Shape::max_rank> extents{1, 1, 1, 1}, stride_a{}, stride_b{};
  BroadcastMap(const Shape& out, const Shape& a, const Shape& b);
  /// f(out index, a index, b index) for every element, in row-major order.
  template <class F> void for_each(F&& f) const {
    std::size_t out = 0;
    for (std::size_t i = 0; i < extents[0]; ++i)
      for (std::size_t j = 0; j < extents[1]; ++j)
        for (std::size_t k = 0; k < extents[2]; ++k) {
          const std::size_t a = i * stride_a[0] + j * stride_a[1] + k * stride_a[2], b = i * stride_b[0] + j * stride_b[1] + k * stride_b[2];
          for (std::size_t l = 0; l < extents[3]; ++l, ++out) f(out, a + l * stride_a[3], b + l * stride_b[3]);
        }
  }
  /// f(out index, a index, b index, length, a's step, b's step) for runs, as long as they come, in which each operand is read one after the other (a step
  /// of 1) or is a single element (0).
  template <class F> void for_each_run(F&& f) const {
    std::size_t length = 1, step_a = 0, step_b = 0, outer = Shape::max_rank;
    for (; outer > 0; --outer) {
      const std::size_t axis = outer - 1;
      if (extents[axis] == 1) continue;
      if (length == 1) {
        step_a = stride_a[axis];
        step_b = stride_b[axis];
      } else if (stride_a[axis] != step_a * length || stride_b[axis] != step_b * length) {
        break;
      }
      length *= extents[axis];
    }
    std::array<std::size_t, Shape::max_rank> at{};
    std::size_t runs = 1;
    for (std::size_t axis = 0; axis < outer; ++axis) runs *= extents[axis];
    for (std::size_t run = 0, a = 0, b = 0; run < runs; ++run) {
      f(run * length, a, b, length, step_a, step_b);
      for (std::size_t axis = outer; axis-- > 0;) {
        a += stride_a[axis];
        b += stride_b[axis];
        if (++at[axis] < extents[axis]) break;
        a -= stride_a[axis] * extents[axis];
        b -= stride_b[axis] * extents[axis];
        at[axis] = 0;
      }
    }
  }
};

/// A tensor seen as outer × length × inner around one axis: element (o, l, i) is at (o·length + l)·inner + i.
struct AxisView {
  std::size_t outer = 1, length = 1, inner = 1;
  AxisView(const Shape& shape, std::size_t axis);
};

}  // namespace gradus
