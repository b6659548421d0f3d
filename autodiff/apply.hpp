// Maps of elementwise ops over tensors: by kernels where there are some, deferred where they are large.
#pragma once

#include <type_traits>
#include <utility>

#include <autodiff/array_result.hpp>
#include <autodiff/deferred.hpp>
#include <autodiff/op.hpp>
#include <autodiff/simd/elementwise.hpp>

namespace gradus {

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

}  // namespace gradus
