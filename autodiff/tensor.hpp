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
#include <autodiff/simd/elementwise.hpp>
#include <autodiff/var.hpp>

namespace gradus {

[[noreturn]] void throw_size_mismatch(const char* who, std::size_t values, const Shape& shape);
[[noreturn]] void throw_index(std::size_t index, const Shape& shape);

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
  /// long as they do. make_pull as there, made in `memory` of the tape; it has the value as a member, and works it out when somebody asks.
  template <class MakePull> [[nodiscard, gnu::always_inline]] static BasicTensor recorded_scalar(BasicTape<Real>& tape, void* memory, MakePull&& make_pull) {
    const Destination to = tape.array(1);
    auto* const pull = tape.make_block_in(memory, to, 1, [&] { return make_pull(to.first); });
    return BasicTensor(&pull->value, to, tape.input_word(), pull);
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
  [[nodiscard]] const Real& value() const {
    if (size() != 1) throw ShapeError("value: the tensor has shape " + shape_.text() + ", not one element");
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
    if (word_ != constant_word) BasicTape<Real>::require_alive(word_, to_.first);
    return data_of_operand();
  }
  /// The same of a tensor that the active tape admits as an operand.
  [[nodiscard]] const Real* data_of_operand() const {
    if (pending_ != nullptr && !pending_->done) pending_->compute(*pending_);
    return data_;
  }
  /// The elementwise operation that this is the result of while nobody has asked for its values; else null. The tensor must be alive.
  [[nodiscard]] Deferred<Real>* deferred() const noexcept {
    auto* const operation = pending<Deferred<Real>>();
    return operation != nullptr && !operation->done ? operation : nullptr;
  }
  /// What works out the values of this, or has, where it is of type P; else null. The tensor must be alive.
  template <class P> [[nodiscard]] P* pending() const noexcept {
    return pending_ != nullptr && pending_->kind == &pending_kind<P> ? static_cast<P*>(pending_) : nullptr;
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

/// The output of an array op in the making: memory for its values, slots for its adjoints when an operand is recorded, and the block.
///   BasicResult<Real> result("softmax", shape, {&x});      // checks the operands
///   ... write result.data() ...
///   return std::move(result).record([&](Slot first) { return [...](BasicSweep<Real>& sweep) { ... }; });  // not called for constants
template <class Real> class BasicResult {
 public:
  BasicResult(const Shape& shape, std::initializer_list<const BasicTensor<Real>*> operands) : BasicResult(shape, std::span(operands.begin(), operands.size())) {}
  BasicResult(const Shape& shape, std::span<const BasicTensor<Real>* const> operands) : tensor_(shape, typename BasicTensor<Real>::Uninitialised{}) {
    TapeCore<Real>& core = *active_tape<Real>;
    for (const auto* operand : operands)
      if (core.admits(operand->word(), operand->slot())) tape_ = static_cast<BasicTape<Real>*>(&core);
    if (tape_ != nullptr) {
      for (const auto* operand : operands)
        if (operand->owned() != nullptr) tape_->keep(operand->owned());
      tensor_.data_ = tape_->allocate(tensor_.size_);
    } else {
      tensor_.owned_ = detail::allocate_elements<Real>(tensor_.size_);
      tensor_.data_ = tensor_.owned_.get();
    }
  }
  [[nodiscard]] bool is_recorded() const noexcept { return tape_ != nullptr; }
  [[nodiscard]] Real* data() noexcept { return tensor_.data_; }
  [[nodiscard]] std::size_t size() const noexcept { return tensor_.size_; }
  /// Memory that lives as long as the block, for what the pullback wants to remember. Only when recorded.
  [[nodiscard]] Real* scratch(std::size_t n) { return tape_->allocate(n); }
  /// True when an elementwise operation on x should be deferred.
  [[nodiscard]] bool is_deferrable(const BasicTensor<Real>& x) const noexcept {
    return tensor_.size_ >= deferred_size && tape_ != nullptr && !(x.input_ && tape_->is_open(x.to_));
  }
  /// The values are worked out by `pending`, in memory of the tape, when somebody asks for them.
  void defer(Pending& pending) noexcept { tensor_.pending_ = &pending; }
  void defer(Deferred<Real>& deferred, const BasicTensor<Real>& x) noexcept {
    tensor_.pending_ = &deferred;
    if (x.input_) tape_->note_deferred(deferred);
  }
  [[nodiscard]] BasicTape<Real>& tape() noexcept { return *tape_; }

  /// make_pull(first output slot) returns the pullback pull(sweep), which reads sweep.adjoint(first) and contributes to its operands by
  /// sweep.target or sweep.sum of their destinations.
  template <class MakePull> [[nodiscard]] BasicTensor<Real> record(MakePull&& make_pull) && {
    if (tape_ != nullptr && tensor_.size_ != 0) {
      tensor_.to_ = tape_->array(tensor_.size_);
      tensor_.word_ = tape_->input_word();
      tape_->make_block(tensor_.to_, tensor_.size_, [&] { return make_pull(tensor_.to_.first); });
    } else if (tape_ != nullptr) {  // an empty result has no adjoints: it is a constant that owns nothing of the tape
      tensor_.owned_ = std::shared_ptr<Real[]>(new Real[1]);
      tensor_.data_ = tensor_.owned_.get();
    }
    return std::move(tensor_);
  }

 private:
  BasicTensor<Real> tensor_;
  BasicTape<Real>* tape_ = nullptr;
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
  t.to_ = tape.array(t.size_);
  t.word_ = tape.input_word();
  tape.record_block(t.to_, t.size_, [from, first = t.to_.first, n = t.size_](BasicSweep<Real>& sweep) {
    const Real* const up = sweep.adjoint(first);
    for (std::size_t i = 0; i < n; ++i)
      if (from[i] != 0) *sweep.sum({from[i], no_range}) += up[i];
  });
  return t;
}

namespace detail {
/// adjoint·partial, with the partial formed in the wider range where it has left that of Real; an adjoint of 0 contributes 0.
template <class Op, class Real> Real contribution(const Op& op, const Real& x, const Real& y, const Real& up) {
  if (is_zero(up)) return up;
  const Real d = static_cast<Real>(op.derivative(x, y));
  if constexpr (PlainReal<Real>)
    if (needs_wider<Op>(d)) [[unlikely]] return static_cast<Real>(wide_derivative(op, x) * static_cast<Wider<Real>>(up));
  return d * up;
}
template <class Op, class Real> Partials<Real> contributions(const Op& op, const Real& a, const Real& b, const Real& y, const Real& up) {
  if (is_zero(up)) return {up, up};
  const auto partials = op.derivatives(a, b, y);
  const Real da = static_cast<Real>(partials.da), db = static_cast<Real>(partials.db);
  if constexpr (PlainReal<Real>)
    if (needs_wider<Op>(da) || needs_wider<Op>(db)) [[unlikely]] {
      const auto wide = wide_derivatives(op, a, b);
      const auto wide_up = static_cast<Wider<Real>>(up);
      return {static_cast<Real>(wide.da * wide_up), static_cast<Real>(wide.db * wide_up)};
    }
  return {da * up, db * up};
}
}  // namespace detail

template <class X> constexpr bool is_tensor = false;
template <class Real> constexpr bool is_tensor<BasicTensor<Real>> = true;

namespace detail {
/// The array kernels of an op; null where there are none: an op of the user's, or another real than float and double.
template <class Op, class Real> const gradus_kernels::Unary<Real>* unary_kernels() {
  if constexpr (PlainReal<Real>) {
    static const auto* const found = find_unary_kernels<Real>(&op_key<Op>);
    return found;
  } else {
    return nullptr;
  }
}
template <class Op, class Real> const gradus_kernels::Binary<Real>* binary_kernels() {
  if constexpr (PlainReal<Real>) {
    static const auto* const found = find_binary_kernels<Real>(&op_key<Op>);
    return found;
  } else {
    return nullptr;
  }
}
constexpr gradus_kernels::Single single_of(std::size_t step_a, std::size_t step_b) {
  return step_a == step_b ? gradus_kernels::Single::neither : step_a == 0 ? gradus_kernels::Single::first : gradus_kernels::Single::second;
}

template <class Op, class Real> BasicTensor<Real> apply_kernels(const gradus_kernels::Unary<Real>& kernels, const Op& op, const BasicTensor<Real>& x) {
  BasicResult<Real> result(x.shape(), {&x});
  const std::size_t n = x.size();
  const Real *in = x.data(), *saved = result.data();
  if constexpr (PlainReal<Real>)
    if (result.is_deferrable(x)) {
      struct Operation {
        Op op;
        Deferred<Real> deferred;
      };
      Real* const slopes = kernels.value_and_slope != nullptr ? result.scratch(n) : nullptr;
      auto* const operation = result.tape().template allocate<Operation>(1);
      ::new (operation) Operation{op, Deferred<Real>(&kernels, &operation->op, in, result.data(), slopes, n)};
      result.defer(operation->deferred, x);
      return std::move(result).record([&](Slot first) {
        return [deferred = &operation->deferred, first, to = x.destination()](BasicSweep<Real>& sweep) { deferred->pull(sweep, first, to); };
      });
    }
  if (result.is_recorded() && kernels.value_and_slope != nullptr) {
    Real* slope = result.scratch(n);
    kernels.value_and_slope(&op, in, result.data(), slope, n);
    saved = slope;
  } else {
    kernels.value(&op, in, result.data(), n);
  }
  return std::move(result).record([&](Slot first) {
    return [op, pull = kernels.pull, in, saved, n, first, to = x.destination()](BasicSweep<Real>& sweep) {
      const Target<Real> target = sweep.target(to);
      pull(&op, in, saved, sweep.adjoint(first), target.to, target.add ? gradus_kernels::Into::add : gradus_kernels::Into::write, n);
    };
  });
}

/// The same for operands of one element each, which the bookkeeping of broadcasting would cost twice as much as all else.
template <class Op, class Real>
BasicTensor<Real> apply_to_one(const gradus_kernels::Binary<Real>& kernels, const Op& op, const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  BasicResult<Real> result(a.rank() < b.rank() ? b.shape() : a.shape(), {&a, &b});
  const Real *pa = a.data(), *pb = b.data();
  Real* out = result.data();
  constexpr auto neither = static_cast<int>(gradus_kernels::Single::neither);
  kernels.value[neither](&op, pa, pb, out, 1);
  return std::move(result).record([&](Slot first) {
    return [op, pull = kernels.pull[neither], pa, pb, out = static_cast<const Real*>(out), first, to_a = a.destination(), to_b = b.destination()](BasicSweep<Real>& sweep) {
      using gradus_kernels::Into;
      const auto target = [&](Destination to) -> std::pair<Real*, Into> {
        if (!to) return {nullptr, Into::none};
        const Target<Real> t = sweep.target(to);
        return {t.to, t.add ? Into::add : Into::write};
      };
      const auto [sum_a, into_a] = target(to_a);
      const auto [sum_b, into_b] = target(to_b);
      pull(&op, pa, pb, out, sweep.adjoint(first), sum_a, into_a, sum_b, into_b, 1);
    };
  });
}

template <class Op, class Real>
BasicTensor<Real> apply_kernels(const gradus_kernels::Binary<Real>& kernels, const Op& op, const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  if (a.size() == 1 && b.size() == 1) return apply_to_one(kernels, op, a, b);
  const Shape shape = broadcast(a.shape(), b.shape(), Op::info.name.data());
  const BroadcastMap map(shape, a.shape(), b.shape());
  BasicResult<Real> result(shape, {&a, &b});
  const Real *pa = a.data(), *pb = b.data();
  Real* out = result.data();
  map.for_each_run([&](std::size_t o, std::size_t i, std::size_t j, std::size_t n, std::size_t step_a, std::size_t step_b) {
    kernels.value[static_cast<int>(single_of(step_a, step_b))](&op, pa + i, pb + j, out + o, n);
  });
  return std::move(result).record([&](Slot first) {
    const bool spread_a = a.size() != shape.size(), spread_b = b.size() != shape.size();
    return [op, map, &kernels, pa, pb, out = static_cast<const Real*>(out), first, to_a = a.destination(), to_b = b.destination(), spread_a,
            spread_b](BasicSweep<Real>& sweep) {
      using gradus_kernels::Into;
      const Real* const up = sweep.adjoint(first);
      const auto target = [&](Destination to, bool spread) -> std::pair<Real*, Into> {
        if (!to) return {nullptr, Into::none};
        if (spread) return {sweep.sum(to), Into::add};  // several runs contribute to one element
        const Target<Real> t = sweep.target(to);
        return {t.to, t.add ? Into::add : Into::write};
      };
      const auto [sum_a, into_a] = target(to_a, spread_a);
      const auto [sum_b, into_b] = target(to_b, spread_b);
      map.for_each_run([&, sum_a = sum_a, into_a = into_a, sum_b = sum_b, into_b = into_b](std::size_t o, std::size_t i, std::size_t j, std::size_t n, std::size_t step_a, std::size_t step_b) {
        kernels.pull[static_cast<int>(single_of(step_a, step_b))](&op, pa + i, pb + j, out + o, up + o, sum_a == nullptr ? nullptr : sum_a + i, into_a,
                                                                  sum_b == nullptr ? nullptr : sum_b + j, into_b, n);
      });
    };
  });
}
}  // namespace detail

/// Maps a unary op over a tensor.
template <class Op, class Real> [[nodiscard]] BasicTensor<Real> apply(const Op& op, const BasicTensor<Real>& x) {
  if (const auto* kernels = detail::unary_kernels<Op, Real>()) return detail::apply_kernels(*kernels, op, x);
  BasicResult<Real> result(x.shape(), {&x});
  const std::size_t n = x.size();
  const Real* in = x.data();
  Real* out = result.data();
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Real>(op.value(in[i]));
  return std::move(result).record([&](Slot first) {
    return [op, in, out = static_cast<const Real*>(out), n, first, to = x.destination()](BasicSweep<Real>& sweep) {
      const Real* const up = sweep.adjoint(first);
      const Target<Real> target = sweep.target(to);
      for (std::size_t i = 0; i < n; ++i) target.put(i, detail::contribution(op, in[i], out[i], up[i]));
    };
  });
}

/// Maps a binary op over two tensors, broadcasting.
template <class Op, class Real> [[nodiscard]] BasicTensor<Real> apply(const Op& op, const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  if (const auto* kernels = detail::binary_kernels<Op, Real>()) return detail::apply_kernels(*kernels, op, a, b);
  const Shape shape = broadcast(a.shape(), b.shape(), Op::info.name.data());
  const BroadcastMap map(shape, a.shape(), b.shape());
  BasicResult<Real> result(shape, {&a, &b});
  const Real *pa = a.data(), *pb = b.data();
  Real* out = result.data();
  map.for_each([&](std::size_t o, std::size_t i, std::size_t j) { out[o] = static_cast<Real>(op.value(pa[i], pb[j])); });
  return std::move(result).record([&](Slot first) {
    return [op, map, pa, pb, out = static_cast<const Real*>(out), first, to_a = a.destination(), to_b = b.destination()](BasicSweep<Real>& sweep) {
      const Real* const up = sweep.adjoint(first);
      Real* const sum_a = to_a ? sweep.sum(to_a) : nullptr;
      Real* const sum_b = to_b ? sweep.sum(to_b) : nullptr;
      map.for_each([&](std::size_t o, std::size_t i, std::size_t j) {
        const auto part = detail::contributions(op, pa[i], pb[j], out[o], up[o]);
        if (sum_a != nullptr) sum_a[i] += part.da;
        if (sum_b != nullptr) sum_b[j] += part.db;
      });
    };
  });
}
namespace detail {
/// The number as the other operand of an operation on x: on the tape's own memory when the operation will be recorded.
template <class Real, class Y> BasicTensor<Real> operand_beside(const BasicTensor<Real>& x, const Y& y) {
  if constexpr (!AVar<Y> && !is_tensor<Y>)
    if (!x.is_constant() && active_tape<Real>->admits(x.word(), x.slot())) {
      Real* const copy = static_cast<BasicTape<Real>&>(*active_tape<Real>).allocate(1);
      ::new (copy) Real(static_cast<Real>(y));
      return BasicTensor<Real>::borrowed(Shape{}, std::span<const Real>(copy, 1));
    }
  return BasicTensor<Real>(y);
}
}  // namespace detail
/// The same where one operand is a Var or a plain number.
template <class Op, class Real, class Y>
  requires(AVar<Y> || ConstantOf<Y, Real>)
[[nodiscard]] BasicTensor<Real> apply(const Op& op, const BasicTensor<Real>& a, const Y& b) { return apply(op, a, detail::operand_beside(a, b)); }
template <class Op, class Real, class X>
  requires(AVar<X> || ConstantOf<X, Real>)
[[nodiscard]] BasicTensor<Real> apply(const Op& op, const X& a, const BasicTensor<Real>& b) { return apply(op, detail::operand_beside(b, a), b); }

using Tensor = BasicTensor<double>;

}  // namespace gradus
