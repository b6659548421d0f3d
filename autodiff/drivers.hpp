// Derivatives of functions: one call each. A function is a callable over a vector of any Number: [](const auto& x) { return x[0] * x[1]; }
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <autodiff/tensor.hpp>
#include <autodiff/wide_dual.hpp>

namespace gradus {

/// A function value with its gradient.
template <class Real, class Gradient = std::vector<Real>> struct ValueAndGradient {
  Real value{};
  Gradient gradient{};
};

/// A dense row-major matrix of results.
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values;
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const { return values[i * columns + j]; }
  [[nodiscard]] double& operator()(std::size_t i, std::size_t j) { return values[i * columns + j]; }
};

namespace detail {

/// A tape of this thread that the drivers reuse; nested calls get one each.
template <class Real> class PooledTape {
 public:
  struct Entry {
    BasicTape<Real> tape;
    BasicAdjoints<Real> adjoints;
    std::vector<BasicVar<Real>> inputs;
  };
  PooledTape() {
    auto& free = pool();
    if (free.empty()) {
      entry_ = std::make_unique<Entry>();
    } else {
      entry_ = std::move(free.back());
      free.pop_back();
      entry_->tape.clear();
    }
  }
  ~PooledTape() {
    if (pool().size() < 4) pool().push_back(std::move(entry_));
  }
  PooledTape(const PooledTape&) = delete;
  PooledTape& operator=(const PooledTape&) = delete;
  Entry* operator->() const noexcept { return entry_.get(); }

 private:
  static std::vector<std::unique_ptr<Entry>>& pool() {
    thread_local std::vector<std::unique_ptr<Entry>> entries = [] {
      std::vector<std::unique_ptr<Entry>> v;
      v.reserve(4);  // giving a tape back must not throw
      return v;
    }();
    return entries;
  }
  std::unique_ptr<Entry> entry_;
};

/// Refills the inputs of a pooled tape with values on the active tape.
template <class Real> const std::vector<BasicVar<Real>>& make_inputs(std::vector<BasicVar<Real>>& inputs, std::span<const std::type_identity_t<Real>> x) {
  inputs.resize(x.size());
  BasicVar<Real>::inputs(x, inputs);
  return inputs;
}

template <class Y> constexpr bool is_vector_result = requires(const Y& y) { y.begin(), y.size(), y[0]; };
template <class Y> constexpr bool is_tensor_result = false;
template <class Real> constexpr bool is_tensor_result<BasicTensor<Real>> = true;

/// The adjoints of the inputs for one output, which may turn out to be a constant.
template <class Real, class Y> void sweep_output(const BasicTape<Real>& tape, const Y& y, BasicAdjoints<Real>& adjoints, const std::vector<BasicVar<Real>>& inputs, std::span<std::type_identity_t<Real>> gradient) {
  std::fill(gradient.begin(), gradient.end(), Real(0));
  if constexpr (AVar<Y> || is_tensor_result<Y>) {
    if (y.is_constant()) return;
    tape.sweep(y, adjoints);
    for (std::size_t i = 0; i < inputs.size(); ++i) gradient[i] = adjoints[inputs[i]];
  }
}
template <class Y> decltype(auto) output_value(const Y& y) {
  if constexpr (requires { y.value(); }) return y.value();
  else return y;
}

}  // namespace detail

/// f(x) and its gradient, by one recording and one sweep. f takes a const std::vector<Var>& (write `const auto&`) and returns a scalar.
template <class F> [[nodiscard]] ValueAndGradient<double> value_and_gradient(F&& f, std::span<const double> x) {
  const detail::PooledTape<double> pooled;
  const BasicRecording recording(pooled->tape);
  const auto y = f(std::as_const(detail::make_inputs(pooled->inputs, x)));
  ValueAndGradient<double> result{static_cast<double>(detail::output_value(y)), std::vector<double>(x.size())};
  detail::sweep_output(pooled->tape, y, pooled->adjoints, pooled->inputs, result.gradient);
  return result;
}
/// The gradient of f at x.
template <class F> [[nodiscard]] std::vector<double> gradient(F&& f, std::span<const double> x) { return value_and_gradient(std::forward<F>(f), x).gradient; }

/// The same into a gradient of the caller's: nothing is allocated once a function of that size has been differentiated. Returns f(x). Throws ShapeError
/// unless the sizes agree.
template <class F> double value_and_gradient(F&& f, std::span<const double> x, std::span<double> gradient) {
  if (x.size() != gradient.size()) throw ShapeError("value_and_gradient: " + std::to_string(x.size()) + " inputs, a gradient of " + std::to_string(gradient.size()));
  const detail::PooledTape<double> pooled;
  const BasicRecording recording(pooled->tape);
  const auto y = f(std::as_const(detail::make_inputs(pooled->inputs, x)));
  detail::sweep_output(pooled->tape, y, pooled->adjoints, pooled->inputs, gradient);
  return static_cast<double>(detail::output_value(y));
}

/// f(x) and its gradient for a number of inputs that the compiler knows; f takes a const std::array<T, N>& (write `const auto&`). Nothing is allocated.
/// With at most 16 inputs, forward mode is used, all tangents at once in vectors: f is then called with numbers of other types than Var as well, and has
/// to be written over any number. Where forward mode may be less accurate than the tape, because numbers left the range, the tape answers. (The
/// exception flags tell: those that the thread had raised before are cleared.)
template <class F, std::size_t N>
  requires(N > 0)
[[nodiscard]] ValueAndGradient<double, std::array<double, N>> value_and_gradient(F&& f, const std::array<double, N>& x) {
  if constexpr (N <= detail::most_wide_tangents && detail::takes_wide_duals<F, N>) {
    double value;
    std::array<double, N> gradient;  // filling it with zeros first would take 3 of 40 ns
    if (detail::gradient_in_forward_mode(f, x, value, gradient)) [[likely]] return {value, gradient};
  }
  ValueAndGradient<double, std::array<double, N>> result;
  result.value = value_and_gradient([&](const std::vector<Var>& variables) {
    if constexpr (std::is_invocable_v<F&, const std::array<Var, N>&>) {
      std::array<Var, N> inputs;
      std::copy(variables.begin(), variables.end(), inputs.begin());
      return f(std::as_const(inputs));
    } else {
      return f(variables);
    }
  }, std::span<const double>(x), std::span<double>(result.gradient));
  return result;
}
template <class F, std::size_t N>
  requires(N > 0)
[[nodiscard]] std::array<double, N> gradient(F&& f, const std::array<double, N>& x) { return value_and_gradient(std::forward<F>(f), x).gradient; }

/// (f(x), f'(x; direction)): the derivative along a direction, in forward mode. Throws ShapeError unless the sizes agree.
template <class F> [[nodiscard]] Dual<double> directional_derivative(F&& f, std::span<const double> x, std::span<const double> direction) {
  if (x.size() != direction.size()) throw ShapeError("directional_derivative: " + std::to_string(x.size()) + " inputs, a direction of " + std::to_string(direction.size()));
  std::vector<Dual<double>> duals;
  for (std::size_t i = 0; i < x.size(); ++i) duals.emplace_back(x[i], direction[i]);
  return f(std::as_const(duals));
}

/// The Jacobian of f at x; f returns a vector. Uses forward mode when there are no more inputs than outputs, reverse mode otherwise.
template <class F> [[nodiscard]] Matrix jacobian(F&& f, std::span<const double> x) {
  const detail::PooledTape<double> pooled;
  const BasicRecording recording(pooled->tape);
  const auto y = f(std::as_const(detail::make_inputs(pooled->inputs, x)));
  static_assert(detail::is_vector_result<std::remove_cvref_t<decltype(y)>> || detail::is_tensor_result<std::remove_cvref_t<decltype(y)>>, "jacobian: f must return a vector or a Tensor");
  Matrix j{y.size(), x.size(), std::vector<double>(y.size() * x.size())};
  using Duals = std::vector<Dual<double>>;
  if constexpr (!detail::is_tensor_result<std::remove_cvref_t<decltype(y)>> && std::is_invocable_v<F, const Duals&>)
    if (x.size() <= y.size()) {
      Duals duals(x.begin(), x.end());
      for (std::size_t c = 0; c < x.size(); ++c) {
        duals[c].tangent = 1;
        const auto column = f(std::as_const(duals));
        for (std::size_t r = 0; r < column.size(); ++r) j(r, c) = Dual<double>(column[r]).tangent;
        duals[c].tangent = 0;
      }
      return j;
    }
  std::vector<double> row(x.size());
  for (std::size_t r = 0; r < y.size(); ++r) {
    const auto output = y[r];
    detail::sweep_output(pooled->tape, output, pooled->adjoints, pooled->inputs, row);
    std::copy(row.begin(), row.end(), j.values.begin() + static_cast<std::ptrdiff_t>(r * x.size()));
  }
  return j;
}

/// H(x)·v by forward over reverse: one recording, one sweep. Throws ShapeError unless the sizes agree.
template <class F> [[nodiscard]] std::vector<double> hessian_vector_product(F&& f, std::span<const double> x, std::span<const double> v) {
  if (x.size() != v.size()) throw ShapeError("hessian_vector_product: " + std::to_string(x.size()) + " inputs, a vector of " + std::to_string(v.size()));
  const detail::PooledTape<Dual<double>> pooled;
  const BasicRecording recording(pooled->tape);
  std::vector<Dual<double>> seeds;
  for (std::size_t i = 0; i < x.size(); ++i) seeds.emplace_back(x[i], v[i]);
  const auto y = f(std::as_const(detail::make_inputs(pooled->inputs, seeds)));
  std::vector<Dual<double>> gradient(x.size());
  detail::sweep_output(pooled->tape, y, pooled->adjoints, pooled->inputs, gradient);
  std::vector<double> product;
  for (const auto& g : gradient) product.push_back(g.tangent);
  return product;
}

/// The Hessian of f at x, column by column.
template <class F> [[nodiscard]] Matrix hessian(F&& f, std::span<const double> x) {
  const std::size_t n = x.size();
  Matrix h{n, n, std::vector<double>(n * n)};
  std::vector<double> unit(n, 0.0);
  for (std::size_t c = 0; c < n; ++c) {
    unit[c] = 1;
    const auto column = hessian_vector_product(f, x, unit);
    for (std::size_t r = 0; r < n; ++r) h(r, c) = column[r];
    unit[c] = 0;
  }
  return h;
}

// The same with a braced list: value_and_gradient(f, {-1.2, 1.0}).
template <class F> [[nodiscard]] auto value_and_gradient(F&& f, std::initializer_list<double> x) { return value_and_gradient(std::forward<F>(f), std::span(x.begin(), x.size())); }
template <class F> [[nodiscard]] auto gradient(F&& f, std::initializer_list<double> x) { return gradient(std::forward<F>(f), std::span(x.begin(), x.size())); }
template <class F> [[nodiscard]] auto jacobian(F&& f, std::initializer_list<double> x) { return jacobian(std::forward<F>(f), std::span(x.begin(), x.size())); }
template <class F> [[nodiscard]] auto hessian(F&& f, std::initializer_list<double> x) { return hessian(std::forward<F>(f), std::span(x.begin(), x.size())); }
template <class F> [[nodiscard]] auto directional_derivative(F&& f, std::initializer_list<double> x, std::initializer_list<double> direction) {
  return directional_derivative(std::forward<F>(f), std::span(x.begin(), x.size()), std::span(direction.begin(), direction.size()));
}
template <class F> [[nodiscard]] auto hessian_vector_product(F&& f, std::initializer_list<double> x, std::initializer_list<double> v) {
  return hessian_vector_product(std::forward<F>(f), std::span(x.begin(), x.size()), std::span(v.begin(), v.size()));
}

}  // namespace gradus
