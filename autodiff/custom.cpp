// Operations of one's own on vectors.
#include <autodiff/custom.hpp>

#include <limits>

#include <fmt/format.h>

namespace gradus {
namespace {
template <class T> std::vector<double> values_of(const std::vector<T>& v) {
  std::vector<double> values;
  for (const T& x : v) values.push_back(plain(x));
  return values;
}
}  // namespace

std::vector<std::span<const double>> split(std::span<const double> x, std::span<const std::size_t> sizes) {
  std::vector<std::span<const double>> parts;
  for (const std::size_t n : sizes) {
    parts.push_back(x.first(n));
    x = x.subspan(n);
  }
  return parts;
}

VectorOp::Values VectorOp::gradient(View x, std::span<const std::size_t> sizes, View upstream) const {
  Values all(x.size(), 0.0);
  std::vector<std::span<double>> parts;
  std::span<double> rest(all);
  for (const std::size_t n : sizes) {
    parts.push_back(rest.first(n));
    rest = rest.subspan(n);
  }
  pullback(split(x, sizes), upstream, parts);
  return all;
}

std::vector<double> run(const VectorOp& op, Here, std::span<const std::vector<double>> operands) {
  return op.value(std::vector<std::span<const double>>(operands.begin(), operands.end()));
}

std::vector<Dual<double>> run(const VectorOp& op, Here, std::span<const std::vector<Dual<double>>> operands) {
  std::vector<std::vector<double>> x;
  for (const auto& operand : operands) x.push_back(values_of(operand));
  std::vector<Dual<double>> y;
  for (const double v : op.value(std::vector<std::span<const double>>(x.begin(), x.end()))) y.emplace_back(v, std::numeric_limits<double>::quiet_NaN());
  return y;
}

std::vector<BasicVar<Dual<double>>> run(const VectorOp& op, Here here, std::span<const std::vector<BasicVar<Dual<double>>>> operands) {
  std::vector<std::vector<Dual<double>>> x;
  std::vector<BasicVar<Dual<double>>> all;
  for (const auto& operand : operands) {
    x.emplace_back();
    for (const auto& v : operand) {
      x.back().push_back(v.value());
      all.push_back(v);
    }
  }
  const std::vector<Dual<double>> unknown(all.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<BasicVar<Dual<double>>> y;
  for (const Dual<double>& v : run(op, here, x)) y.push_back(custom<Dual<double>>(v, all, unknown));
  return y;
}

std::vector<Var> run(const VectorOp& op, Here, std::span<const std::vector<Var>> operands) {
  std::vector<Tensor> stacked;
  std::vector<std::size_t> sizes;
  std::vector<double> x;
  for (const auto& operand : operands) {
    stacked.push_back(Tensor::stack(operand));
    sizes.push_back(operand.size());
    for (const Var& v : operand) x.push_back(v.value());
  }
  std::vector<const Tensor*> tensors;
  for (const Tensor& t : stacked) tensors.push_back(&t);
  const std::vector<double> values = op.value(split(x, sizes));
  const Tensor y = custom<double>(Shape({values.size()}), values, tensors, [op, sizes, x](std::span<const double> up, std::span<const std::span<double>> gradients) {
    const std::vector<double> all = op.gradient(x, sizes, up);
    const auto parts = split(all, sizes);
    for (std::size_t k = 0; k < parts.size(); ++k)
      for (std::size_t i = 0; i < gradients[k].size(); ++i) gradients[k][i] += parts[k][i];
  });
  std::vector<Var> results;
  for (std::size_t j = 0; j < values.size(); ++j) results.push_back(y[j]);
  return results;
}

}  // namespace gradus
