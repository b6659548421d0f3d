// A stack of plain elements that keeps its memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <autodiff/arena.hpp>

namespace gradus {

/// Plain elements one after the other, aligned to cache lines. Unlike a vector it holds their number, which needs no division by their size to be found
/// (a tenth of the work on small arrays), and new elements may start uninitialised.
template <class T> class Stack {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Stack() = default;
  Stack(const Stack& other) {
    resize_uninitialised(other.size_);
    if (size_ != 0) std::memcpy(static_cast<void*>(data_), other.data_, size_ * sizeof(T));
  }
  Stack(Stack&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), capacity_(std::exchange(other.capacity_, 0)) {}
  Stack& operator=(Stack other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Stack() { free_lines(data_); }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] T* begin() noexcept { return data_; }
  [[nodiscard]] T* end() noexcept { return data_ + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data_; }
  [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
  [[nodiscard]] T& back() noexcept { return data_[size_ - 1]; }
  [[nodiscard]] const T& back() const noexcept { return data_[size_ - 1]; }

  /// Memory for one more element, in which it is to be made.
  [[nodiscard, gnu::always_inline]] T* push() {
    if (size_ == capacity_) [[unlikely]] grow(size_ + 1);
    return data_ + size_++;
  }
  /// Forgets all but the first n elements.
  void cut(std::size_t n) noexcept { size_ = n; }
  /// Elements beyond the present ones are uninitialised; with `spare`, there is memory for so many more.
  [[gnu::always_inline]] void resize_uninitialised(std::size_t n, std::size_t spare = 0) {
    if (capacity_ < n + spare) [[unlikely]] grow(n + spare);
    size_ = n;
  }
  /// The same where nobody needs the present elements any more: they are not copied when there are too few.
  [[gnu::always_inline]] void replace_uninitialised(std::size_t n, std::size_t spare) {
    if (capacity_ < n + spare) [[unlikely]] {
      size_ = 0;
      grow(n + spare);
    }
    size_ = n;
  }

 private:
  [[gnu::noinline, gnu::cold]] void grow(std::size_t least) {
    if (least > static_cast<std::size_t>(-1) / sizeof(T) / 4) throw std::bad_array_new_length();
    const std::size_t capacity = least > 2 * capacity_ ? least : 2 * capacity_;
    // What is not copied is freed first: there may be no memory for both.
    if (size_ == 0) {
      free_lines(std::exchange(data_, nullptr));
      capacity_ = 0;
    }
    auto* const data = static_cast<T*>(allocate_lines(capacity * sizeof(T)));
    if (size_ != 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
    free_lines(data_);
    data_ = data;
    capacity_ = capacity;
  }
  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace gradus
