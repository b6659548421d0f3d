// The replay loops themselves, for vectors of `width` doubles. Included once by the source file of each instruction set, which compiles them in
// an unnamed namespace: the linker must not merge the code of one instruction set with that of another.
#pragma once

#include <cstddef>
#include <cstdint>

#include <autodiff/program/loops.hpp>

namespace gradus::replay {
namespace {

constexpr std::size_t width = GRADUS_LANES;
typedef double Vec __attribute__((vector_size(8 * GRADUS_LANES), may_alias));
typedef std::int64_t Mask __attribute__((vector_size(8 * GRADUS_LANES), may_alias));

[[gnu::always_inline]] inline bool is_uniform(Place p) { return (p.bits & Place::uniform_bit) != 0; }
[[gnu::always_inline]] inline std::uint32_t index(Place p) { return p.bits & ~Place::uniform_bit; }
[[gnu::always_inline]] inline Vec broadcast(double x) { return x - Vec{}; }
[[gnu::always_inline]] inline bool any(Mask m) {
  std::int64_t bits = 0;
  for (std::size_t i = 0; i < width; ++i) bits |= m[i];
  return bits != 0;
}

/// A block of N vectors of lanes: each row is that long.
template <int N> struct Block {
  static constexpr std::size_t lanes = N * width;
  const Share& share;
  std::size_t kernel_lanes;  // how many of them ops have to compute
  Vec* rows;
  const double* uniforms;
  double* scratch;  // four rows

  explicit Block(const Share& s, std::size_t used = lanes)
      : share(s), kernel_lanes(used), rows(reinterpret_cast<Vec*>(s.rows)), uniforms(s.uniforms), scratch(s.rows + static_cast<std::size_t>(s.plan->rows) * lanes) {}
  [[gnu::always_inline]] Vec* row(std::uint32_t i) const { return rows + static_cast<std::size_t>(i) * N; }
  [[gnu::always_inline]] double* numbers(std::uint32_t i) const { return share.rows + static_cast<std::size_t>(i) * lanes; }

  /// A row with the operand; a uniform is spread over the scratch row of that number.
  [[gnu::always_inline]] double* operand(Place p, int which) const {
    if (!is_uniform(p)) return numbers(index(p));
    double* spread = scratch + static_cast<std::size_t>(which) * lanes;
    const Vec x = broadcast(uniforms[index(p)]);
    for (int v = 0; v < N; ++v) reinterpret_cast<Vec*>(spread)[v] = x;
    return spread;
  }

  template <bool First, bool Minus> [[gnu::always_inline]] static void put(Vec* sum, int v, Vec term) {
    if constexpr (First) sum[v] = Minus ? -term : term;
    else sum[v] = Minus ? sum[v] - term : sum[v] + term;
  }
  template <bool First, bool Minus> [[gnu::always_inline]] void add_term(Vec* sum, const Term& t) const {
    switch (t.kind) {
      case Term::Kind::row: {
        const Vec* a = row(t.a);
        for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a[v]);
        return;
      }
      case Term::Kind::uniform: {
        const Vec a = broadcast(uniforms[t.a]);
        for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a);
        return;
      }
      case Term::Kind::product: {
        const Vec *a = row(t.a), *b = row(t.b);
        for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a[v] * b[v]);
        return;
      }
      default: {  // scaled
        const Vec a = broadcast(uniforms[t.a]), *b = row(t.b);
        for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a * b[v]);
        return;
      }
    }
  }
  void sum(const Step& s) const {
    const Term* t = share.plan->terms.data() + s.first;
    const Term* const end = t + s.count;
    Vec total[N];
    if (t->minus) add_term<true, true>(total, *t);
    else add_term<true, false>(total, *t);
    while (++t != end) {
      if (t->minus) add_term<false, true>(total, *t);
      else add_term<false, false>(total, *t);
    }
    Vec* y = row(s.y);
    for (int v = 0; v < N; ++v) y[v] = total[v];
  }

  void guard(const Step& s, Mask* alive) const {
    const Vec* a = reinterpret_cast<const Vec*>(operand(s.a, 0));
    const Vec* b = reinterpret_cast<const Vec*>(operand(s.b, 1));
    const Mask wanted = Mask{} - static_cast<std::int64_t>(s.outcome);
    for (int v = 0; v < N; ++v) {
      Mask m{};
      switch (s.relation) {
        case Relation::less: m = a[v] < b[v]; break;
        case Relation::less_equal: m = a[v] <= b[v]; break;
        case Relation::equal: m = a[v] == b[v]; break;
        case Relation::identical: m = ((Mask)a[v] == (Mask)b[v]) | ((a[v] != a[v]) & (b[v] != b[v])); break;
        case Relation::finite: m = (a[v] - a[v]) == Vec{}; break;
      }
      alive[v] &= ~(m ^ wanted);
    }
  }

  void forward(Mask* alive) const {
    const Step* const steps = share.plan->steps.data();
    for (std::size_t i = 0, n = share.plan->steps.size(); i < n; ++i) {
      const Step& s = steps[i];
      switch (s.kind) {
        case Step::Kind::sum: sum(s); break;
        case Step::Kind::divide: {
          const Vec* a = reinterpret_cast<const Vec*>(operand(s.a, 0));
          const Vec* b = reinterpret_cast<const Vec*>(operand(s.b, 1));
          Vec* y = row(s.y);
          for (int v = 0; v < N; ++v) y[v] = a[v] / b[v];
          break;
        }
        case Step::Kind::unary: s.kernel->value(s.kernel->op.get(), operand(s.a, 0), nullptr, numbers(s.y), kernel_lanes); break;
        case Step::Kind::binary: s.kernel->value(s.kernel->op.get(), operand(s.a, 0), operand(s.b, 1), numbers(s.y), kernel_lanes); break;
        case Step::Kind::guard: guard(s, alive); break;
      }
    }
  }

  // ---- In reverse. An adjoint of 0 contributes 0, even through an infinite or undefined partial.
  [[gnu::always_inline]] void contribute(To to, std::uint32_t where, int v, Vec part) const {
    Vec* x = row(where) + v;
    *x = to == To::set ? part : *x + part;
  }
  [[gnu::always_inline]] void contribute_uniform(std::uint32_t where, Vec part) const { reinterpret_cast<Vec*>(share.uniform_adjoints)[where] += part; }

  template <bool Masked> [[gnu::always_inline]] static Vec through(Vec partial, Vec up, Mask nonzero) {
    if constexpr (Masked) return (Vec)((Mask)(partial * up) & nonzero);
    else return partial * up;
  }
  template <bool Masked> void pull_back_terms(const StepPullback& s, const Vec* up, const Mask* nonzero) const {
    const TermPullback* t = share.plan->term_pullbacks.data() + s.first;
    const TermPullback* const end = t + s.count;
    Vec negated[N];
    for (int v = 0; v < N; ++v) negated[v] = -up[v];
    for (; t != end; ++t) {
      const Vec* u = t->minus ? negated : up;
      switch (t->kind) {
        case Term::Kind::row:
          if (t->to_a == To::set) for (int v = 0; v < N; ++v) row(t->adjoint_a)[v] = u[v];
          else for (int v = 0; v < N; ++v) row(t->adjoint_a)[v] += u[v];
          break;
        case Term::Kind::uniform: {
          Vec total = u[0];
          for (int v = 1; v < N; ++v) total += u[v];
          contribute_uniform(t->adjoint_a, total);
          break;
        }
        case Term::Kind::product: {
          const Vec *a = row(t->a), *b = row(t->b);
          if (t->to_a == To::add) for (int v = 0; v < N; ++v) row(t->adjoint_a)[v] += through<Masked>(b[v], u[v], nonzero[v]);
          else if (t->to_a == To::set) for (int v = 0; v < N; ++v) row(t->adjoint_a)[v] = through<Masked>(b[v], u[v], nonzero[v]);
          if (t->to_b == To::add) for (int v = 0; v < N; ++v) row(t->adjoint_b)[v] += through<Masked>(a[v], u[v], nonzero[v]);
          else if (t->to_b == To::set) for (int v = 0; v < N; ++v) row(t->adjoint_b)[v] = through<Masked>(a[v], u[v], nonzero[v]);
          break;
        }
        case Term::Kind::scaled: {
          if (t->to_a != To::nothing) {
            const Vec* b = row(t->b);
            Vec total = through<Masked>(b[0], u[0], nonzero[0]);
            for (int v = 1; v < N; ++v) total += through<Masked>(b[v], u[v], nonzero[v]);
            contribute_uniform(t->adjoint_a, total);
          }
          const Vec a = broadcast(uniforms[t->a]);
          if (t->to_b == To::add) for (int v = 0; v < N; ++v) row(t->adjoint_b)[v] += through<Masked>(a, u[v], nonzero[v]);
          else if (t->to_b == To::set) for (int v = 0; v < N; ++v) row(t->adjoint_b)[v] = through<Masked>(a, u[v], nonzero[v]);
          break;
        }
      }
    }
  }
  void pull_back_sum(const StepPullback& s) const {
    const Vec* adjoint = row(s.adjoint);
    Vec up[N];
    Mask nonzero[N], zero{};
    for (int v = 0; v < N; ++v) {
      up[v] = adjoint[v];
      nonzero[v] = up[v] != Vec{};
      zero |= ~nonzero[v];
    }
    if (any(zero)) pull_back_terms<true>(s, up, nonzero);
    else pull_back_terms<false>(s, up, nonzero);
  }

  /// Adds a row of contributions to where they belong.
  void deliver(To to, Place p, std::uint32_t where, const double* contributions) const {
    if (to == To::nothing) return;
    const Vec* part = reinterpret_cast<const Vec*>(contributions);
    if (is_uniform(p)) {
      Vec total = part[0];
      for (int v = 1; v < N; ++v) total += part[v];
      return contribute_uniform(where, total);
    }
    for (int v = 0; v < N; ++v) contribute(to, where, v, part[v]);
  }
  void pull_back_quotient(const StepPullback& s, double* da, double* db) const {
    const double *a = operand(s.a, 0), *b = operand(s.b, 1), *y = numbers(s.y), *up = numbers(s.adjoint);
    Mask extreme{};
    for (int v = 0; v < N; ++v) {
      const Vec u = reinterpret_cast<const Vec*>(up)[v], divisor = reinterpret_cast<const Vec*>(b)[v], quotient = reinterpret_cast<const Vec*>(y)[v];
      const Mask nonzero = u != Vec{};
      const Vec partial = quotient / divisor;
      const Vec size = partial < Vec{} ? -partial : partial;
      // Where the partial has left the range, it is formed in long double below. NaN counts.
      extreme |= ~((size > broadcast(0x1p-959)) & (size < broadcast(0x1p+960))) & nonzero;
      reinterpret_cast<Vec*>(da)[v] = (Vec)((Mask)(u / divisor) & nonzero);
      reinterpret_cast<Vec*>(db)[v] = (Vec)((Mask)(-partial * u) & nonzero);
    }
    if (!any(extreme)) return;
    for (std::size_t i = 0; i < lanes; ++i) {
      if (up[i] == 0) continue;
      const auto numerator = static_cast<long double>(a[i]), divisor = static_cast<long double>(b[i]);
      db[i] = static_cast<double>(-(numerator / divisor) / divisor * static_cast<long double>(up[i]));
    }
  }

  void pull_back() const {
    double *da = scratch + 2 * lanes, *db = scratch + 3 * lanes;
    const StepPullback* const pullbacks = share.plan->pullbacks.data();
    for (std::size_t i = 0, n = share.plan->pullbacks.size(); i < n; ++i) {
      const StepPullback& s = pullbacks[i];
      switch (s.kind) {
        case Step::Kind::sum: pull_back_sum(s); continue;
        case Step::Kind::divide: pull_back_quotient(s, da, db); break;
        case Step::Kind::unary:
          s.kernel->pullback(s.kernel->op.get(), operand(s.a, 0), nullptr, numbers(s.y), numbers(s.adjoint), da, nullptr, kernel_lanes);
          break;
        case Step::Kind::binary:
          s.kernel->pullback(s.kernel->op.get(), operand(s.a, 0), operand(s.b, 1), numbers(s.y), numbers(s.adjoint), da, db, kernel_lanes);
          break;
        case Step::Kind::guard: break;
      }
      deliver(s.to_a, s.a, s.adjoint_a, da);
      deliver(s.to_b, s.b, s.adjoint_b, db);
    }
  }
};

/// Replays the samples of a share, a block at a time. The lanes of an unfinished block repeat its last sample and count for nothing.
template <int N> void replay_blocks(Share& share) {
  constexpr std::size_t lanes = Block<N>::lanes;
  const Plan& plan = *share.plan;
  const Block<N> block(share);
  Vec sum{};
  for (std::size_t position = share.begin; position < share.end; position += lanes) {
    const std::size_t count = share.end - position < lanes ? share.end - position : lanes;
    std::size_t sample[lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::size_t at = position + (i < count ? i : count - 1);
      sample[i] = share.which == nullptr ? at : share.which[at];
    }
    for (std::size_t k = 0, n = plan.loads.size(); k < n; ++k) {
      const Binding load = plan.loads.data()[k];
      double* row = block.numbers(load.row);
      for (std::size_t i = 0; i < lanes; ++i) row[i] = share.samples[sample[i] * share.inputs + load.which];
    }
    Mask alive[N];
    for (std::size_t i = 0; i < lanes; ++i) reinterpret_cast<std::int64_t*>(alive)[i] = i < count ? -1 : 0;
    block.forward(alive);

    const double* y = block.numbers(plan.outputs.data()[0]);
    for (int v = 0; v < N; ++v) sum += (Vec)((Mask)reinterpret_cast<const Vec*>(y)[v] & alive[v]);
    const auto* lives = reinterpret_cast<const std::int64_t*>(alive);
    for (std::size_t i = 0; i < count; ++i) {
      if (lives[i] == 0) share.others[share.other_count++] = sample[i];
      else if (share.values != nullptr) share.values[sample[i]] = y[i];
    }
    if (!share.reverse) continue;
    const std::uint32_t seed = plan.seeds.data()[0];
    if (seed != none) {
      for (int v = 0; v < N; ++v) block.row(seed)[v] = (Vec)((Mask)broadcast(1) & alive[v]);
      block.pull_back();
    }
    if (share.gradients == nullptr) continue;
    for (std::size_t i = 0; i < count; ++i)
      if (plan.adjoints.size() < share.inputs && lives[i] != 0)
        for (std::size_t k = 0; k < share.inputs; ++k) share.gradients[sample[i] * share.inputs + k] = 0;
    for (std::size_t k = 0, n = plan.adjoints.size(); k < n; ++k) {
      const Binding adjoint = plan.adjoints.data()[k];
      const double* row = block.numbers(adjoint.row);
      for (std::size_t i = 0; i < count; ++i)
        if (lives[i] != 0) share.gradients[sample[i] * share.inputs + adjoint.which] = row[i];
    }
  }
  for (std::size_t i = 0; i < width; ++i) share.sum += sum[i];
}

void replay(Share& share, std::size_t vectors) {
  switch (vectors) {
    case 1: return replay_blocks<1>(share);
    case 2: return replay_blocks<2>(share);
    case 4: return replay_blocks<4>(share);
    default: return replay_blocks<8>(share);
  }
}
void forward_once(const Share& share) {
  Mask alive[1] = {};
  Block<1>(share, 1).forward(alive);
}
void pull_back_once(const Share& share) { Block<1>(share, 1).pull_back(); }

}  // namespace
}  // namespace gradus::replay
