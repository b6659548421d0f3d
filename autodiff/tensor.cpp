// Tensors: the words of their errors.
#include <autodiff/tensor.hpp>

#include <fmt/format.h>

namespace gradus {

void throw_size_mismatch(const char* who, std::size_t values, const Shape& shape) {
  throw ShapeError(fmt::format("{}: {} values for shape {}, which has {} elements", who, values, shape.text(), shape.size()));
}

void throw_not_one_element(const char* who, const char* otherwise, const Shape& shape) {
  throw ShapeError(fmt::format("{}: one element is needed{}, but the shape is {}", who, otherwise, shape.text()));
}

void throw_index(std::size_t index, const Shape& shape) { throw ShapeError(fmt::format("tensor: index {} is out of range in shape {}", index, shape.text())); }

}  // namespace gradus
