// The order of the rungs, and the first: values, exceptions, determinism.
#include <autodiff/verify/point.hpp>

namespace gradus::detail {

void Point::check(const Values& given) {
  if (!forward()) return;
  const std::size_t m = y_.size();
  if (!given.empty() && given.size() != m) throw ShapeError(fmt::format("check: {} has {} results, but `cotangent` has {} numbers", s_.name, m, given.size()));
  Values w = !given.empty() ? given : m == 1 ? Values{1.0} : random_weights(random_, m);  // a single result keeps the user's numbers
  if (!structure(w)) return;
  numbers(w, true);
  // Single results show what a mixture of them hides: a saturated entry beside large ones.
  if (m > 1 && m <= 8 && x_.size() * m <= 64)
    for (std::size_t j = 0; j < m; ++j) {
      Values one(m, 0.0);
      one[j] = 1;
      numbers(one, false);
    }
  if (failures_.empty()) {  // else they would only repeat it
    forward_mode(w);
    if (resolved_) path_integral(w);
    if (resolved_ && smooth_) taylor(w);
    if (resolved_ && smooth_) symmetry(w);
  }
  second_order(w);
}

std::vector<Values> Point::contributions(View w) {
  std::vector<Values> rows;
  if (y_.size() > 64 || x_.size() * y_.size() > 1024) return rows;
  for (std::size_t j = 0; j < y_.size(); ++j) {
    Values one(y_.size(), 0.0), row(x_.size());
    one[j] = w[j];
    for (std::size_t i = 0; i < x_.size(); ++i) row[i] = truth(i, one);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string Point::place() const {
  std::string text;
  constexpr std::size_t most = 8;
  for (std::size_t i = 0; i < std::min(x_.size(), most); ++i) text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", name(i), number_text(x_[i]));
  return x_.size() > most ? text + fmt::format(", … ({} inputs)", x_.size()) : text;
}

Finding Point::finding(std::string quantity, std::string where, double got) const {
  return {.quantity = std::move(quantity), .where = std::move(where), .regime = regime_, .got = got, .opinions = {}, .message = {}};
}

void Point::rule(const char* which, bool holds, const std::string& message, View w, Verdict broken) {
  Finding f = finding(fmt::format("pullback of {}", s_.name), place(w), nan);
  f.opinions.push_back({.oracle = which, .expected = nan, .verdict = holds ? Verdict::pass : broken, .note = holds ? "" : message});
  f.verdict = holds ? Verdict::pass : broken;
  if (!holds) f.message = message;
  take_if_wrong(std::move(f));
}

void Point::take_if_wrong(Finding f) {
  if (f.verdict >= Verdict::oracles_disagree) return result_.take(std::move(f));
  for (const Opinion& o : f.opinions) result_.count(o);
}

double Point::value_along(const Values& at, View w) const {
  const Outcome y = attempt([&] { return s_.value(at); });
  return y.thrown || y.values.size() != w.size() ? nan : dot(y.values, w);
}

Outcome Point::pull(View w) const {
  return attempt([&] { return s_.pullback(x_, w); });
}

bool Point::forward() {
  const Values before = x_;
  const Outcome first = attempt([&] { return s_.value(x_); }), second = attempt([&] { return s_.value(x_); });
  y_ = first.values;
  if (!same_bits(before, x_)) {
    rule("structure", false, "the function overwrites its input", {});
    x_ = before;
    return false;
  }
  if (first.thrown || second.thrown) {
    Finding f = finding(s_.name, place(), nan);
    f.message = "the function throws: " + first.thrown.value_or(*second.thrown);
    f.verdict = first.thrown && second.thrown ? Verdict::inconclusive : Verdict::nondeterministic;
    result_.take(std::move(f));
    return false;
  }
  if (y_.empty()) {
    Finding f = finding(s_.name, place(), nan);
    f.message = "the function has no results";
    f.verdict = Verdict::inconclusive;
    result_.take(std::move(f));
    return false;
  }
  if (s_.noise == 0) rule("replay", same_bits(first.values, second.values), "two calls at the same point give different values: fix the seed, or declare the noise", {}, Verdict::nondeterministic);
  return s_.noise > 0 || same_bits(first.values, second.values);
}

}  // namespace gradus::detail
