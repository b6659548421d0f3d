// The maxout layer.
#include <ops/maxout.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <autodiff/scratch.hpp>
#include <ops/array_call.hpp>
#include <ops/axis_sum.hpp>
#include <ops/matrix_product.hpp>
#include <ops/rows.hpp>

namespace gradus {

template <class Real> BasicTensor<Real> maxout(const BasicTensor<Real>& x, const BasicTensor<Real>& w, const BasicTensor<Real>& b) {
  const auto shapes = [&] { return fmt::format("x is {}, W is {}, b is {}", x.shape().text(), w.shape().text(), b.shape().text()); };
  if (x.rank() != 2 || w.rank() != 3 || b.rank() != 2) throw ShapeError("maxout: x must have 2 axes, W 3 and b 2: " + shapes());
  const std::size_t n = x.shape()[0], inputs = x.shape()[1], outputs = w.shape()[1], pieces = w.shape()[2], all = outputs * pieces;
  if (w.shape()[0] != inputs) throw ShapeError("maxout: W must have as many inputs as x: " + shapes());
  if (b.shape() != Shape{outputs, pieces}) throw ShapeError("maxout: b must have the outputs and pieces of W: " + shapes());
  if (pieces == 0) throw ShapeError("maxout: the maximum of no pieces: " + shapes());

  BasicResult<Real> result(Shape{n, outputs}, {&x, &w, &b});
  const MatrixView<Real> left(x.data(), n, inputs), right(w.data(), inputs, all);
  const Scratch<Real> values(n * all);
  multiply(left, right, b.data(), values.data());
  auto* chosen = result.is_recorded() ? result.tape().template allocate<std::uint32_t>(result.size()) : nullptr;
  for (std::size_t r = 0; r < n * outputs; ++r) {
    const std::size_t best = r * pieces + first_max(Strided<const Real>{values.data() + r * pieces, 1}, pieces);
    result.data()[r] = values[best];
    if (chosen != nullptr) chosen[r] = static_cast<std::uint32_t>(best);
  }
  return std::move(result).record([&](Slot first) {
    return [left, right, chosen = static_cast<const std::uint32_t*>(chosen), outputs, first, to_x = x.destination(), to_w = w.destination(),
            to_b = b.destination()](BasicSweep<Real>& sweep) {
      const Scratch<Real> up(left.rows * right.columns);  // the adjoints of all pieces, 0 but for the chosen ones
      std::fill_n(up.data(), left.rows * right.columns, Real(0));
      for (std::size_t r = 0; r < left.rows * outputs; ++r) up[chosen[r]] = sweep.adjoint(first)[r];
      const MatrixView<Real> g(up.data(), left.rows, right.columns);
      if (to_x) put_product(g, right.transposed(), sweep.target(to_x), Annihilates::left);
      if (to_w) put_product(left.transposed(), g, sweep.target(to_w), Annihilates::right);
      if (to_b) put_column_sums(g.data, g.rows, g.columns, sweep.target(to_b));
    };
  });
}

BasicTensor<double> Maxout::call(std::span<const BasicTensor<double>> operands, const Attributes& attributes) {
  require_call(info, operands, attributes, {"k", "W_layout", "b_layout"});
  for (const auto& [name, known] : {std::pair("W_layout", "[in,out,k]"), std::pair("b_layout", "[out,k]")})
    if (attributes.text(name, known) != known) throw ArgumentError(fmt::format("maxout: {} '{}': only {} is known", name, attributes.text(name, known), known));
  if (operands[1].rank() == 3) require_count(info, attributes, "k", operands[1].shape()[2]);
  return maxout(operands[0], operands[1], operands[2]);
}

template BasicTensor<float> maxout(const BasicTensor<float>&, const BasicTensor<float>&, const BasicTensor<float>&);
template BasicTensor<double> maxout(const BasicTensor<double>&, const BasicTensor<double>&, const BasicTensor<double>&);
template BasicTensor<Dual<double>> maxout(const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&, const BasicTensor<Dual<double>>&);

}  // namespace gradus
