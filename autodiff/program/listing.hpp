// What a program consists of: the operations that were recorded, and the branches that they were recorded under.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include <autodiff/error.hpp>
#include <autodiff/simd/elementwise.hpp>
#include <autodiff/tensor.hpp>

namespace gradus::replay {

/// The number of an operation, which is also that of its result.
using Id = std::uint32_t;
inline constexpr Id none = 0xffffffff;

/// An elementwise op: the kernels of the instruction set in use where there are some, and two loops over lanes for all others, such as an op of
/// the user's. For a unary op `b` and `db` are not looked at.
struct Kernel {
  using Value = void (*)(const void* op, const double* a, const double* b, double* y, std::size_t lanes);
  /// Writes adjoint·partial for each operand; an adjoint of 0 gives 0. The rows may not overlap.
  using Pullback = void (*)(const void* op, const double* a, const double* b, const double* y, const double* adjoint, double* da, double* db, std::size_t lanes);
  Value value = nullptr;
  Pullback pullback = nullptr;
  const gradus_kernels::Unary<double>* unary = nullptr;
  const gradus_kernels::Binary<double>* binary = nullptr;
  std::shared_ptr<const void> op;
  [[nodiscard]] bool has_slopes() const noexcept { return unary != nullptr && unary->value_and_slope != nullptr; }
};
template <class Op> [[nodiscard]] Kernel kernel_of(const Op& op);

enum class Code : std::uint8_t { input, parameter, constant, add, subtract, multiply, divide, negate, unary, binary };

/// One operation. For inputs and parameters `a` is which; for unary and binary ops `kernel` is the place in Listing::kernels.
struct Operation {
  Code code;
  Id a = none, b = none;
  std::uint32_t kernel = 0;
  double constant = 0;
};

/// What was asked of a value, or of two, while the program was recorded.
enum class Relation : std::uint8_t { less, less_equal, equal, identical, finite };

/// A question with the answer that the recording got. A sample that would answer otherwise takes another branch.
struct Guard {
  Relation relation;
  bool outcome;
  Id a, b;
  friend bool operator==(const Guard&, const Guard&) = default;
};
[[nodiscard]] bool holds(Relation relation, double a, double b) noexcept;

/// The operations of one recording. Each is there once: what was computed before is found again.
class Listing {
 public:
  /// The listing that operations of this thread are recorded in; null outside a recording.
  [[nodiscard]] static Listing* active() noexcept { return active_; }
  /// Tells this recording's numbers from those of all others of this thread.
  [[nodiscard]] std::uint32_t serial() const noexcept { return serial_; }

  Id input(std::size_t which) { return append({Code::input, static_cast<Id>(which)}); }
  Id parameter(std::size_t which) { return append({Code::parameter, static_cast<Id>(which)}); }
  Id constant(double value);
  Id negate(Id a);
  Id add(Id a, Id b);
  Id subtract(Id a, Id b);
  Id multiply(Id a, Id b);
  Id divide(Id a, Id b);
  /// The op is copied when it is new.
  template <class Op> Id elementwise(const Op& op, Id a, Id b = none);
  void guard(Relation relation, Id a, Id b, bool outcome);
  /// Ends the recording: what it took to find operations again is given back.
  void finish(Id output);

  [[nodiscard]] std::span<const Operation> operations() const noexcept { return operations_; }
  [[nodiscard]] std::span<const Kernel> kernels() const noexcept { return kernels_; }
  [[nodiscard]] std::span<const Guard> guards() const noexcept { return guards_; }
  [[nodiscard]] Id output() const noexcept { return output_; }
  [[nodiscard]] bool is_same(const Listing& other) const;

 private:
  friend class ListingScope;
  Id append(const Operation& operation);
  void make_places();
  [[nodiscard]] bool is_constant(Id id, double value) const;

  std::vector<Operation> operations_;
  std::vector<Kernel> kernels_;
  std::vector<Guard> guards_;
  std::vector<Id> places_;  // of operations, by their hash: open addressing, at most half full
  std::unordered_multimap<std::size_t, std::size_t> known_guards_;
  Id output_ = none;
  std::uint32_t serial_ = 0;
  static inline constinit thread_local Listing* active_ = nullptr;
  static inline constinit thread_local std::uint32_t last_serial_ = 0;
};

/// Makes a listing the active one of this thread while it lives.
class ListingScope {
 public:
  explicit ListingScope(Listing& listing) : previous_(Listing::active_) {
    listing.serial_ = ++Listing::last_serial_;
    Listing::active_ = &listing;
  }
  ~ListingScope() { Listing::active_ = previous_; }
  ListingScope(const ListingScope&) = delete;
  ListingScope& operator=(const ListingScope&) = delete;

 private:
  Listing* previous_;
};

template <class Op> Kernel kernel_of(const Op& op) {
  Kernel k;
  if constexpr (UnaryOp<Op>) {
    k.unary = find_unary_kernels<double>(&op_key<Op>);
    k.value = [](const void* o, const double* a, const double*, double* y, std::size_t lanes) {
      const Op& f = *static_cast<const Op*>(o);
      for (std::size_t i = 0; i < lanes; ++i) y[i] = static_cast<double>(f.value(a[i]));
    };
    k.pullback = [](const void* o, const double* a, const double*, const double* y, const double* adjoint, double* da, double*, std::size_t lanes) {
      const Op& f = *static_cast<const Op*>(o);
      for (std::size_t i = 0; i < lanes; ++i) da[i] = detail::contribution(f, a[i], y[i], adjoint[i]);
    };
  } else {
    k.binary = find_binary_kernels<double>(&op_key<Op>);
    k.value = [](const void* o, const double* a, const double* b, double* y, std::size_t lanes) {
      const Op& f = *static_cast<const Op*>(o);
      for (std::size_t i = 0; i < lanes; ++i) y[i] = static_cast<double>(f.value(a[i], b[i]));
    };
    k.pullback = [](const void* o, const double* a, const double* b, const double* y, const double* adjoint, double* da, double* db, std::size_t lanes) {
      const Op& f = *static_cast<const Op*>(o);
      for (std::size_t i = 0; i < lanes; ++i) {
        const auto part = detail::contributions(f, a[i], b[i], y[i], adjoint[i]);
        da[i] = part.da;
        db[i] = part.db;
      }
    };
  }
  k.op = std::make_shared<const Op>(op);
  return k;
}

template <class Op> Id Listing::elementwise(const Op& op, Id a, Id b) {
  std::uint32_t which = 0;
  if constexpr (std::is_empty_v<Op> || std::is_trivially_copyable_v<Op>) {  // the others differ from one another as far as anyone can tell
    static const Kernel::Value value = kernel_of(op).value;
    for (; which < kernels_.size(); ++which)
      if (kernels_[which].value == value && (std::is_empty_v<Op> || std::memcmp(kernels_[which].op.get(), &op, sizeof(Op)) == 0)) break;
  } else {
    which = static_cast<std::uint32_t>(kernels_.size());
  }
  if (which == kernels_.size()) kernels_.push_back(kernel_of(op));
  return append({UnaryOp<Op> ? Code::unary : Code::binary, a, b, which});
}

}  // namespace gradus::replay
