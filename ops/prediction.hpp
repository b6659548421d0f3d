// The predictions of a linear model with few features, x·w or x·w + b: worked out when somebody asks. Who asks for their squared error needs no values in
// memory: residuals, their squares, and the sums that the gradient is made of come from one pass over the data.
#pragma once

#include <autodiff/tensor.hpp>
#include <ops/matrix_product.hpp>

namespace gradus {

/// x·w for a constant matrix x of samples by features. The weights are copied: an input may be written before anybody asks.
template <class Real> struct Product : Pending {
  MatrixView<Real> x;
  const Real* weights;
  Real* out;
  Product(const MatrixView<Real>& samples, const Real* w, Real* to) : Pending{&compute_values}, x(samples), weights(w), out(to) {}
  static void compute_values(Pending& self);
};

/// The same plus one number.
template <class Real> struct ProductPlus : Pending {
  Product<Real>* product;
  const Real* bias;
  Real* out;
  ProductPlus(Product<Real>& of, const Real* b, Real* to) : Pending{&compute_values}, product(&of), bias(b), out(to) {}
  static void compute_values(Pending& self);
};

/// True when x·w should be deferred.
template <class Real> [[nodiscard]] bool is_deferrable_product(const BasicResult<Real>& result, const MatrixView<Real>& x, bool constant_x);
/// x·w, deferred, as the result.
template <class Real> [[nodiscard]] BasicTensor<Real> deferred_product(BasicResult<Real>&& result, const MatrixView<Real>& x, const BasicTensor<Real>& w);

/// True when a is such a product, and b one number that does not change its shape.
template <class Real, class B> [[nodiscard]] bool is_product_and_number(const BasicTensor<Real>& a, const B& b) {
  if constexpr (PlainReal<Real>) {
    if (!a.is_pending() || !active_tape<Real>->admits(a.word(), a.slot()) || a.template pending<Product<Real>>() == nullptr) [[likely]] return false;
    if constexpr (is_tensor<B>) return b.size() == 1 && b.rank() <= a.rank();
    else return true;
  } else {
    return false;
  }
}
/// a + b for these, deferred.
template <class Real> [[nodiscard]] BasicTensor<Real> product_plus(const BasicTensor<Real>& a, const BasicTensor<Real>& b);

/// Predictions minus targets, on the tape of the predictions.
template <class Real> struct Residuals : Direction<Real> {
  Real* elements;
  Real* products;  ///< Σ_i elements_i·x(i, k) for every feature k
  std::size_t n;
  double sum, squares;
};
/// Those of predictions of a linear model that are on the tape of the result. Null for all others, and where a sum needs a wider range.
template <class Real> [[nodiscard]] const Residuals<Real>* residuals(BasicResult<Real>& result, const BasicTensor<Real>& prediction, const Real* target);

}  // namespace gradus
