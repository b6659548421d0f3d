// Arrays that record: a contiguous row-major block of values whose adjoints are a contiguous range of slots.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/deferred.hpp>
#include <autodiff/shape.hpp>
#include <autodiff/var.hpp>

namespace gradus {

[[noreturn]] void throw_size_mismatch(const char* who, std::size_t values, const Shape& shape);
[[noreturn]] void throw_index(std::size_t index, const Shape& shape);
[[noreturn, gnu::cold]] void throw_not_one_element(const char* who, const char* otherwise, const Shape& shape);
/// (Of a copy: a tensor whose address nobody has can stay in registers.)
template <class Real> [[noreturn, gnu::always_inline]] inline void throw_not_one_element(const char* who, const char* otherwise, const BasicTensor<Real>& x) {
  throw_not_one_element(who, otherwise, Shape(x.shape()));
}

namespace detail {
/// Memory for n elements, aligned to cache lines if it is more than one: vectors that cross lines take twice as long to read.
template <class Real> std::shared_ptr<Real[]> allocate_elements(std::size_t n) {
  if (n * sizeof(Real) <= Arena::alignment) return std::shared_ptr<Real[]>(new Real[n + (n == 0)]);
  static_assert(std::is_trivially_destructible_v<Real>);
  auto* const elements = static_cast<Real*>(allocate_lines(n * sizeof(Real)));
  std::uninitialized_default_construct_n(elements, n);
  return std::shared_ptr<Real[]>(elements, [](Real* memory) { free_lines(memory); });
}
}  // namespace detail

/// Values and the slots of their adjoints; cheap to copy, a copy is the same tensor. Elements are Vars of the same slots.
/// The values of a recorded tensor live in its tape: reading them after a clear or rewind throws TapeError.
template <class Real> class BasicTensor {
 public:
  static constexpr bool differentiable = true;
  using value_type = Real;

  /// Readable values which convert to a writable span; the conversion tells the tape, so that a sweep over what had read the old values throws.
  class Values : public std::span<const Real> {
   public:
    operator std::span<Real>() const { return owner_->writable(); }  // NOLINT: the point of the class

   private:
    friend class BasicTensor;
    Values(std::span<const Real> s, BasicTensor* owner) : std::span<const Real>(s), owner_(owner) {}
    BasicTensor* owner_;
  };

  /// A scalar constant 0.
  BasicTensor() : BasicTensor(Real(0)) {}
  /// A scalar constant.
  template <class S>
    requires ConstantOf<S, Real>
  BasicTensor(S v) : owned_(new Real[1]{static_cast<Real>(v)}) {  // NOLINT: a constant is a tensor
    data_ = owned_.get();
  }
  /// A scalar that is the variable.
  BasicTensor(const BasicVar<Real>& x);  // NOLINT: a Var is a tensor of rank 0
  /// A constant. Throws ShapeError unless there are as many values as the shape has elements.
  BasicTensor(const Shape& shape, std::span<const Real> values) : shape_(shape), size_(shape.size()), owned_(detail::allocate_elements<Real>(size_)) {
    if (values.size() != size_) throw_size_mismatch("tensor", values.size(), shape);
    std::copy(values.begin(), values.end(), owned_.get());
    data_ = owned_.get();
  }
  BasicTensor(const Shape& shape, const std::vector<Real>& values) : BasicTensor(shape, std::span<const Real>(values)) {}
  BasicTensor(const Shape& shape, std::initializer_list<Real> values) : BasicTensor(shape, std::span<const Real>(values.begin(), values.size())) {}
  [[nodiscard]] static BasicTensor constant(const Shape& shape, std::span<const Real> values) { return BasicTensor(shape, values); }
  /// A constant over memory of yours, of which nothing is copied or counted: the batches of a training loop. The memory must outlive this tensor, its
  /// copies, and every tape that recorded an operation on them, until that is rewound or cleared; so must the values, or results and gradients may
  /// be those of the new ones. Throws ShapeError unless there are as many values as the shape has elements.
  [[nodiscard]] static BasicTensor borrowed(const Shape& shape, std::span<const Real> values) {
    BasicTensor t(shape, Uninitialised{});
    if (values.size() != t.size_) throw_size_mismatch("borrowed", values.size(), shape);
    t.data_ = const_cast<Real*>(values.data());  // never written: see writable
    return t;
  }
  /// An independent variable on the active tape. Throws TapeError without a Recording, ShapeError unless the sizes fit.
  [[nodiscard]] static BasicTensor input(const Shape& shape, std::span<const Real> values);
  [[nodiscard]] static BasicTensor input(const Shape& shape, std::initializer_list<Real> values) { return input(shape, std::span<const Real>(values.begin(), values.size())); }
  /// The scalar result of an operation on operands that the tape admits: what BasicResult does, for operations on a few numbers, which it would take as
  /// long as they do. `pull` lies in memory of the tape; it is the pullback, it has the value as a member, and works it out when somebody asks.
  template <class Pull> [[nodiscard, gnu::always_inline]] static BasicTensor recorded_scalar(BasicTape<Real>& tape, Pull& pull) {
    const Destination to = tape.result(1);
    tape.add_block(pull, to, 1, &Pull::pull_back);
    return BasicTensor(&pull.value, to, tape.input_word(), &pull);
  }
  /// A vector made of scalars, which may be recorded or constant.
  [[nodiscard]] static BasicTensor stack(std::span<const BasicVar<Real>> elements);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::size_t rank() const noexcept { return shape_.rank(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_constant() const noexcept { return word_ == constant_word; }
  /// The values, row-major. Those of an input or a constant can be written: `std::span<double> v = w.values()`.
  [[nodiscard]] std::span<const Real> values() const { return {data(), size()}; }
  [[nodiscard]] Values values() { return Values({data(), size()}, this); }
  /// The values for writing. A sweep over operations that read the old ones throws from then on, until they are rewound. Throws TapeError for a result.
  [[nodiscard]] std::span<Real> writable();
  /// A constant with the same values: what is computed from it is not recorded.
  [[nodiscard]] BasicTensor detached() const { return BasicTensor(shape_, std::span<const Real>(data(), size())); }
  /// The single value. Throws ShapeError unless there is exactly one.
  [[nodiscard, gnu::always_inline]] const Real& value() const {
    if (size() != 1) [[unlikely]] throw_not_one_element("value", "", *this);
    return data()[0];
  }

  /// Element i in row-major order. Throws ShapeError when out of range.
  [[nodiscard]] BasicVar<Real> operator[](std::size_t i) const {
    if (i >= size()) throw_index(i, shape_);
    const Real& value = data()[i];
    if (to_.range != no_range) BasicTape<Real>::note_scalar(word_, to_.first, to_.range);
    return BasicVar<Real>(value, to_ ? static_cast<Slot>(to_.first + i) : 0, word_);
  }
  /// Element by one index an axis. Throws ShapeError when one is out of range or missing.
  template <class... Indices>
    requires(sizeof...(Indices) >= 2 && (std::convertible_to<Indices, std::size_t> && ...))
  [[nodiscard]] BasicVar<Real> operator()(Indices... indices) const {
    const std::size_t at[] = {static_cast<std::size_t>(indices)...};
    if (sizeof...(Indices) != rank()) throw ShapeError("tensor: " + std::to_string(sizeof...(Indices)) + " indices for shape " + shape_.text());
    std::size_t flat = 0;
    for (std::size_t axis = 0; axis < rank(); ++axis) {
      if (at[axis] >= shape_[axis]) throw_index(at[axis], shape_);
      flat = flat * shape_[axis] + at[axis];
    }
    return (*this)[flat];
  }
  /// The same elements in another shape. Throws ShapeError unless the sizes agree.
  [[nodiscard]] BasicTensor reshape(const Shape& shape) const {
    if (shape.size() != size()) throw ShapeError("reshape: " + shape_.text() + " does not fit " + shape.text());
    BasicTensor t = *this;
    t.shape_ = shape;
    return t;
  }

  // ---- What array ops build on.
  [[nodiscard]] Slot slot() const noexcept { return to_.first; }
  /// Where a pullback contributes to the adjoint of this tensor.
  [[nodiscard]] Destination destination() const noexcept { return to_; }
  [[nodiscard]] Word word() const noexcept { return word_; }
  [[nodiscard]] const Real* data() const {
    if (word_ != constant_word) [[likely]] BasicTape<Real>::require_alive(word_, to_.first);
    return data_of_operand();
  }
  /// The same of a tensor that the active tape admits as an operand.
  [[nodiscard]] const Real* data_of_operand() const {
    if (pending_ != nullptr && !pending_->done) [[unlikely]] pending_->compute(*pending_);
    return data_;
  }
  /// The elementwise operation that this is the result of while nobody has asked for its values; else null. The tensor must be alive.
  [[nodiscard]] Deferred<Real>* deferred() const noexcept {
    auto* const operation = pending<Deferred<Real>>();
    return operation != nullptr && !operation->done ? operation : nullptr;
  }
  /// What works out the values of this, or has, where it is of type P; else null. The tensor must be alive.
  template <class P> [[nodiscard]] P* pending() const noexcept {
    return pending_ != nullptr && pending_->compute == &P::compute_values ? static_cast<P*>(pending_) : nullptr;
  }
  /// True when the values were not worked out at once.
  [[nodiscard]] bool is_pending() const noexcept { return pending_ != nullptr; }
  /// The memory of a constant, which a pullback that reads it gives its tape to keep; null for a recorded or borrowed tensor.
  [[nodiscard]] const std::shared_ptr<Real[]>& owned() const noexcept { return owned_; }

 private:
  template <class R> friend class BasicResult;
  struct Uninitialised {};
  BasicTensor(const Shape& shape, Uninitialised) : shape_(shape), size_(shape.size()) {}
  BasicTensor(Real* value, Destination to, Word word, Pending* pending) noexcept : data_(value), pending_(pending), to_(to), word_(word) {}

  Shape shape_;
  std::size_t size_ = 1;
  Real* data_ = nullptr;
  std::shared_ptr<Real[]> owned_;  // constants only
  std::size_t created_ = 0;        // position of the tape when an input was made
  Pending* pending_ = nullptr;     // results that may not have been worked out yet only
  Destination to_;
  Word word_ = constant_word;
  bool input_ = false;
};

template <class Real> BasicTensor<Real>::BasicTensor(const BasicVar<Real>& x) : to_{x.slot(), no_range}, word_(x.word() & ~fresh_bit) {
  TapeCore<Real>& core = *active_tape<Real>;
  if (core.admits(word_, to_.first)) {
    static_cast<void>(BasicVar<Real>(x));  // a copy: from here on two objects hold the slot
    data_ = static_cast<BasicTape<Real>&>(core).allocate(1);
  } else {
    to_ = {};
    owned_ = std::shared_ptr<Real[]>(new Real[1]);
    data_ = owned_.get();
  }
  data_[0] = x.value();
}

template <class Real> BasicTensor<Real> BasicTensor<Real>::input(const Shape& shape, std::span<const Real> values) {
  if (active_tape<Real> == &no_tape<Real>) throw TapeError("no active tape: make a gradus::Tape and a gradus::Recording of it before you make inputs");
  if (values.size() != shape.size()) throw_size_mismatch("input", values.size(), shape);
  if (values.empty()) return BasicTensor(shape, values);
  auto& tape = static_cast<BasicTape<Real>&>(*active_tape<Real>);
  BasicTensor t(shape, Uninitialised{});
  t.data_ = tape.allocate(t.size_);
  std::uninitialized_copy(values.begin(), values.end(), t.data_);
  t.to_ = tape.array(t.size_);
  t.word_ = tape.input_word();
  t.created_ = tape.position();
  t.input_ = true;
  return t;
}

template <class Real> std::span<Real> BasicTensor<Real>::writable() {
  if (word_ != constant_word) {
    if (!input_) throw TapeError("values: only inputs and constants can be written, not the result of an operation");
    BasicTape<Real>::require_alive(word_, to_.first);
    BasicTape<Real>::note_write(word_, to_, data_, created_);
  } else if (owned_.use_count() != 1) {  // others, a tape or their owner still read the old values
    *this = BasicTensor(shape_, std::span<const Real>(data_, size()));
  }
  return {data_, size()};
}

template <class Real> BasicTensor<Real> BasicTensor<Real>::stack(std::span<const BasicVar<Real>> elements) {
  const Shape shape{elements.size()};
  bool recorded = false;
  for (const auto& e : elements) recorded = active_tape<Real>->admits(e.word(), e.slot()) || recorded;
  if (!recorded) {
    std::vector<Real> values;
    for (const auto& e : elements) values.push_back(e.value());
    return BasicTensor(shape, values);
  }
  BasicTensor t(shape, Uninitialised{});
  auto& tape = static_cast<BasicTape<Real>&>(*active_tape<Real>);
  t.data_ = tape.allocate(t.size_);
  for (std::size_t i = 0; i < elements.size(); ++i) ::new (t.data_ + i) Real(elements[i].value());
  auto* from = tape.template allocate<Slot>(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) from[i] = elements[i].slot();
  t.to_ = tape.result(t.size_);
  t.word_ = tape.input_word();
  tape.record_block(t.to_, t.size_, [from, first = t.to_.first, n = t.size_](BasicSweep<Real>& sweep) {
    const Real* const up = sweep.adjoint(first);
    for (std::size_t i = 0; i < n; ++i)
      if (from[i] != 0) *sweep.sum({from[i], no_range}) += up[i];
  });
  return t;
}

template <class X> constexpr bool is_tensor = false;
template <class Real> constexpr bool is_tensor<BasicTensor<Real>> = true;

using Tensor = BasicTensor<double>;

}  // namespace gradus
