// Wrong rules of softmax followed by cross-entropy.
#include <ops/verify/mutants/family.hpp>

#include <array>

namespace gradus::mutation {
namespace {

constexpr std::size_t batch = 2, classes = 3, size = batch * classes;
constexpr std::array<std::size_t, batch> labels{2, 0};

double others(const Values& s, std::size_t i) {
  double sum = 0;
  for (std::size_t k = 0; k < s.size(); ++k) sum += k == i ? 0 : s[k];
  return sum;
}
/// The gradient of entry i of a sample, from its s and its label, divided by the batch.
template <class Entry> Pullback by_sample(Entry entry, double divisor = batch) {
  return [=](View z, View w) {
    Values g(size);
    for (std::size_t b = 0; b < batch; ++b) {
      const Values s = softmax_of(&z[b * classes], classes);
      for (std::size_t i = 0; i < classes; ++i) g[b * classes + i] = w[0] * entry(s, i, labels[b]) / divisor;
    }
    return g;
  };
}
/// s - 1 for the label, without the cancellation.
double right_entry(const Values& s, std::size_t i, std::size_t label) { return i == label ? -others(s, i) : s[i]; }
double is(bool b) { return b ? 1 : 0; }

void add_hard_labels(std::vector<Family>& all) {
  const auto forward = [](const auto& z) {
    auto y = z;
    y.resize(1);
    y[0] = (cross_entropy_of(&z[0], classes, labels[0]) + cross_entropy_of(&z[classes], classes, labels[1])) / static_cast<double>(batch);
    return y;
  };
  const Textbook book = [](const BigVector& z, BigJacobian& jacobian) {
    for (std::size_t b = 0; b < batch; ++b) {
      BigFloat sum = 0;
      for (std::size_t k = 0; k < classes; ++k) sum += exp(z[b * classes + k] - z[b * classes]);
      for (std::size_t i = 0; i < classes; ++i) {
        const BigFloat s = exp(z[b * classes + i] - z[b * classes]) / sum;
        jacobian.add(0, b * classes + i, (i == labels[b] ? s - 1 : s) / static_cast<double>(batch));
      }
    }
  };
  Family f = family("cross_entropy", size, 1, forward, by_sample(right_entry), book,
                    {{0, 1, 30, 30, 2, 1}, {0.5, 1, 40.5, 38, 0, 1}, {1000, 0, -1000, -1000, 1000, 0}, {1, 1, 1, 2, 2, 2}, {-0.7, 0.2, 1.1, 2.2, -0.4, 0.9}, {-20, 3, 20, 25, -3, 2}});
  f.mutant("no 1/B", by_sample(right_entry, 1))
      .mutant("1/(B C)", by_sample(right_entry, batch * classes))
      .mutant("y - s", by_sample([](const Values& s, std::size_t i, std::size_t label) { return -right_entry(s, i, label); }))
      .mutant("s", by_sample([](const Values& s, std::size_t i, std::size_t) { return s[i]; }))
      .mutant("label off by one", by_sample([](const Values& s, std::size_t i, std::size_t label) { return right_entry(s, i, (label + 1) % classes); }))
      .mutant("last sample missing", [](View z, View w) {
        Values g = by_sample(right_entry)(z, w);
        for (std::size_t i = size - classes; i < size; ++i) g[i] = 0;
        return g;
      })
      .mutant("double softmax", by_sample([](const Values& s, std::size_t i, std::size_t label) { return right_entry(softmax_of(s.data(), classes), i, label); }))
      .mutant("smoothing leak", by_sample([](const Values& s, std::size_t i, std::size_t label) { return s[i] - (0.9 * is(i == label) + 0.1 / classes); }))
      .mutant("naive s - 1", by_sample([](const Values& s, std::size_t i, std::size_t label) { return s[i] - is(i == label); }));
  all.push_back(std::move(f));
}

/// One sample, and targets that do not sum to 1.
void add_soft_labels(std::vector<Family>& all) {
  static constexpr std::array<double, classes> y{0.5, 1.25, 0.0625};
  const auto forward = [](const auto& z) {
    auto loss = z;
    loss.assign(1, 0 * z[0]);
    for (std::size_t k = 0; k < classes; ++k) loss[0] += y[k] * cross_entropy_of(&z[0], classes, k);
    return loss;
  };
  const Pullback right = [](View z, View w) {
    const Values s = softmax_of(z.data(), classes);
    Values g(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      const double rest = y[0] + y[1] + y[2] - y[k];
      g[k] = w[0] * (s[k] * rest - y[k] * others(s, k));
    }
    return g;
  };
  const Textbook book = [](const BigVector& z, BigJacobian& jacobian) {
    BigFloat sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += exp(z[k] - z[0]);
    for (std::size_t k = 0; k < classes; ++k) {
      const BigFloat s = exp(z[k] - z[0]) / sum;
      jacobian.add(0, k, s * (BigFloat(y[0]) + y[1] + y[2] - y[k]));
      jacobian.add(0, k, -y[k] * (1 - s));
    }
  };
  Family f = family("cross_entropy, soft labels", classes, 1, forward, right, book, {{0, 1, 30}, {40, 0.5, 1}, {1000, -1000, 0}, {1, 1, 1}});
  f.mutant("s - y, where labels do not sum to 1", [](View z, View w) {
    const Values s = softmax_of(z.data(), classes);
    Values g(classes);
    for (std::size_t k = 0; k < classes; ++k) g[k] = w[0] * (s[k] - y[k]);
    return g;
  });
  all.push_back(std::move(f));
}

/// Inputs are three logits, then three targets, which have a gradient too.
void add_targets(std::vector<Family>& all) {
  const auto forward = [](const auto& v) {
    auto loss = v;
    loss.assign(1, 0 * v[0]);
    for (std::size_t k = 0; k < classes; ++k) loss[0] += v[classes + k] * cross_entropy_of(&v[0], classes, k);
    return loss;
  };
  const auto with = [](auto target) {
    return [target](View v, View w) {
      const Values s = softmax_of(v.data(), classes);
      Values g(2 * classes);
      for (std::size_t k = 0; k < classes; ++k) {
        double sum = 0;
        for (std::size_t j = 0; j < classes; ++j) sum += j == k ? 0 : s[k] * v[classes + j] - v[classes + k] * s[j];
        g[k] = w[0] * sum;
        g[classes + k] = w[0] * target(v, s, k);
      }
      return g;
    };
  };
  const Textbook book = [](const BigVector& v, BigJacobian& jacobian) {
    BigFloat sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += exp(v[k] - v[0]);
    for (std::size_t k = 0; k < classes; ++k) {
      const BigFloat s = exp(v[k] - v[0]) / sum;
      for (std::size_t j = 0; j < classes; ++j) {
        if (j == k) continue;
        jacobian.add(0, k, s * v[classes + j]);
        jacobian.add(0, k, -v[classes + k] * exp(v[j] - v[0]) / sum);
      }
      jacobian.add(0, classes + k, log(sum) + v[0] - v[k]);
    }
  };
  const auto minus_log = [](View v, const Values&, std::size_t k) { return cross_entropy_of(v.data(), classes, k); };
  Family f = family("cross_entropy, with targets", 2 * classes, 1, forward, with(minus_log), book, {{0, 1, 30, 0.2, 0.3, 0.5}, {40, 0.5, 1, 1, 0, 0}, {1, 1, 1, 0.25, 0.25, 0.5}});
  f.right.inputs = {"z[0]", "z[1]", "z[2]", "y[0]", "y[1]", "y[2]"};
  f.mutant("gradient of the targets missing", with([](View, const Values&, std::size_t) { return 0.0; }))
      .mutant("gradient of the targets s - y", with([](View v, const Values& s, std::size_t k) { return s[k] - v[classes + k]; }));
  all.push_back(std::move(f));
}

}  // namespace

void add_cross_entropy(std::vector<Family>& all) {
  add_hard_labels(all);
  add_soft_labels(all);
  add_targets(all);
}

}  // namespace gradus::mutation
