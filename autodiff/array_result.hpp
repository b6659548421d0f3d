// The result of an array op in the making.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include <autodiff/basic_tensor.hpp>

namespace gradus {

/// The output of an array op in the making: memory for its values, slots for its adjoints when an operand is recorded, and the block.
///   BasicResult<Real> result(shape, {&x});                 // checks the operands
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
      tensor_.to_ = tape_->result(tensor_.size_);
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

}  // namespace gradus
