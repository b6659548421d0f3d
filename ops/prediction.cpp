// The predictions of a linear model with few features, and their residuals.
#include <ops/prediction.hpp>

#include <algorithm>

#include <ops/arithmetic.hpp>
#include <ops/rows.hpp>

namespace gradus {

namespace {
template <class Real> gradus_kernels::Matrix<Real> for_kernels(const MatrixView<Real>& x) {
  const bool by_rows = x.column_step == 1;
  return {x.data, x.rows, x.columns, by_rows ? x.row_step : x.column_step, by_rows};
}
template <class Real> const gradus_kernels::Binary<Real>& add_kernels() { return *detail::binary_kernels<Add, Real>(); }
constexpr int second_is_single = static_cast<int>(gradus_kernels::Single::second);
}  // namespace

template <class Real> void Product<Real>::compute_values(Pending& self) {
  auto& p = static_cast<Product&>(self);
  multiply<Real>(MatrixView<Real>(p.weights, 1, p.x.columns), p.x.transposed(), nullptr, p.out);
  p.done = true;
}

template <class Real> void ProductPlus<Real>::compute_values(Pending& self) {
  auto& p = static_cast<ProductPlus&>(self);
  if (!p.product->done) p.product->compute(*p.product);
  const Add add;
  add_kernels<Real>().value[second_is_single](&add, p.product->out, p.bias, p.out, p.product->x.rows);
  p.done = true;
}

template <class Real> bool is_deferrable_product(const BasicResult<Real>& result, const MatrixView<Real>& x, bool constant_x) {
  constexpr std::size_t most = std::size_t{1} << 22;  // multiplications: larger products are shared among threads
  return constant_x && x.rows >= deferred_size && result.is_recorded() && x.columns != 0 && x.rows <= most / x.columns &&
         product_kernels<Real>().has_few_features(for_kernels(x));
}

template <class Real> BasicTensor<Real> deferred_product(BasicResult<Real>&& result, const MatrixView<Real>& x, const BasicTensor<Real>& w) {
  Real* const weights = result.scratch(x.columns);
  std::copy_n(w.data(), x.columns, weights);
  auto* const product = result.tape().template allocate<Product<Real>>(1);
  result.defer(*::new (product) Product<Real>(x, weights, result.data()));
  return std::move(result).record([&](Slot first) {
    return [product, first, to = w.destination()](BasicSweep<Real>& sweep) {
      const std::size_t samples = product->x.rows, features = product->x.columns;
      if (const Multiple<Real> m = sweep.multiple(product); m.direction != nullptr) {
        const Target<Real> target = sweep.target(to);
        const Real* const products = static_cast<const Residuals<Real>*>(m.direction)->products;
        for (std::size_t k = 0; k < features; ++k) target.put(k, m.factor * products[k]);
        return;
      }
      put_product(MatrixView<Real>(sweep.adjoint(first), 1, samples), product->x, sweep.target(to), Annihilates::left);
    };
  });
}

template <class Real> BasicTensor<Real> product_plus(const BasicTensor<Real>& a, const BasicTensor<Real>& b) {
  BasicResult<Real> result(a.shape(), {&a, &b});
  auto* const product = a.template pending<Product<Real>>();
  auto* const sum = result.tape().template allocate<ProductPlus<Real>>(1);
  Real* const bias = result.scratch(1);
  *bias = b.data()[0];
  result.defer(*::new (sum) ProductPlus<Real>(*product, bias, result.data()));
  return std::move(result).record([&](Slot first) {
    return [sum, first, to_product = a.destination(), to_bias = b.destination()](BasicSweep<Real>& sweep) {
      using gradus_kernels::Into;
      if (const Multiple<Real> m = sweep.multiple(sum->product); m.direction != nullptr && sweep.put_multiple(to_product, m)) {
        const auto part = static_cast<double>(m.factor) * static_cast<const Residuals<Real>*>(m.direction)->sum;
        if (to_bias) sweep.target(to_bias).put(0, static_cast<Real>(part));
        return;
      }
      const Real* const up = sweep.adjoint(first);
      const Target<Real> target = sweep.target(to_product);
      Real* const total = to_bias ? sweep.sum(to_bias) : nullptr;
      const Add add;
      add_kernels<Real>().pull[second_is_single](&add, up, sum->bias, up, up, target.to, into_of(target), total, to_bias ? Into::add : Into::none,
                                                 sum->product->x.rows);  // the derivatives of a sum read no values
    };
  });
}

template <class Real> const Residuals<Real>* residuals(BasicResult<Real>& result, const BasicTensor<Real>& prediction, const Real* target) {
  const auto* product = prediction.template pending<Product<Real>>();
  Real bias(0);
  if (const auto* sum = prediction.template pending<ProductPlus<Real>>()) product = sum->product, bias = *sum->bias;
  if (product == nullptr) return nullptr;
  const MatrixView<Real>& x = product->x;
  Real* const elements = result.scratch(x.rows);
  Real* const products = result.scratch(x.columns);
  const auto sums = product_kernels<Real>().residuals(for_kernels(x), product->weights, bias, target, elements, products);
  if (!sums.ordinary) [[unlikely]] return nullptr;
  const auto write = [](const Direction<Real>& self, Real factor, Real* to) {
    const auto& r = static_cast<const Residuals<Real>&>(self);
    row_kernels<Real>().scale(r.elements, factor, to, gradus_kernels::Into::write, r.n);
  };
  return ::new (result.tape().template allocate<Residuals<Real>>(1)) Residuals<Real>{{write, product}, elements, products, x.rows, sums.sum, sums.squares};
}

#define GRADUS_INSTANTIATE(Real)                                                                                                               \
  template struct Product<Real>;                                                                                                               \
  template struct ProductPlus<Real>;                                                                                                           \
  template bool is_deferrable_product(const BasicResult<Real>&, const MatrixView<Real>&, bool);                                                \
  template BasicTensor<Real> deferred_product(BasicResult<Real>&&, const MatrixView<Real>&, const BasicTensor<Real>&);                         \
  template BasicTensor<Real> product_plus(const BasicTensor<Real>&, const BasicTensor<Real>&);                                                 \
  template const Residuals<Real>* residuals(BasicResult<Real>&, const BasicTensor<Real>&, const Real*);
GRADUS_INSTANTIATE(float)
GRADUS_INSTANTIATE(double)
#undef GRADUS_INSTANTIATE

}  // namespace gradus
