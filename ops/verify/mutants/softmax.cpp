// Wrong rules of softmax: two rows of three.
#include <ops/verify/mutants/family.hpp>

#include <algorithm>

namespace gradus::mutation {
namespace {

constexpr std::size_t rows = 2, columns = 3, size = rows * columns;

/// The gradient of entry i of a row, from the row's s and w.
template <class Entry> Pullback by_row(Entry entry) {
  return [entry](View x, View w) {
    Values g(size);
    for (std::size_t r = 0; r < rows; ++r) {
      const Vector<double> s = softmax_of(&x[r * columns], columns);
      for (std::size_t i = 0; i < columns; ++i) g[r * columns + i] = entry(s, w.subspan(r * columns, columns), i);
    }
    return g;
  };
}
double others(const Values& s, std::size_t i) {
  double sum = 0;
  for (std::size_t k = 0; k < s.size(); ++k) sum += k == i ? 0 : s[k];
  return sum;
}
double dot(const Values& s, View w, std::size_t n = columns) {
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += s[k] * w[k];
  return sum;
}
/// No digit is lost when one s is nearly 1: only differences of w appear.
double right_entry(const Values& s, View w, std::size_t i) {
  double sum = 0;
  for (std::size_t k = 0; k < columns; ++k) sum += k == i ? 0 : s[k] * (w[i] - w[k]);
  return s[i] * sum;
}
template <class OffDiagonal> auto with_off_diagonal(OffDiagonal off) {
  return [off](const Values& s, View w, std::size_t i) {
    double sum = s[i] * others(s, i) * w[i];
    for (std::size_t k = 0; k < columns; ++k) sum += k == i ? 0 : off(s, i, k) * w[k];
    return sum;
  };
}

}  // namespace

void add_softmax(std::vector<Family>& all) {
  const auto forward = [](const auto& x) {
    auto y = x;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto s = softmax_of(&x[r * columns], columns);
      std::copy(s.begin(), s.end(), y.begin() + static_cast<std::ptrdiff_t>(r * columns));
    }
    return y;
  };
  const Textbook book = [](const BigVector& x, BigJacobian& jacobian) {
    for (std::size_t r = 0; r < rows; ++r) {
      BigVector s(columns);
      BigFloat sum = 0;
      for (std::size_t k = 0; k < columns; ++k) sum += s[k] = exp(x[r * columns + k] - x[r * columns]);
      for (BigFloat& v : s) v /= sum;
      for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t i = 0; i < columns; ++i) jacobian.add(r * columns + j, r * columns + i, i == j ? s[i] * (1 - s[i]) : -s[i] * s[j]);
    }
  };
  Family f = family("softmax", size, size, forward, by_row(right_entry), book,
                    {{30, 0, 0.5, 1, 2, 3}, {40, 1, 2, -35, 3, 1}, {1000, 999, -1000, 0, 0, 0}, {1, 1, 1, 60, 20, -20}, {-0.7, 0.2, 1.1, 2.2, -0.4, 0.9}, {700, 0, 350, 1e-3, 1e-9, 0}});
  f.right.operations = 24;
  f.mutant("off-diagonal ignored", by_row([](const Values& s, View w, std::size_t i) { return s[i] * others(s, i) * w[i]; }))
      .mutant("off-diagonal of the wrong sign", by_row(with_off_diagonal([](const Values& s, std::size_t i, std::size_t k) { return s[i] * s[k]; })))
      .mutant("off-diagonal s_i^2", by_row(with_off_diagonal([](const Values& s, std::size_t i, std::size_t) { return -s[i] * s[i]; })))
      .mutant("delta - s_j", by_row([](const Values& s, View w, std::size_t i) { return w[i] - dot(s, w); }))
      .mutant("diagonal s_i", by_row([](const Values& s, View w, std::size_t i) { return s[i] * (w[i] - dot(s, w) + s[i] * w[i]); }))
      .mutant("one element dropped", by_row([](const Values& s, View w, std::size_t i) { return s[i] * (w[i] - dot(s, w, columns - 1)); }))
      .mutant("naive s_i (w_i - s.w)", by_row([](const Values& s, View w, std::size_t i) { return s[i] * (w[i] - dot(s, w)); }))
      .mutant("wrong axis", [](View x, View w) {
        Values s(size), g(size);
        for (std::size_t r = 0; r < rows; ++r) {
          const Values row = softmax_of(&x[r * columns], columns);
          std::copy(row.begin(), row.end(), s.begin() + static_cast<std::ptrdiff_t>(r * columns));
        }
        for (std::size_t i = 0; i < size; ++i) {
          double sum = 0;
          for (std::size_t r = 0; r < rows; ++r) sum += s[r * columns + i % columns] * w[r * columns + i % columns];
          g[i] = s[i] * (w[i] - sum);
        }
        return g;
      })
      .mutant("wrong row", [](View x, View w) {
        Values g(size);
        const Values s = softmax_of(&x[0], columns);
        for (std::size_t i = 0; i < size; ++i) g[i] = right_entry(s, w.subspan(i / columns * columns, columns), i % columns);
        return g;
      })
      .mutant("zero at wide range", [](View x, View w) {
        Values g = by_row(right_entry)(x, w);
        for (std::size_t r = 0; r < rows; ++r) {
          const auto [low, high] = std::minmax_element(x.begin() + static_cast<std::ptrdiff_t>(r * columns), x.begin() + static_cast<std::ptrdiff_t>((r + 1) * columns));
          if (*high - *low > 30) std::fill_n(g.begin() + static_cast<std::ptrdiff_t>(r * columns), columns, 0.0);
        }
        return g;
      });
  all.push_back(std::move(f));
}

}  // namespace gradus::mutation
