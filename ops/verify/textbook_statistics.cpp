// The array ops of statistics and time series as textbooks have them. Written from the definitions, not from ops/.
#include <ops/verify/textbook.hpp>

namespace gradus {
namespace {

using Operands = std::span<const BigArray>;

constexpr Textbook mean_squared_error_book{"mean_squared_error",
    [](Operands x, const Attributes&) {
      BigArray y = zeros(Shape{});
      const std::size_t n = x[0].values.size();
      for (std::size_t i = 0; i < n; ++i) add_term(y, 0, (x[0].values[i] - x[1].values[i]) * (x[0].values[i] - x[1].values[i]) / n);
      return y;
    },
    [](Operands x, const Attributes&, const BigArray& up) {
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape)};
      const std::size_t n = x[0].values.size();
      for (std::size_t i = 0; i < n; ++i) {
        const BigFloat slope = up.values[0] * 2 * (x[0].values[i] - x[1].values[i]) / n;
        add_term(g[0], i, slope);
        add_term(g[1], i, -slope);
      }
      return g;
    }};

/// Which element of an operand of shape `s` meets element i of a result of shape `all`, by NumPy's rule.
std::size_t met_by(const Shape& s, const Shape& all, std::size_t i) {
  std::size_t at = 0, step = 1;
  for (std::size_t from_right = 1; from_right <= all.rank(); ++from_right) {
    const std::size_t extent = all[all.rank() - from_right], index = i % extent;
    i /= extent;
    if (from_right > s.rank()) continue;
    const std::size_t own = s[s.rank() - from_right];
    if (own != 1) at += index * step;
    step *= own;
  }
  return at;
}
/// f(indices in x, mu and sigma, z, sigma) for every observation.
template <class F> void for_each_observation(Operands x, F f) {
  const Shape all = broadcast(broadcast(x[0].shape, x[1].shape, "textbook"), x[2].shape, "textbook");
  for (std::size_t o = 0; o < all.size(); ++o) {
    const std::size_t i = met_by(x[0].shape, all, o), j = met_by(x[1].shape, all, o), k = met_by(x[2].shape, all, o);
    const BigFloat& s = x[2].values[k];
    f(i, j, k, BigFloat((x[0].values[i] - x[1].values[j]) / s), s);
  }
}
constexpr Textbook normal_log_density_book{"normal_log_density",
    [](Operands x, const Attributes&) {
      BigArray y = zeros(Shape{});
      for_each_observation(x, [&](std::size_t, std::size_t, std::size_t, const BigFloat& z, const BigFloat& s) {
        add_term(y, 0, -z * z / 2);
        add_term(y, 0, -log(s));
        add_term(y, 0, -log(2 * BigFloat::pi()) / 2);
      });
      return y;
    },
    [](Operands x, const Attributes&, const BigArray& up) {
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape), zeros(x[2].shape)};
      for_each_observation(x, [&](std::size_t i, std::size_t j, std::size_t k, const BigFloat& z, const BigFloat& s) {
        add_term(g[0], i, -up.values[0] * z / s);
        add_term(g[1], j, up.values[0] * z / s);
        add_term(g[2], k, up.values[0] * z * z / s);
        add_term(g[2], k, -up.values[0] / s);
      });
      return g;
    }};

/// The recurrence, with the sums of |terms| as its scale.
BigArray recurrence(Operands x) {
  BigArray h = zeros(x[1].shape);
  for (std::size_t t = 0; t < h.values.size(); ++t) {
    const BigFloat& phi = x[0].values[x[0].values.size() == 1 ? 0 : t];
    h.values[t] = phi * (t == 0 ? x[2].values[0] : h.values[t - 1]) + x[1].values[t];
    h.scale[t] = abs(phi) * (t == 0 ? BigFloat(abs(x[2].values[0])) : h.scale[t - 1]) + abs(x[1].values[t]);
  }
  return h;
}
constexpr Textbook linear_recurrence_book{"linear_recurrence", [](Operands x, const Attributes&) { return recurrence(x); },
    [](Operands x, const Attributes&, const BigArray& up) {
      const BigArray h = recurrence(x);
      std::vector<BigArray> g{zeros(x[0].shape), zeros(x[1].shape), zeros(x[2].shape)};
      for (std::size_t from = 0; from < up.values.size(); ++from) {  // dh_from/dh_t is the product of the factors between them
        BigFloat reached = up.values[from];
        for (std::size_t t = from + 1; t-- > 0;) {
          const std::size_t factor = x[0].values.size() == 1 ? 0 : t;
          add_term(g[1], t, reached);
          g[0].values[factor] += reached * (t == 0 ? x[2].values[0] : h.values[t - 1]);
          g[0].scale[factor] += abs(reached) * (t == 0 ? BigFloat(abs(x[2].values[0])) : h.scale[t - 1]);
          reached *= x[0].values[factor];
        }
        add_term(g[2], 0, reached);
      }
      return g;
    }};

}  // namespace

const Textbook* find_statistics_textbook(std::string_view name) {
  for (const Textbook* book : {&mean_squared_error_book, &normal_log_density_book, &linear_recurrence_book})
    if (book->name == name) return book;
  return nullptr;
}

}  // namespace gradus
