// Planning a replay: which operations are needed, which become terms of one sum, and for how long each row is needed.
#include <autodiff/program/plan.hpp>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

namespace gradus::replay {
namespace {

/// A term before rows are known.
struct Summand {
  bool minus;
  Id a, b;  // b is none unless it is a product
};

class Planner {
 public:
  Planner(const Listing& listing, std::span<const Source> sources, std::span<const Id> outputs, std::span<const Guard> guards)
      : operations_(listing.operations()), kernels_(listing.kernels()), sources_(sources), outputs_(outputs.begin(), outputs.end()) {
    for (const Guard& g : guards)
      if (!(is_uniform(g.a) && is_uniform(g.b))) guards_.push_back(g);
  }

  Plan make() {
    const std::size_t n = operations_.size() + outputs_.size();  // an output that nothing computes gets a step that copies it
    uses_.assign(n, 0), reaches_.assign(n, 0), wanted_.assign(n, 0), is_term_.assign(n, 0), chain_.assign(n, 0), step_of_.assign(n, none);
    find_live();
    gather_sums();
    order_steps();
    find_lifetimes();
    lay_out();
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool is_uniform(Id id) const { return id < sources_.size() && sources_[id].kind == Source::Kind::uniform; }
  [[nodiscard]] bool is_computed(Id id) const { return id >= sources_.size() || sources_[id].kind == Source::Kind::computed; }
  [[nodiscard]] bool is_copy(Id id) const { return id >= sources_.size(); }
  [[nodiscard]] bool has_adjoint(Id id) const { return reaches_[id] != 0 && wanted_[id] != 0; }
  [[nodiscard]] static bool is_sum(Code c) { return c == Code::add || c == Code::subtract || c == Code::negate; }
  template <class F> void for_operands(Id id, F&& f) const {
    if (is_copy(id)) return f(copied_[id - sources_.size()]);
    const Operation& o = operations_[id];
    if (o.code == Code::input || o.code == Code::parameter || o.code == Code::constant) return;
    f(o.a);
    if (o.b != none) f(o.b);
  }

  void find_live() {
    copied_.assign(outputs_.size(), none);
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      if (!is_computed(outputs_[k])) {
        copied_[k] = outputs_[k];
        uses_[outputs_[k]] = 2;
        reaches_[outputs_[k]] = 1;
        outputs_[k] = static_cast<Id>(operations_.size() + k);
      }
      uses_[outputs_[k]] = 2;  // an output, or what a guard looks at, is a value of its own: never a term of a sum
      reaches_[outputs_[k]] = 1;
    }
    for (const Guard& g : guards_) uses_[g.a] = uses_[g.b] = 2;
    for (Id id = static_cast<Id>(operations_.size()); id-- > 0;) {
      if (uses_[id] == 0 || !is_computed(id)) continue;
      for_operands(id, [&](Id x) {
        if (uses_[x] < 2) ++uses_[x];
        reaches_[x] = static_cast<char>(reaches_[x] | reaches_[id]);
      });
    }
    for (Id id = 0; id < uses_.size(); ++id) {
      if (uses_[id] == 0) continue;
      if (!is_computed(id)) wanted_[id] = sources_[id].wanted ? 1 : 0;
      else for_operands(id, [&](Id x) { wanted_[id] = static_cast<char>(wanted_[id] | wanted_[x]); });
    }
  }

  // ---- Sums. acc ± term rounds as the recorded operation does, and so does the sum with every sign changed.
  [[nodiscard]] bool is_single(Id id) const { return is_computed(id) && uses_[id] == 1; }
  [[nodiscard]] bool continues(Id id) const { return is_single(id) && is_sum(operations_[id].code); }

  void gather_sums() {
    for (Id id = 0; id < operations_.size(); ++id) {
      if (!is_computed(id) || uses_[id] == 0 || !is_sum(operations_[id].code)) continue;
      chain_[id] = 1;
      for_operands(id, [&](Id x) {
        if (continues(x)) chain_[id] = std::max(chain_[id], chain_[x] + 1);
      });
    }
    sums_.resize(uses_.size());
    for (Id id = static_cast<Id>(operations_.size()); id-- > 0;) {
      if (!is_computed(id) || uses_[id] == 0 || is_term_[id] != 0) continue;
      if (is_sum(operations_[id].code) || operations_[id].code == Code::multiply) sums_[id] = summands(id);
    }
    for (std::size_t k = 0; k < copied_.size(); ++k)
      if (copied_[k] != none) sums_[operations_.size() + k] = {{false, copied_[k], none}};
  }

  [[nodiscard]] Summand term(Id id, bool minus) {
    if (is_single(id) && operations_[id].code == Code::multiply) {
      is_term_[id] = 1;
      return {minus, operations_[id].a, operations_[id].b};
    }
    return {minus, id, none};
  }

  /// The terms of the sum that `root` is the end of, in the order of their addition.
  [[nodiscard]] std::vector<Summand> summands(Id root) {
    if (operations_[root].code == Code::multiply) return {{false, operations_[root].a, operations_[root].b}};
    std::vector<Summand> terms;
    bool minus = false;
    Id id = root;
    while (true) {
      const Operation& o = operations_[id];
      Id before = o.a;
      bool minus_before = minus != (o.code == Code::negate);
      if (o.code != Code::negate) {
        const bool minus_b = minus != (o.code == Code::subtract);
        if (!minus_b && continues(o.b) && (!continues(o.a) || chain_[o.b] > chain_[o.a])) {
          terms.push_back(term(o.a, minus));
          before = o.b;
          minus_before = minus_b;
        } else {
          terms.push_back(term(o.b, minus_b));
        }
      }
      minus = minus_before;
      if (minus || !continues(before)) {  // a sum with all its signs changed is not that sum where it is 0
        terms.push_back(term(before, minus));
        break;
      }
      is_term_[before] = 1;
      id = before;
    }
    std::reverse(terms.begin(), terms.end());
    return terms;
  }

  // ---- Steps and times. Loads happen at time 0, step s at s + 1, seeds at `middle`, the pullback of step s at middle + steps - s.
  void order_steps() {
    std::vector<std::pair<Id, std::size_t>> pending;  // a guard follows the later of its operands
    for (std::size_t k = 0; k < guards_.size(); ++k) {
      const auto when = [&](Id x) { return is_computed(x) ? x + 1 : 0; };
      pending.emplace_back(std::max(when(guards_[k].a), when(guards_[k].b)), k);
    }
    std::stable_sort(pending.begin(), pending.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
    std::size_t next = 0;
    const auto emit_guards = [&](Id until) {
      for (; next < pending.size() && pending[next].first <= until; ++next) order_.push_back({none, pending[next].second});
    };
    emit_guards(0);
    for (Id id = 0; id < uses_.size(); ++id) {
      const bool exists = is_copy(id) ? copied_[id - operations_.size()] != none : is_computed(id) && uses_[id] != 0 && is_term_[id] == 0;
      if (exists) {
        step_of_[id] = static_cast<std::uint32_t>(order_.size());
        order_.push_back({id, 0});
      }
      emit_guards(id + 1);
    }
    middle_ = order_.size() + 1;
  }
  [[nodiscard]] std::size_t pullback_time(std::size_t step) const { return middle_ + order_.size() - step; }
  [[nodiscard]] std::size_t end_time() const { return middle_ + order_.size() + 1; }

  /// The derivative is computed with the value, and kept instead of it.
  [[nodiscard]] bool keeps_slope(Id id) const {
    return !is_copy(id) && has_adjoint(id) && operations_[id].code == Code::unary && kernels_[operations_[id].kernel].has_slopes();
  }
  void keep_value(Id id, std::size_t until) {
    if (!is_uniform(id)) value_until_[id] = std::max(value_until_[id], until);
  }

  void find_lifetimes() {
    value_until_.assign(uses_.size(), 0);
    for (std::size_t s = 0; s < order_.size(); ++s) {
      const Id id = order_[s].id;
      const std::size_t forward = s + 1, reverse = pullback_time(s);
      if (id == none) {
        keep_value(guards_[order_[s].guard].a, forward), keep_value(guards_[order_[s].guard].b, forward);
        continue;
      }
      keep_value(id, forward);
      if (!sums_[id].empty()) {
        for (const Summand& t : sums_[id]) {
          keep_value(t.a, forward);
          if (t.b == none) continue;
          keep_value(t.b, forward);
          if (has_adjoint(id) && wanted_[t.b] != 0) keep_value(t.a, reverse);
          if (has_adjoint(id) && wanted_[t.a] != 0) keep_value(t.b, reverse);
        }
        continue;
      }
      for_operands(id, [&](Id x) { keep_value(x, has_adjoint(id) ? reverse : forward); });
      if (has_adjoint(id) && !keeps_slope(id)) keep_value(id, reverse);
    }
    for (const Id y : outputs_) keep_value(y, middle_);
  }

  // ---- Rows.
  [[nodiscard]] std::uint32_t new_row(std::size_t until) {
    std::uint32_t row = plan_.rows;
    if (free_.empty()) {
      if (plan_.rows >= Place::uniform_bit) throw TapeError("program: too many values are needed at once");
      ++plan_.rows;
    } else {
      row = free_.back();
      free_.pop_back();
    }
    // Buckets would cost a vector for each time; a heap orders what is alive only.
    expiring_.emplace_back(until, row);
    std::push_heap(expiring_.begin(), expiring_.end(), std::greater<>());
    return row;
  }
  void free_rows_of(std::size_t time) {
    while (!expiring_.empty() && expiring_.front().first <= time) {
      std::pop_heap(expiring_.begin(), expiring_.end(), std::greater<>());
      free_.push_back(expiring_.back().second);
      expiring_.pop_back();
    }
  }
  [[nodiscard]] Place place(Id id) const { return is_uniform(id) ? Place{sources_[id].index | Place::uniform_bit} : Place{value_row_[id]}; }

  void lay_out() {
    value_row_.assign(uses_.size(), none), adjoint_row_.assign(uses_.size(), none), slope_row_.assign(uses_.size(), none);
    for (Id id = 0; id < operations_.size(); ++id)
      if (uses_[id] != 0 && sources_[id].kind == Source::Kind::loaded) {
        value_row_[id] = new_row(value_until_[id]);
        plan_.loads.push_back({sources_[id].index, value_row_[id]});
      }
    free_rows_of(0);
    for (std::size_t s = 0; s < order_.size(); ++s) {
      if (order_[s].id == none) {
        const Guard& g = guards_[order_[s].guard];
        plan_.steps.push_back({.kind = Step::Kind::guard, .relation = g.relation, .outcome = g.outcome, .a = place(g.a), .b = place(g.b)});
      } else {
        value_row_[order_[s].id] = new_row(value_until_[order_[s].id]);
        if (keeps_slope(order_[s].id)) slope_row_[order_[s].id] = new_row(pullback_time(s));
        forward(order_[s].id);
      }
      free_rows_of(s + 1);
    }
    for (const Id y : outputs_) {
      plan_.outputs.push_back(value_row_[y]);
      if (has_adjoint(y)) adjoint_row_[y] = new_row(pullback_time(step_of_[y]));
      plan_.seeds.push_back(adjoint_row_[y]);
    }
    free_rows_of(middle_);
    for (std::size_t s = order_.size(); s-- > 0;) {
      if (order_[s].id != none && has_adjoint(order_[s].id)) reverse(order_[s].id);
      free_rows_of(pullback_time(s));
    }
    for (Id id = 0; id < operations_.size(); ++id)
      if (sources_[id].kind == Source::Kind::loaded && adjoint_row_[id] != none) plan_.adjoints.push_back({sources_[id].index, adjoint_row_[id]});
  }

  void forward(Id id) {
    Step step{.kind = Step::Kind::sum, .y = value_row_[id], .a = {}, .b = {}};
    if (!sums_[id].empty()) {
      step.first = static_cast<std::uint32_t>(plan_.terms.size());
      step.count = static_cast<std::uint32_t>(sums_[id].size());
      for (const Summand& t : sums_[id]) plan_.terms.push_back(planned(t));
      count_runs(std::span(plan_.terms).subspan(step.first), [](const Term& x, const Term& y) { return x.kind == y.kind && x.minus == y.minus; });
    } else {
      const Operation& o = operations_[id];
      step.kind = kind_of(o.code);
      step.a = place(o.a);
      if (o.b != none) step.b = place(o.b);
      if (o.code != Code::divide) step.kernel = &kernels_[o.kernel];
      step.slope = slope_row_[id];
    }
    plan_.steps.push_back(step);
  }
  [[nodiscard]] static Step::Kind kind_of(Code code) {
    return code == Code::divide ? Step::Kind::divide : code == Code::unary ? Step::Kind::unary : Step::Kind::binary;
  }
  [[nodiscard]] Term planned(const Summand& t) const {
    if (t.b == none) return {is_uniform(t.a) ? Term::Kind::uniform : Term::Kind::row, t.minus, 1, place(t.a).index(), 0};
    if (is_uniform(t.b)) return {Term::Kind::scaled, t.minus, 1, place(t.b).index(), place(t.a).index()};
    return {is_uniform(t.a) ? Term::Kind::scaled : Term::Kind::product, t.minus, 1, place(t.a).index(), place(t.b).index()};
  }

  template <class T, class Alike> static void count_runs(std::span<T> terms, Alike&& alike) {
    for (std::size_t i = terms.size(); i-- > 1;)
      if (terms[i].run < 0xffff && alike(terms[i - 1], terms[i])) terms[i - 1].run = static_cast<std::uint16_t>(terms[i].run + 1);
  }

  /// Where the adjoint of x takes its next contribution.
  std::pair<To, std::uint32_t> contribution_to(Id x) {
    if (wanted_[x] == 0) return {To::nothing, 0};
    if (is_uniform(x)) return {To::add, sources_[x].index};
    if (adjoint_row_[x] != none) return {To::add, adjoint_row_[x]};
    adjoint_row_[x] = new_row(is_computed(x) ? pullback_time(step_of_[x]) : end_time());
    return {To::set, adjoint_row_[x]};
  }

  void reverse(Id id) {
    StepPullback p{.kind = Step::Kind::sum, .adjoint = adjoint_row_[id], .y = value_row_[id], .a = {}, .b = {}};
    if (!sums_[id].empty()) {
      p.first = static_cast<std::uint32_t>(plan_.term_pullbacks.size());
      for (const Summand& t : sums_[id]) {
        const Term forward = planned(t);
        TermPullback q{forward.kind, forward.minus, To::nothing, To::nothing, 1, forward.a, forward.b, 0, 0};
        Id a = t.a, b = t.b;
        if (b != none && is_uniform(b)) std::swap(a, b);
        std::tie(q.to_a, q.adjoint_a) = contribution_to(a);
        if (b != none) std::tie(q.to_b, q.adjoint_b) = contribution_to(b);
        if (q.to_a != To::nothing || q.to_b != To::nothing) plan_.term_pullbacks.push_back(q);
      }
      p.count = static_cast<std::uint32_t>(plan_.term_pullbacks.size()) - p.first;
      count_runs(std::span(plan_.term_pullbacks).subspan(p.first),
                 [](const TermPullback& x, const TermPullback& y) { return x.kind == y.kind && x.minus == y.minus && x.to_a == y.to_a && x.to_b == y.to_b; });
    } else {
      const Operation& o = operations_[id];
      p.kind = kind_of(o.code);
      p.a = place(o.a);
      std::tie(p.to_a, p.adjoint_a) = contribution_to(o.a);
      if (o.b != none) {
        p.b = place(o.b);
        std::tie(p.to_b, p.adjoint_b) = contribution_to(o.b);
      }
      if (o.code != Code::divide) p.kernel = &kernels_[o.kernel];
      p.slope = slope_row_[id];
    }
    plan_.pullbacks.push_back(p);
  }

  struct Entry {
    Id id;  // none: a guard
    std::size_t guard;
  };

  std::span<const Operation> operations_;
  std::span<const Kernel> kernels_;
  std::span<const Source> sources_;
  std::vector<Id> outputs_, copied_;
  std::vector<Guard> guards_;
  std::vector<std::uint8_t> uses_;  // 0, 1, or 2 for more
  std::vector<char> reaches_, wanted_, is_term_;
  std::vector<std::uint32_t> chain_, step_of_, value_row_, adjoint_row_, slope_row_;
  std::vector<std::vector<Summand>> sums_;
  std::vector<Entry> order_;
  std::size_t middle_ = 0;
  std::vector<std::size_t> value_until_;
  std::vector<std::pair<std::size_t, std::uint32_t>> expiring_;
  std::vector<std::uint32_t> free_;
  Plan plan_;
};

}  // namespace

Plan make_plan(const Listing& listing, std::span<const Source> sources, std::span<const Id> outputs, std::span<const Guard> guards) {
  return Planner(listing, sources, outputs, guards).make();
}

}  // namespace gradus::replay
