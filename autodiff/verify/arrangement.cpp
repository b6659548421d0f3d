// Guesses at what was transposed, reversed, rolled or swapped: the entries, the cotangent, the Jacobian, of one operand or of all.
#include <autodiff/verify/arrangement.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

namespace gradus::detail {
namespace {

using Values = std::vector<double>;

/// A permutation with its name: place i holds what belongs to from[i].
struct Order {
  std::string words;
  std::vector<std::size_t> from;
};

std::vector<Order> transposes(std::size_t n) {
  std::vector<Order> orders;
  for (std::size_t rows = 2; rows * 2 <= n; ++rows) {
    if (n % rows != 0) continue;
    Order o{fmt::format("transposed, as a {}x{} matrix", rows, n / rows), {}};
    for (std::size_t i = 0; i < n; ++i) o.from.push_back((i % rows) * (n / rows) + i / rows);
    orders.push_back(std::move(o));
  }
  return orders;
}

std::vector<Order> orders_of(std::size_t n) {
  std::vector<Order> orders;
  const auto add = [&](std::string words, auto from) {
    Order o{std::move(words), {}};
    for (std::size_t i = 0; i < n; ++i) o.from.push_back(from(i));
    orders.push_back(std::move(o));
  };
  if (n < 2) return orders;
  add("in reverse order", [n](std::size_t i) { return n - 1 - i; });
  if (n == 2) return orders;
  for (Order& o : transposes(n)) orders.push_back(std::move(o));
  for (std::size_t k = 1; k < n; ++k) {
    const std::size_t off = std::min(k, n - k);
    add(fmt::format("rotated by {}: an index that is off by {}", off, off == 1 ? "one" : "several"), [n, k](std::size_t i) { return (i + k) % n; });
  }
  return orders;
}

std::string entry(std::size_t i) { return fmt::format("[{}]", i); }

class Arrangement {
 public:
  Arrangement(const Evidence& e, const std::vector<std::size_t>& wrong, double largest, double same) : e_(e), wrong_(wrong), largest_(largest), same_(same) { find_operand(); }

  [[nodiscard]] std::string guess() const {
    if (wrong_.size() < 2 || size_ < 2) return {};
    if (const auto [a, b] = std::pair(wrong_[0], wrong_[1]);
        wrong_.size() == 2 && close(e_.got[a], e_.expected[b]) && close(e_.got[b], e_.expected[a]) && e_.expected[a] != -e_.expected[b])
      return fmt::format("entries {} and {} are swapped", entry(a - first_), entry(b - first_)) + of_operand();
    if (size_ >= 3)
      for (const Order& o : orders_of(size_))
        if (is([&](std::size_t i) { return e_.expected[first_ + o.from[i]]; })) return "the expected entries" + of_operand() + " " + o.words;
    return jacobian();
  }

 private:
  /// The operand to which all wrong entries belong, or all inputs.
  void find_operand() {
    size_ = e_.got.size();
    if (e_.inputs.size() != size_ || wrong_.empty()) return;
    const auto operand = [&](std::size_t i) { return e_.inputs[i].substr(0, e_.inputs[i].find('[')); };
    const std::string name = operand(wrong_.front());
    if (operand(wrong_.back()) != name) return;
    std::size_t first = wrong_.front(), last = wrong_.back();
    while (first > 0 && operand(first - 1) == name) --first;
    while (last + 1 < size_ && operand(last + 1) == name) ++last;
    if (last + 1 - first == size_) return;
    name_ = name;
    first_ = first;
    size_ = last + 1 - first;
  }
  [[nodiscard]] std::string of_operand() const { return name_.empty() ? "" : " of " + name_; }
  [[nodiscard]] bool close(double a, double b) const { return a == b || std::fabs(a - b) <= same_ * std::max(std::fabs(a), std::fabs(b)); }
  /// The operand's entries are what `model` says, up to rounding of the largest.
  [[nodiscard]] bool is(const std::function<double(std::size_t)>& model) const {
    for (std::size_t i = 0; i < size_; ++i)
      if (const double v = model(i); !close(e_.got[first_ + i], v) && !(std::fabs(e_.got[first_ + i] - v) <= 1e-13 * largest_)) return false;
    return true;
  }

  /// What a Jacobian, known row by row, gives when it or its cotangent is in disorder.
  [[nodiscard]] std::string jacobian() const {
    const std::size_t m = e_.cotangent.size(), n = e_.got.size();
    if (m < 2 || m > 64 || e_.contributions.size() != m) return {};
    std::vector<Values> rows(m);
    for (std::size_t j = 0; j < m; ++j) {
      if (e_.contributions[j].size() != n || e_.cotangent[j] == 0) return {};
      for (std::size_t i = 0; i < size_; ++i) rows[j].push_back(e_.contributions[j][first_ + i] / e_.cotangent[j]);
    }
    const auto product = [&](std::size_t i, bool transposed, const Order* cotangent) {
      double sum = 0;
      for (std::size_t j = 0; j < m; ++j) sum += (transposed ? rows[i][j] : rows[j][i]) * e_.cotangent[cotangent == nullptr ? j : cotangent->from[j]];
      return sum;
    };
    const std::string transposed = fmt::format("the transposed Jacobian{}: the rule multiplies by J, not by its transpose", of_operand());
    if (size_ == m && is([&](std::size_t i) { return product(i, true, nullptr); })) return transposed;
    for (const Order& o : orders_of(m))
      if (is([&](std::size_t i) { return product(i, false, &o); })) return fmt::format("the gradient{} for the cotangent {}", of_operand(), o.words);
    // Several at once, as when the factors of a matrix product change their places.
    for (const Order& result : transposes(size_))
      for (const Order& o : transposes(m)) {
        if (is([&](std::size_t i) { return product(result.from[i], false, &o); })) return fmt::format("the gradient{} for the cotangent {}, and then transposed itself", of_operand(), o.words);
        if (size_ == m && is([&](std::size_t i) { return product(result.from[i], true, &o); })) return fmt::format("the factors of a product of matrices in the wrong order{}", name_.empty() ? "" : ", in the gradient" + of_operand());
      }
    return {};
  }

  const Evidence& e_;
  const std::vector<std::size_t>& wrong_;
  double largest_, same_;
  std::string name_;
  std::size_t first_ = 0, size_ = 0;
};

}  // namespace

std::string wrong_arrangement(const Evidence& evidence, const std::vector<std::size_t>& wrong, double largest, double same) { return Arrangement(evidence, wrong, largest, same).guess(); }

}  // namespace gradus::detail
