// The replay loops themselves, for vectors of `width` doubles. Included once by the source file of each instruction set, which compiles them in
// an unnamed namespace: the linker must not merge the code of one instruction set with that of another.
#pragma once

#include <cstddef>
#include <cstdint>

#include <autodiff/program/lanes_vectors.hpp>
#include <autodiff/program/loops.hpp>

namespace gradus::replay {
namespace {

[[gnu::always_inline]] inline bool is_uniform(Place p) { return (p.bits & Place::uniform_bit) != 0; }
[[gnu::always_inline]] inline std::uint32_t index(Place p) { return p.bits & ~Place::uniform_bit; }

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
  /// Adds terms of one kind.
  template <bool First, bool Minus> [[gnu::always_inline]] void add_run(Vec* sum, const Term* t, const Term* end) const {
    switch (t->kind) {
      case Term::Kind::row:
        for (; t != end; ++t) {
          const Vec* a = row(t->a);
          for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a[v]);
        }
        return;
      case Term::Kind::uniform:
        for (; t != end; ++t) {
          const Vec a = broadcast(uniforms[t->a]);
          for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a);
        }
        return;
      case Term::Kind::product:
        for (; t != end; ++t) {
          const Vec *a = row(t->a), *b = row(t->b);
          for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a[v] * b[v]);
        }
        return;
      default:  // scaled
        for (; t != end; ++t) {
          const Vec a = broadcast(uniforms[t->a]), *b = row(t->b);
          for (int v = 0; v < N; ++v) put<First, Minus>(sum, v, a * b[v]);
        }
        return;
    }
  }
  void sum(const Step& s) const {
    const Term* t = share.plan->terms.data() + s.first;
    const Term* const end = t + s.count;
    Vec total[N] = {};
    if (t->minus) add_run<true, true>(total, t, t + 1);
    else add_run<true, false>(total, t, t + 1);
    for (++t; t != end; t += t->run) {
      if (t->minus) add_run<false, true>(total, t, t + t->run);
      else add_run<false, false>(total, t, t + t->run);
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

  void unary(const Step& s) const {
    const Kernel& k = *s.kernel;
    const void* op = k.op.get();
    if (s.slope != none) k.unary->value_and_slope(op, numbers(index(s.a)), numbers(s.y), numbers(s.slope), kernel_lanes);
    else if (k.unary != nullptr) k.unary->value(op, numbers(index(s.a)), numbers(s.y), kernel_lanes);
    else k.value(op, operand(s.a, 0), nullptr, numbers(s.y), kernel_lanes);
  }
  void binary(const Step& s) const {
    const Kernel& k = *s.kernel;
    if (k.binary != nullptr) k.binary->value[single(s.a, s.b)](k.op.get(), number_or_row(s.a), number_or_row(s.b), numbers(s.y), kernel_lanes);
    else k.value(k.op.get(), operand(s.a, 0), operand(s.b, 1), numbers(s.y), kernel_lanes);
  }
  [[gnu::always_inline]] static int single(Place a, Place b) {
    return static_cast<int>(is_uniform(a) ? gradus_kernels::Single::first : is_uniform(b) ? gradus_kernels::Single::second : gradus_kernels::Single::neither);
  }
  [[gnu::always_inline]] const double* number_or_row(Place p) const { return is_uniform(p) ? uniforms + index(p) : numbers(index(p)); }

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
        case Step::Kind::unary: unary(s); break;
        case Step::Kind::binary: binary(s); break;
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

  /// sum + partial·up.
  template <bool Masked> [[gnu::always_inline]] static Vec flow(Vec sum, Vec partial, Vec up, Mask nonzero) {
    if constexpr (Masked) return sum + (Vec)((Mask)(partial * up) & nonzero);
    else return multiply_add(partial, up, sum);
  }
  template <bool Masked> [[gnu::always_inline]] static Vec flow(Vec partial, Vec up, Mask nonzero) {
    if constexpr (Masked) return (Vec)((Mask)(partial * up) & nonzero);
    else return partial * up;
  }
  /// Adjoints of factors in a run of terms; the other factor of term t is partial(t, v).
  template <bool Masked, class Partial>
  [[gnu::always_inline]] void flow_to(To to, const TermPullback& t, std::uint32_t adjoint, const Vec* u, const Mask* nonzero, const Partial& partial) const {
    if (to == To::nothing) return;
    Vec* x = row(adjoint);
    if (to == To::add) for (int v = 0; v < N; ++v) x[v] = flow<Masked>(x[v], partial(t, v), u[v], nonzero[v]);
    else for (int v = 0; v < N; ++v) x[v] = flow<Masked>(partial(t, v), u[v], nonzero[v]);
  }
  template <bool Masked> [[gnu::always_inline]] void flow_to_uniform(std::uint32_t adjoint, const Vec* b, const Vec* u, const Mask* nonzero) const {
    Vec total[2] = {reinterpret_cast<Vec*>(share.uniform_adjoints)[adjoint], Vec{}};  // two chains: a single one waits for its sums
    for (int v = 0; v < N; ++v) total[v % 2] = flow<Masked>(total[v % 2], b[v], u[v], nonzero[v]);
    reinterpret_cast<Vec*>(share.uniform_adjoints)[adjoint] = N > 1 ? total[0] + total[1] : total[0];
  }
  template <bool Masked> void pull_back_terms(const StepPullback& s, const Vec* up, const Mask* nonzero) const {
    const TermPullback* t = share.plan->term_pullbacks.data() + s.first;
    const TermPullback* const end = t + s.count;
    Vec u[N];
    while (t != end) {
      const TermPullback* const run_end = t + t->run;
      for (int v = 0; v < N; ++v) u[v] = t->minus ? -up[v] : up[v];
      const To to_a = t->to_a, to_b = t->to_b;
      switch (t->kind) {
        case Term::Kind::row:
          if (to_a == To::set) for (; t != run_end; ++t) for (int v = 0; v < N; ++v) row(t->adjoint_a)[v] = u[v];
          else for (; t != run_end; ++t) for (int v = 0; v < N; ++v) row(t->adjoint_a)[v] += u[v];
          break;
        case Term::Kind::uniform: {
          Vec total = u[0];
          for (int v = 1; v < N; ++v) total += u[v];
          for (; t != run_end; ++t) contribute_uniform(t->adjoint_a, total);
          break;
        }
        case Term::Kind::product:
          for (; t != run_end; ++t) {
            flow_to<Masked>(to_a, *t, t->adjoint_a, u, nonzero, [this](const TermPullback& q, int v) { return row(q.b)[v]; });
            flow_to<Masked>(to_b, *t, t->adjoint_b, u, nonzero, [this](const TermPullback& q, int v) { return row(q.a)[v]; });
          }
          break;
        case Term::Kind::scaled: {
          const auto factor = [this](const TermPullback& q, int) { return broadcast(uniforms[q.a]); };
          if (to_a != To::nothing && to_b == To::add) {  // the rows of a linear map, most of what a network or a mixture does
            for (; t != run_end; ++t) {
              flow_to_uniform<Masked>(t->adjoint_a, row(t->b), u, nonzero);
              flow_to<Masked>(To::add, *t, t->adjoint_b, u, nonzero, factor);
            }
            break;
          }
          for (; t != run_end; ++t) {
            if (to_a != To::nothing) flow_to_uniform<Masked>(t->adjoint_a, row(t->b), u, nonzero);
            flow_to<Masked>(to_b, *t, t->adjoint_b, u, nonzero, factor);
          }
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

  [[gnu::always_inline]] static gradus_kernels::Into into(To to) {
    return to == To::nothing ? gradus_kernels::Into::none : to == To::set ? gradus_kernels::Into::write : gradus_kernels::Into::add;
  }
  /// A row, or for a uniform the first lane of its vector of sums.
  [[gnu::always_inline]] double* adjoint_of(Place p, std::uint32_t where) const {
    return is_uniform(p) ? share.uniform_adjoints + static_cast<std::size_t>(where) * width : numbers(where);
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
          if (s.kernel->unary != nullptr) {
            const double* saved = numbers(s.slope != none ? s.slope : s.y);
            s.kernel->unary->pull(s.kernel->op.get(), numbers(index(s.a)), saved, numbers(s.adjoint), numbers(s.adjoint_a), into(s.to_a), kernel_lanes);
            continue;
          }
          s.kernel->pullback(s.kernel->op.get(), operand(s.a, 0), nullptr, numbers(s.y), numbers(s.adjoint), da, nullptr, kernel_lanes);
          break;
        case Step::Kind::binary:
          if (s.kernel->binary != nullptr) {
            s.kernel->binary->pull[single(s.a, s.b)](s.kernel->op.get(), number_or_row(s.a), number_or_row(s.b), numbers(s.y), numbers(s.adjoint),
                                                     adjoint_of(s.a, s.adjoint_a), into(s.to_a), adjoint_of(s.b, s.adjoint_b), into(s.to_b), kernel_lanes);
            continue;
          }
          s.kernel->pullback(s.kernel->op.get(), operand(s.a, 0), operand(s.b, 1), numbers(s.y), numbers(s.adjoint), da, db, kernel_lanes);
          break;
        case Step::Kind::guard: break;
      }
      deliver(s.to_a, s.a, s.adjoint_a, da);
      deliver(s.to_b, s.b, s.adjoint_b, db);
    }
  }
};

/// Samples to rows. `first` is where the numbers of each lane's sample begin.
template <int N> void load(const Block<N>& block, const std::size_t* first) {
  const Share& share = block.share;
  const Binding* loads = share.plan->loads.data();
  for (std::size_t k = 0, n = share.plan->loads.size(); k < n; ++k) {
    double* row = block.numbers(loads[k].row);
    const double* from = share.samples + loads[k].which;
    for (std::size_t i = 0; i < Block<N>::lanes; ++i) row[i] = from[first[i]];
  }
}
/// Adjoint rows to gradients, of the lanes that are alive.
template <int N> void store(const Block<N>& block, const std::size_t* first, const std::int64_t* alive, bool all_alive) {
  const Share& share = block.share;
  const Binding* adjoints = share.plan->adjoints.data();
  const std::size_t n = share.plan->adjoints.size();
  if (n < share.inputs)
    for (std::size_t i = 0; i < Block<N>::lanes; ++i)
      if (alive[i] != 0)
        for (std::size_t k = 0; k < share.inputs; ++k) share.gradients[first[i] + k] = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double* row = block.numbers(adjoints[k].row);
    double* to = share.gradients + adjoints[k].which;
    if (all_alive) for (std::size_t i = 0; i < Block<N>::lanes; ++i) to[first[i]] = row[i];
    else for (std::size_t i = 0; i < Block<N>::lanes; ++i)
        if (alive[i] != 0) to[first[i]] = row[i];
  }
}

/// Replays the samples of a share, a block at a time. The lanes of an unfinished block repeat its last sample and count for nothing.
template <int N> void replay_blocks(Share& share) {
  constexpr std::size_t lanes = Block<N>::lanes;
  const Plan& plan = *share.plan;
  const Block<N> block(share);
  Vec sum{};
  for (std::size_t position = share.begin; position < share.end; position += lanes) {
    const std::size_t count = share.end - position < lanes ? share.end - position : lanes;
    std::size_t sample[lanes], first[lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::size_t at = position + (i < count ? i : count - 1);
      sample[i] = share.which == nullptr ? at : share.which[at];
      first[i] = sample[i] * share.inputs;
    }
    load(block, first);
    Mask alive[N];
    const auto* lives = reinterpret_cast<const std::int64_t*>(alive);
    for (std::size_t i = 0; i < lanes; ++i) reinterpret_cast<std::int64_t*>(alive)[i] = i < count ? -1 : 0;
    block.forward(alive);

    const double* y = block.numbers(plan.outputs.data()[0]);
    Mask dead{};
    for (int v = 0; v < N; ++v) {
      sum += (Vec)((Mask)reinterpret_cast<const Vec*>(y)[v] & alive[v]);
      dead |= ~alive[v];
    }
    const bool all_alive = !any(dead);
    if (!all_alive)
      for (std::size_t i = 0; i < count; ++i)
        if (lives[i] == 0) share.others[share.other_count++] = sample[i];
    if (share.values != nullptr)
      for (std::size_t i = 0; i < count; ++i)
        if (all_alive || lives[i] != 0) share.values[sample[i]] = y[i];
    if (!share.reverse) continue;
    const std::uint32_t seed = plan.seeds.data()[0];
    if (seed != none) {
      for (int v = 0; v < N; ++v) block.row(seed)[v] = (Vec)((Mask)broadcast(1) & alive[v]);
      block.pull_back();
    }
    if (share.gradients != nullptr) store(block, first, lives, all_alive);
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
