// How elementwise ops find their kernels: tables of function pointers over arrays, one for each op, real and instruction set.
#pragma once

#include <cstddef>

// Shared by sources of kernels and their callers: plain data only (simd/isa.hpp). `op` points to the op object, for its parameters.
// All functions accept any n and any alignment, and may be called on parts of the arrays from several threads.
namespace gradus_kernels {

/// A sum over parts of an array that keeps its rounding errors, between one part and the next. Zeros are an empty one.
struct RunningSum { alignas(64) unsigned char memory[256] = {}; };

/// How a pullback treats the adjoints of an operand: leaves them alone (a constant), sets them, or adds to them.
enum class Into { none, write, add };

template <class Real> struct Unary {
  /// y[i] = f(x[i])
  void (*value)(const void* op, const Real* x, Real* y, std::size_t n);
  /// The same, and slope[i] = f'(x[i]). Null for ops whose derivative is so cheap that the pullback forms it itself.
  void (*value_and_slope)(const void* op, const Real* x, Real* y, Real* slope, std::size_t n);
  /// to[i] = or += f'(x[i])·up[i]; `saved` are the slopes if value_and_slope is there, else y.
  void (*pull)(const void* op, const Real* x, const Real* saved, const Real* up, Real* to, Into into, std::size_t n);
  /// slope[i] = f'(x[i]), and f(x[i]) is added to the sum; all parts but the last have a multiple of 64 elements. False when some slope must be formed
  /// in a wider range before it meets an adjoint.
  bool (*sum_and_slope)(const void* op, const Real* x, Real* slope, std::size_t n, RunningSum& sum);
  double (*total)(const RunningSum& sum);
  /// to[i] = or += slope[i]·up for an adjoint that is not 0; `to` may be `slope`.
  void (*pull_uniform)(const void* op, const Real* x, const Real* slope, Real up, Real* to, Into into, std::size_t n);
};

/// Which operand of a binary op is a single number for the whole range.
enum class Single { neither, first, second };

template <class Real> struct Binary {
  /// y[i] = f(a[i], b[i]); of a single operand only [0] is read. Indexed by Single.
  void (*value[3])(const void* op, const Real* a, const Real* b, Real* y, std::size_t n);
  /// The adjoints of both operands; that of a single one is the sum over the range.
  void (*pull[3])(const void* op, const Real* a, const Real* b, const Real* y, const Real* up, Real* to_a, Into into_a, Real* to_b, Into into_b, std::size_t n);
};

}  // namespace gradus_kernels

namespace gradus {

/// An address of its own for each type of op. (That of its OpInfo will not do: an op may borrow another's.)
template <class Op> inline constexpr char op_key = 0;

// Defined in ops/. Null for an op that is not in the list there. Throw ArgumentError when GRADUS_ISA is wrong.
template <class Real> [[nodiscard]] const gradus_kernels::Unary<Real>* find_unary_kernels(const void* key);
template <class Real> [[nodiscard]] const gradus_kernels::Binary<Real>* find_binary_kernels(const void* key);
template <> const gradus_kernels::Unary<float>* find_unary_kernels<float>(const void* key);
template <> const gradus_kernels::Unary<double>* find_unary_kernels<double>(const void* key);
template <> const gradus_kernels::Binary<float>* find_binary_kernels<float>(const void* key);
template <> const gradus_kernels::Binary<double>* find_binary_kernels<double>(const void* key);

}  // namespace gradus
