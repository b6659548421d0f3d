// The tables of elementwise kernels: an entry for each op of ElementwiseOps, in its order.
#pragma once

#include <autodiff/simd/elementwise.hpp>
#include <autodiff/simd/isa.hpp>

namespace gradus_kernels {

/// Arrays as long as ElementwiseOps. The entry of an op that has no such kernels is empty.
struct Elementwise {
  const Unary<float>* unary_float;
  const Unary<double>* unary_double;
  const Binary<float>* binary_float;
  const Binary<double>* binary_double;
};

}  // namespace gradus_kernels

GRADUS_DECLARE_KERNELS(Elementwise, elementwise)
