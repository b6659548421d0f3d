// Claims as the user gives them, and which branches of their conditionals points take.
#include "claims.hpp"

#include <cmath>
#include <stdexcept>

namespace gradus::cli {
namespace {

/// Whether the literal is the double that it is read as: 0.5 and 3 are, 0.1 and 3.14159 are not.
bool is_exact(std::string_view token, double value) {
  if (token.find_first_of("xX") != std::string_view::npos) return true;
  try {
    return BigFloat(std::string(token).c_str()) == BigFloat(value);
  } catch (const std::runtime_error&) {
    return value == std::floor(value);
  }
}

Expression shaken_formula(const Expression& formula, Random& random) {
  std::vector<const expression::Node*> literals;
  for (const expression::Node& node : formula.nodes())
    if (node.kind == expression::Kind::number && !is_exact(formula.source(node), node.number)) literals.push_back(&node);
  if (literals.empty()) return formula;
  std::sort(literals.begin(), literals.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  std::string text;
  std::size_t done = 0;
  for (const expression::Node* node : literals) {
    text += formula.text().substr(done, node->offset - done);
    text += fmt::format("{:a}", std::nextafter(node->number, random.sign() * std::numeric_limits<double>::infinity()));
    done = node->offset + node->length;
  }
  return Expression::parse(text + formula.text().substr(done));
}

/// A claim at one point, the derivative there, and the function itself.
struct Sample { double got, expected, value; };

std::string relation(const std::vector<Sample>& samples) {
  constexpr double same = 1e-9;
  const auto everywhere = [&](auto model) {
    return std::all_of(samples.begin(), samples.end(), [&](const Sample& s) {
      const double v = model(s);
      return std::fabs(s.got - v) <= same * std::max(std::fabs(s.got), std::fabs(v));
    });
  };
  const auto varies = [&](auto of) {
    return std::any_of(samples.begin(), samples.end(), [&](const Sample& s) { return std::fabs(of(s) - of(samples.front())) > 1e-3 * std::fabs(of(samples.front())); });
  };
  if (std::any_of(samples.begin(), samples.end(), [](const Sample& s) { return !std::isfinite(s.got) || s.expected == 0; }) || samples.size() < 4) return {};
  if (everywhere([](const Sample&) { return 0.0; })) return "0 everywhere";
  const double ratio = samples.front().got / samples.front().expected;
  if (everywhere([&](const Sample& s) { return ratio * s.expected; }))
    return std::fabs(ratio + 1) < same ? "-1 times the derivative: a sign" : fmt::format("{:.6g} times the derivative{}", ratio, std::fabs(ratio - 2) < same || std::fabs(ratio - 0.5) < same ? ": a factor of 2" : ": a constant factor");
  if (everywhere([](const Sample& s) { return s.value; })) return "the function itself";
  if (everywhere([](const Sample& s) { return 1 / s.expected; })) return "1 over the derivative";
  if (everywhere([](const Sample& s) { return s.expected * s.expected; })) return "the square of the derivative";
  if (everywhere([](const Sample& s) { return s.value * s.expected; })) return "the derivative times the function";
  const double added = samples.front().got - samples.front().expected;
  if (varies([](const Sample& s) { return s.expected; }) && everywhere([&](const Sample& s) { return s.expected + added; })) return fmt::format("the derivative and {:.6g} more", added);
  return {};
}

/// The text of a condition: from where its first operand begins to the question mark.
std::string condition_text(const Expression& formula, const expression::Node& conditional) {
  std::size_t begin = conditional.offset;
  std::vector<const expression::Node*> open{&formula.nodes()[formula.operands(conditional)[0]]};
  while (!open.empty()) {
    const expression::Node& node = *open.back();
    open.pop_back();
    begin = std::min<std::size_t>(begin, node.offset);
    for (const std::uint32_t operand : formula.operands(node)) open.push_back(&formula.nodes()[operand]);
  }
  const std::string& text = formula.text();
  int missing = 0;  // opening parentheses are no nodes
  for (std::size_t i = begin, depth = 0; i < conditional.offset; ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] != ')') continue;
    if (depth > 0) --depth;
    else ++missing;
  }
  while (missing > 0 && begin > 0)
    if (text[--begin] == '(') --missing;
  std::size_t end = conditional.offset;
  while (end > begin && text[end - 1] == ' ') --end;
  return excerpt(text.substr(begin, end - begin));
}

}  // namespace

Claims::Claims(const UserFunction& f, const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    const auto [name, text] = name_and_value(option, "--claim");
    const Input* input = nullptr;
    for (const Input& i : f.inputs())
      if (name == "d" + i.name) input = &i;
    if (input == nullptr) throw UsageError(fmt::format("--claim '{}': there is no variable '{}'; claim the derivative with respect to x as dx=…", excerpt(option), excerpt(name.size() > 1 && name[0] == 'd' ? name.substr(1) : name)));
    for (const auto& [known, formula] : formulas_)
      if (known.name == input->name) throw UsageError(fmt::format("--claim gives '{}' twice", excerpt(name)));
    formulas_.emplace_back(*input, naming("--claim " + excerpt(name), [&, &claimed = text] { return Expression::parse(claimed); }));
  }
}

std::vector<std::size_t> Claims::entries(const UserFunction& f, bool claimed) const {
  std::vector<bool> is_claimed(f.point().size(), false);
  for (const auto& [input, formula] : formulas_)
    for (std::size_t i = 0; i < input.size; ++i) is_claimed[input.first + i] = true;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < is_claimed.size(); ++i)
    if (is_claimed[i] == claimed) chosen.push_back(i);
  return chosen;
}

Claims Claims::shaken(Random& random) const {
  Claims moved = *this;
  for (auto& [input, formula] : moved.formulas_) formula = shaken_formula(formula, random);
  return moved;
}

std::string claim_pattern(const UserFunction& f, const Claims& claims, const std::vector<std::vector<double>>& points) {
  std::vector<std::vector<Sample>> samples(f.point().size());
  for (const std::vector<double>& p : points) {
    const ValueAndGradient<double> right = f.value_and_gradient_at(p);
    std::vector<double> claimed = right.gradient;
    claims.apply(f, std::span<const double>(p), claimed);
    for (std::size_t i = 0; i < claimed.size(); ++i) samples[i].push_back({claimed[i], right.gradient[i], right.value});
  }
  const std::vector<std::string> names = f.entry_names();
  for (const std::size_t i : claims.entries(f, true)) {
    const bool right = std::all_of(samples[i].begin(), samples[i].end(), [](const Sample& s) { return std::fabs(s.got - s.expected) <= 1e-12 * std::fabs(s.expected); });
    if (right) continue;
    const std::string text = relation(samples[i]);
    return text.empty() ? text : fmt::format("d{} is {}", names[i], text);
  }
  return {};
}

Coverage::Coverage(const UserFunction& f, const Claims& claims) : f_(&f) {
  add("--expr", f.formula());
  for (const auto& [input, formula] : claims.formulas()) add("--claim d" + input.name, formula);
}

void Coverage::add(std::string name, const Expression& expression) {
  Formula formula{std::move(name), &expression, {}};
  for (const expression::Node& node : expression.nodes()) {
    if (node.kind == expression::Kind::conditional) formula.conditionals.push_back({static_cast<std::size_t>(&node - expression.nodes().data()), condition_text(expression, node)});
    if (node.kind == expression::Kind::number && thresholds_.size() < 64 && std::find(thresholds_.begin(), thresholds_.end(), node.number) == thresholds_.end()) thresholds_.push_back(node.number);
  }
  judged_.resize(judged_.size() + 2 * formula.conditionals.size());
  formulas_.push_back(std::move(formula));
}

void Coverage::count(const std::vector<std::size_t>& taken, bool right) {
  for (const std::size_t branch : taken) ++(right ? judged_[branch].right : judged_[branch].wrong);
  ++(right ? right_ : wrong_);
}

bool Coverage::lacks(const std::vector<std::size_t>& taken) const {
  constexpr std::size_t enough = 3;
  return std::any_of(taken.begin(), taken.end(), [&](std::size_t b) { return judged_[b].right + judged_[b].wrong < enough; });
}

bool Coverage::complete() const {
  std::vector<std::size_t> all(judged_.size());
  for (std::size_t b = 0; b < all.size(); ++b) all[b] = b;
  return !lacks(all);
}

std::string Coverage::words(std::size_t branch) const {
  std::size_t first = 0;
  for (const Formula& formula : formulas_) {
    const std::size_t count = 2 * formula.conditionals.size();
    if (branch < first + count) return fmt::format("'{}' in {} is {}", formula.conditionals[(branch - first) / 2].condition, formula.name, (branch - first) % 2 == 0 ? "true" : "false");
    first += count;
  }
  return {};
}

std::vector<std::string> Coverage::advice() const {
  std::vector<std::string> unseen;
  for (std::size_t b = 0; b < judged_.size(); ++b)
    if (judged_[b].right + judged_[b].wrong == 0) unseen.push_back(words(b));
  constexpr std::size_t most = 4;
  std::vector<std::string> lines;
  for (std::size_t k = 0; k < std::min(most, unseen.size()); ++k) lines.push_back(fmt::format("no point was judged where {}: that branch was not checked", unseen[k]));
  if (unseen.size() > most) lines.push_back(fmt::format("nor were {} other branches", unseen.size() - most));
  return lines;
}

std::string Coverage::culprit() const {
  if (right_ == 0) return {};
  for (std::size_t b = 0; b < judged_.size(); ++b)
    if (judged_[b].right == 0 && judged_[b].wrong == wrong_ && wrong_ >= 2) return words(b);
  return {};
}

}  // namespace gradus::cli
