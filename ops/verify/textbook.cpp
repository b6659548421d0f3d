// The array ops as textbooks have them. Written from the definitions, not from ops/: no shifts by the maximum, no fused forms.
#include <ops/verify/textbook.hpp>

#include <cstdint>

namespace gradus {
namespace {

using Operands = std::span<const BigArray>;
using Vector = std::vector<BigFloat>;

BigFloat sum_of(const Vector& v) {
  BigFloat s = 0;
  for (const BigFloat& x : v) s += x;
  return s;
}

/// The axis that an op works along, or all elements as one row.
struct Rows {
  AxisView view{Shape{1}, 0};
  Shape reduced;
  Rows(const Shape& shape, const Attributes& attributes, const char* otherwise) {
    if (attributes.text("axis", otherwise) == "all") {
      view = AxisView(Shape{shape.size()}, 0);
    } else {
      const std::size_t axis = shape.axis(attributes.integer("axis", -1), "textbook");
      view = AxisView(shape, axis);
      reduced = shape.without(axis);
    }
  }
  [[nodiscard]] std::size_t count() const { return view.outer * view.inner; }
  [[nodiscard]] std::size_t at(std::size_t row, std::size_t l) const { return (row / view.inner * view.length + l) * view.inner + row % view.inner; }
  [[nodiscard]] Vector row(const BigArray& x, std::size_t r) const {
    Vector v;
    for (std::size_t l = 0; l < view.length; ++l) v.push_back(x.values[at(r, l)]);
    return v;
  }
};

Vector softmax_row(const Vector& z) {
  Vector s;
  for (const BigFloat& x : z) s.push_back(exp(x));
  const BigFloat total = sum_of(s);
  for (BigFloat& x : s) x /= total;
  return s;
}
BigFloat log_sum_exp_row(const Vector& z) {
  BigFloat total = 0;
  for (const BigFloat& x : z) total += exp(x);
  return log(total);
}
std::size_t first_largest(const Vector& v) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < v.size(); ++i)
    if (v[i] > v[best]) best = i;
  return best;
}

// ---- Reductions: y = f(row), and f's gradient.

template <class Value> BigArray reduce(Operands x, const Attributes& a, const char* otherwise, Value value) {
  const Rows rows(x[0].shape, a, otherwise);
  BigArray y = zeros(rows.reduced);
  for (std::size_t r = 0; r < rows.count(); ++r) value(rows.row(x[0], r), [&](const BigFloat& term) { add_term(y, r, term); });
  return y;
}
template <class Slope> std::vector<BigArray> reduce_pullback(Operands x, const Attributes& a, const char* otherwise, const BigArray& up, Slope slope) {
  const Rows rows(x[0].shape, a, otherwise);
  std::vector<BigArray> g{zeros(x[0].shape)};
  for (std::size_t r = 0; r < rows.count(); ++r) {
    const Vector d = slope(rows.row(x[0], r));
    for (std::size_t l = 0; l < d.size(); ++l) add_term(g[0], rows.at(r, l), up.values[r] * d[l]);
  }
  return g;
}
Vector unit(std::size_t n, std::size_t at) {
  Vector v(n, BigFloat(0));
  v[at] = 1;
  return v;
}

constexpr Textbook sum_book{"sum",
    [](Operands x, const Attributes& a) { return reduce(x, a, "all", [](const Vector& v, auto add) { for (const BigFloat& t : v) add(t); }); },
    [](Operands x, const Attributes& a, const BigArray& up) { return reduce_pullback(x, a, "all", up, [](const Vector& v) { return Vector(v.size(), BigFloat(1)); }); }};
constexpr Textbook mean_book{"mean",
    [](Operands x, const Attributes& a) { return reduce(x, a, "all", [](const Vector& v, auto add) { for (const BigFloat& t : v) add(t / v.size()); }); },
    [](Operands x, const Attributes& a, const BigArray& up) { return reduce_pullback(x, a, "all", up, [](const Vector& v) { return Vector(v.size(), BigFloat(1) / v.size()); }); }};
BigArray largest(Operands x, const Attributes& a, const char* otherwise) { return reduce(x, a, otherwise, [](const Vector& v, auto add) { add(v[first_largest(v)]); }); }
std::vector<BigArray> largest_pullback(Operands x, const Attributes& a, const char* otherwise, const BigArray& up) {
  return reduce_pullback(x, a, otherwise, up, [](const Vector& v) { return unit(v.size(), first_largest(v)); });
}
constexpr Textbook max_book{"reduce_max", [](Operands x, const Attributes& a) { return largest(x, a, "all"); },
    [](Operands x, const Attributes& a, const BigArray& up) { return largest_pullback(x, a, "all", up); }};
constexpr Textbook maxout_reduce_book{"maxout_reduce", [](Operands x, const Attributes& a) { return largest(x, a, "-1"); },
    [](Operands x, const Attributes& a, const BigArray& up) { return largest_pullback(x, a, "-1", up); }};
constexpr Textbook log_sum_exp_book{"log_sum_exp",
    [](Operands x, const Attributes& a) { return reduce(x, a, "-1", [](const Vector& v, auto add) {
        const BigFloat m = v[first_largest(v)];  // only for the scale: lse = m + (lse - m)
        add(m);
        add(log_sum_exp_row(v) - m);
      }); },
    [](Operands x, const Attributes& a, const BigArray& up) { return reduce_pullback(x, a, "-1", up, softmax_row); }};

// ---- Row by row: the Jacobian of the row, summed over its outputs.

constexpr Textbook softmax_book{"softmax",
    [](Operands x, const Attributes& a) {
      const Rows rows(x[0].shape, a, "-1");
      BigArray y = zeros(x[0].shape);
      for (std::size_t r = 0; r < rows.count(); ++r) {
        const Vector s = softmax_row(rows.row(x[0], r));
        for (std::size_t l = 0; l < s.size(); ++l) add_term(y, rows.at(r, l), s[l]);
      }
      return y;
    },
    [](Operands x, const Attributes& a, const BigArray& up) {
      const Rows rows(x[0].shape, a, "-1");
      std::vector<BigArray> g{zeros(x[0].shape)};
      for (std::size_t r = 0; r < rows.count(); ++r) {
        const Vector s = softmax_row(rows.row(x[0], r)), u = rows.row(up, r);
        for (std::size_t i = 0; i < s.size(); ++i)
          for (std::size_t j = 0; j < s.size(); ++j) {  // ds_j/dz_i: s_i(1 - s_i) on the diagonal, -s_i s_j off it
            if (i == j) add_term(g[0], rows.at(r, i), u[j] * s[i] * (1 - s[i]));
            else add_term(g[0], rows.at(r, i), -u[j] * s[i] * s[j]);
          }
        for (std::size_t i = 0; i < s.size(); ++i) {  // s_i(|u_i| + sum_k s_k|u_k|): the terms of s_i(u_i - sum_k s_k u_k)
          BigFloat size = abs(u[i]);
          for (std::size_t k = 0; k < s.size(); ++k) size += s[k] * abs(u[k]);
          g[0].scale[rows.at(r, i)] = s[i] * size;
        }
      }
      return g;
    }};
constexpr Textbook log_softmax_book{"log_softmax",
    [](Operands x, const Attributes& a) {
      const Rows rows(x[0].shape, a, "-1");
      BigArray y = zeros(x[0].shape);
      for (std::size_t r = 0; r < rows.count(); ++r) {
        const Vector z = rows.row(x[0], r);
        const BigFloat lse = log_sum_exp_row(z);
        for (std::size_t l = 0; l < z.size(); ++l) add_term(y, rows.at(r, l), z[l] - lse);
      }
      return y;
    },
    [](Operands x, const Attributes& a, const BigArray& up) {
      const Rows rows(x[0].shape, a, "-1");
      std::vector<BigArray> g{zeros(x[0].shape)};
      for (std::size_t r = 0; r < rows.count(); ++r) {
        const Vector s = softmax_row(rows.row(x[0], r)), u = rows.row(up, r);
        for (std::size_t i = 0; i < s.size(); ++i)
          for (std::size_t j = 0; j < s.size(); ++j) {
            if (i == j) add_term(g[0], rows.at(r, i), u[j]);
            add_term(g[0], rows.at(r, i), -u[j] * s[i]);
          }
      }
      return g;
    }};

// ---- Losses over rows of the last axis.

constexpr Textbook cross_entropy_book{"cross_entropy",
    [](Operands x, const Attributes&) {
      const Rows rows(x[0].shape, Attributes(), "-1");
      BigArray loss = zeros(rows.reduced);
      for (std::size_t r = 0; r < rows.count(); ++r)
        for (std::size_t l = 0; l < rows.view.length; ++l) {
          const BigFloat s = x[0].values[rows.at(r, l)], y = x[1].values[rows.at(r, l)];
          if (y != 0) add_term(loss, r, -y * log(s));
        }
      return loss;
    },
    [](Operands x, const Attributes&, const BigArray& up) {
      const Rows rows(x[0].shape, Attributes(), "-1");
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape)};
      for (std::size_t r = 0; r < rows.count(); ++r)
        for (std::size_t l = 0; l < rows.view.length; ++l) {
          const std::size_t i = rows.at(r, l);
          add_term(g[0], i, -up.values[r] * x[1].values[i] / x[0].values[i]);
          add_term(g[1], i, -up.values[r] * log(x[0].values[i]));
        }
      return g;
    }};

/// The labels of each row as probabilities, smoothed.
BigArray smoothed_labels(Operands x, const Attributes& a) {
  const std::size_t classes = x[0].shape[x[0].shape.rank() - 1];
  const BigFloat smoothing = a.number("label_smoothing", 0);
  BigArray y = zeros(x[0].shape);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const BigFloat plain = x[1].values.size() == y.values.size() && x[1].shape == x[0].shape ? x[1].values[i] : BigFloat(x[1].values[i / classes] == i % classes ? 1 : 0);
    y.values[i] = (1 - smoothing) * plain + smoothing / classes;
  }
  return y;
}
/// The upstream adjoint of each row's own loss, given that of the (possibly reduced) result.
Vector row_upstream(std::size_t rows, const Attributes& a, const BigArray& up) {
  const std::string reduction = a.text("reduction", "none");
  if (reduction == "none") return up.values;
  return Vector(rows, reduction == "mean" ? BigFloat(up.values[0] / rows) : up.values[0]);
}
constexpr Textbook softmax_cross_entropy_book{"softmax_cross_entropy",
    [](Operands x, const Attributes& a) {
      const Rows rows(x[0].shape, Attributes(), "-1");
      const BigArray labels = smoothed_labels(x, a);
      const std::string reduction = a.text("reduction", "none");
      BigArray loss = zeros(reduction == "none" ? rows.reduced : Shape{});
      for (std::size_t r = 0; r < rows.count(); ++r) {
        const Vector s = softmax_row(rows.row(x[0], r)), y = rows.row(labels, r);
        for (std::size_t l = 0; l < y.size(); ++l)
          if (y[l] != 0) add_term(loss, reduction == "none" ? r : 0, -y[l] * log(s[l]) / (reduction == "mean" ? rows.count() : 1));
      }
      return loss;
    },
    [](Operands x, const Attributes& a, const BigArray& up) {
      const Rows rows(x[0].shape, Attributes(), "-1");
      const BigArray labels = smoothed_labels(x, a);
      const Vector u = row_upstream(rows.count(), a, up);
      const bool classes = x[1].shape != x[0].shape;
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape)};
      const BigFloat kept = 1 - BigFloat(a.number("label_smoothing", 0));
      for (std::size_t r = 0; r < rows.count(); ++r) {
        const Vector s = softmax_row(rows.row(x[0], r)), y = rows.row(labels, r);
        const BigFloat total = sum_of(y);
        for (std::size_t l = 0; l < y.size(); ++l) {
          const std::size_t i = rows.at(r, l);
          add_term(g[0], i, u[r] * s[l] * total);
          add_term(g[0], i, -u[r] * y[l]);
          if (!classes) add_term(g[1], i, -u[r] * kept * log(s[l]));
        }
      }
      return g;
    }};

// ---- Products.

/// A vector is one row on the left, one column on the right; its axis is missing from the result.
struct ProductShape { std::size_t n, k, m; Shape result; };
ProductShape product_shape(Operands x) {
  const Shape &a = x[0].shape, &b = x[1].shape;
  const std::size_t n = a.rank() == 1 ? 1 : a[0], m = b.rank() == 1 ? 1 : b[1];
  std::vector<std::size_t> result;
  if (a.rank() == 2) result.push_back(n);
  if (b.rank() == 2) result.push_back(m);
  return {n, a[a.rank() - 1], m, Shape(result)};
}
BigArray product(Operands x) {
  const auto [n, k, m, shape] = product_shape(x);
  BigArray y = zeros(shape);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t p = 0; p < k; ++p) add_term(y, i * m + j, x[0].values[i * k + p] * x[1].values[p * m + j]);
  return y;
}
std::vector<BigArray> product_pullback(Operands x, const BigArray& up) {
  const auto [n, k, m, shape] = product_shape(x);
  std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape)};
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t p = 0; p < k; ++p) {
        add_term(g[0], i * k + p, up.values[i * m + j] * x[1].values[p * m + j]);
        add_term(g[1], p * m + j, up.values[i * m + j] * x[0].values[i * k + p]);
      }
  return g;
}
constexpr Textbook matmul_book{"matmul", [](Operands x, const Attributes&) { return product(x); },
    [](Operands x, const Attributes&, const BigArray& up) { return product_pullback(x, up); }};
constexpr Textbook linear_book{"linear",
    [](Operands x, const Attributes&) {
      BigArray y = product(x);
      for (std::size_t i = 0; i < y.values.size(); ++i) add_term(y, i, x[2].values[i % x[2].values.size()]);
      return y;
    },
    [](Operands x, const Attributes&, const BigArray& up) {
      std::vector<BigArray> g = product_pullback(x, up);
      g.push_back(zeros(x[2].shape));
      for (std::size_t i = 0; i < up.values.size(); ++i) add_term(g[2], i % x[2].values.size(), up.values[i]);
      return g;
    }};
constexpr Textbook dot_book{"dot",
    [](Operands x, const Attributes&) {
      BigArray y = zeros(Shape{});
      for (std::size_t i = 0; i < x[0].values.size(); ++i) add_term(y, 0, x[0].values[i] * x[1].values[i]);
      return y;
    },
    [](Operands x, const Attributes&, const BigArray& up) {
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape)};
      for (std::size_t i = 0; i < x[0].values.size(); ++i) {
        add_term(g[0], i, up.values[0] * x[1].values[i]);
        add_term(g[1], i, up.values[0] * x[0].values[i]);
      }
      return g;
    }};

/// The value of piece p of output j of row n: sum_i x[n,i] W[i,j,p] + b[j,p], term by term.
template <class Add> void piece(Operands x, std::size_t n, std::size_t j, std::size_t p, Add add) {
  const std::size_t inputs = x[1].shape[0], outputs = x[1].shape[1], pieces = x[1].shape[2];
  for (std::size_t i = 0; i < inputs; ++i) add(BigFloat(x[0].values[n * inputs + i] * x[1].values[(i * outputs + j) * pieces + p]));
  add(x[2].values[j * pieces + p]);
}
std::size_t winner(Operands x, std::size_t n, std::size_t j) {
  Vector values;
  for (std::size_t p = 0; p < x[1].shape[2]; ++p) {
    BigFloat v = 0;
    piece(x, n, j, p, [&](const BigFloat& term) { v += term; });
    values.push_back(v);
  }
  return first_largest(values);
}
constexpr Textbook maxout_book{"maxout",
    [](Operands x, const Attributes&) {
      const std::size_t rows = x[0].shape[0], outputs = x[1].shape[1];
      BigArray y = zeros(Shape{rows, outputs});
      for (std::size_t n = 0; n < rows; ++n)
        for (std::size_t j = 0; j < outputs; ++j) piece(x, n, j, winner(x, n, j), [&](const BigFloat& term) { add_term(y, n * outputs + j, term); });
      return y;
    },
    [](Operands x, const Attributes&, const BigArray& up) {
      const std::size_t rows = x[0].shape[0], inputs = x[1].shape[0], outputs = x[1].shape[1], pieces = x[1].shape[2];
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape), zeros(x[2].shape)};
      for (std::size_t n = 0; n < rows; ++n)
        for (std::size_t j = 0; j < outputs; ++j) {
          const std::size_t p = winner(x, n, j);
          const BigFloat& u = up.values[n * outputs + j];
          for (std::size_t i = 0; i < inputs; ++i) {
            const std::size_t w = (i * outputs + j) * pieces + p;
            add_term(g[0], n * inputs + i, u * x[1].values[w]);
            add_term(g[1], w, u * x[0].values[n * inputs + i]);
          }
          add_term(g[2], j * pieces + p, u);
        }
      return g;
    }};

}  // namespace

const Textbook* find_textbook(std::string_view name) {
  static constexpr const Textbook* books[] = {&sum_book, &mean_book, &max_book, &maxout_reduce_book, &log_sum_exp_book, &softmax_book, &log_softmax_book,
      &cross_entropy_book, &softmax_cross_entropy_book, &matmul_book, &linear_book, &dot_book, &maxout_book};
  for (const Textbook* book : books)
    if (book->name == name) return book;
  return find_statistics_textbook(name);
}

}  // namespace gradus
