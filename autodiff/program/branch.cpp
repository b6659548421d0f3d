// Replaying one recording over samples: uniforms first, then the samples in pieces that do not depend on the number of threads.
#include <autodiff/program/branch.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include <autodiff/program/loops.hpp>
#include <autodiff/threads.hpp>

namespace gradus::replay {
namespace {

constexpr std::size_t scratch_rows = 4;
/// Samples in a piece: whole blocks, few enough to spread over cores, and not so many pieces that their sums matter.
std::size_t piece_of(std::size_t count) { return std::max<std::size_t>(256, (count / 64 + 63) / 64 * 64); }

/// How many vectors of lanes a block has: the more, the fewer decisions a sample, as long as the rows stay in the second-level cache. (A mixture whose
/// rows take 370 KB in blocks of 8 vectors: 0.70 ms; of 4: 0.80; of 2: 1.0; of 1, in the first-level cache: 1.6.)
std::size_t vectors_of(const Plan& plan, std::size_t width, std::size_t count) {
  const std::size_t bytes = (plan.rows + scratch_rows) * width * sizeof(double);
  std::size_t vectors = 8;
  while (vectors > 1 && count <= vectors / 2 * width) vectors /= 2;
  while (vectors > 1 && bytes * vectors > 384 * 1024) vectors /= 2;
  return vectors;
}

/// A workspace for this piece of work; nested ones get one each.
class Borrowed {
 public:
  Borrowed() {
    auto& free = pool();
    if (free.empty()) {
      workspace_ = std::make_unique<Workspace>();
    } else {
      workspace_ = std::move(free.back());
      free.pop_back();
    }
  }
  ~Borrowed() {
    if (pool().size() < pool().capacity()) pool().push_back(std::move(workspace_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  Workspace* operator->() const noexcept { return workspace_.get(); }

 private:
  static std::vector<std::unique_ptr<Workspace>>& pool() {
    thread_local std::vector<std::unique_ptr<Workspace>> free = [] {
      std::vector<std::unique_ptr<Workspace>> v;
      v.reserve(4);
      return v;
    }();
    return free;
  }
  std::unique_ptr<Workspace> workspace_;
};

/// The sum over the lanes of each of n numbers.
template <std::size_t width> void add_lanes(const double* lane, std::size_t n, double* total) {
  for (std::size_t u = 0; u < n; ++u, lane += width) {
    double sum[width];
    std::copy_n(lane, width, sum);
    for (std::size_t half = width / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
    total[u] = sum[0];
  }
}

/// Adds up the adjoints of pieces in a fixed tree, so that it does not show which thread did which piece. Who comes to a fork second adds what both have:
/// neighbouring pieces are mostly still in the caches of the same thread.
void combine(Workspace& workspace, std::size_t piece, std::size_t pieces, std::size_t uniforms) {
  for (std::size_t stride = 1; stride < pieces; stride *= 2) {
    const std::size_t left = piece / (2 * stride) * (2 * stride), right = left + stride;
    if (right < pieces) {
      if (std::atomic_ref(workspace.arrived[right]).fetch_add(1, std::memory_order_acq_rel) == 0) return;
      double* const to = workspace.partial.data() + left * uniforms;
      const double* const from = workspace.partial.data() + right * uniforms;
      for (std::size_t u = 0; u < uniforms; ++u) to[u] += from[u];
    }
    piece = left;
  }
}

}  // namespace

double* Rows::at_least(std::size_t n) {
  if (n > size_) {
    memory_ = std::make_unique<double[]>(n + 8);
    size_ = n;
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    first_ = memory_.get() + (64 - address % 64) % 64 / sizeof(double);
  }
  return first_;
}

Branch::Branch(Listing listing, std::size_t parameters) : listing_(std::move(listing)), parameters_(parameters) { classify(); }

void Branch::classify() {
  const auto operations = listing_.operations();
  const std::size_t n = operations.size();
  const auto for_operands = [&](const Operation& o, auto&& f) {
    if (o.code == Code::input || o.code == Code::parameter || o.code == Code::constant) return;
    f(o.a);
    if (o.b != none) f(o.b);
  };
  is_uniform_.assign(n, 0);
  std::vector<char> live(n, 0), shared(n, 0);
  for (Id id = 0; id < n; ++id) {
    const Operation& o = operations[id];
    is_uniform_[id] = o.code != Code::input;
    for_operands(o, [&](Id x) { is_uniform_[id] = static_cast<char>(is_uniform_[id] & is_uniform_[x]); });
  }
  const auto is_shared = [&](Id id) { return is_uniform_[id] != 0 && operations[id].code != Code::parameter && operations[id].code != Code::constant; };
  const auto use = [&](Id id) {
    live[id] = 1;
    if (is_shared(id)) shared[id] = 1;
  };
  use(listing_.output());
  for (const Guard& g : listing_.guards()) use(g.a), use(g.b);
  for (Id id = static_cast<Id>(n); id-- > 0;)
    if (live[id] != 0)
      for_operands(operations[id], [&](Id x) {
        live[x] = 1;
        if (is_shared(x) && is_uniform_[id] == 0) shared[x] = 1;
      });

  uniform_of_.assign(n, none);
  for (Id id = 0; id < n; ++id) {
    if (live[id] == 0) continue;
    if (operations[id].code == Code::parameter) uniform_of_[id] = operations[id].a;
    if (operations[id].code != Code::constant) continue;
    uniform_of_[id] = static_cast<std::uint32_t>(parameters_ + constants_.size());
    constants_.push_back(operations[id].constant);
  }
  std::vector<Source> sources(n);
  for (Id id = 0; id < n; ++id) {
    if (operations[id].code == Code::parameter) sources[id] = {Source::Kind::loaded, true, operations[id].a};
    if (operations[id].code == Code::constant) sources[id] = {Source::Kind::uniform, false, uniform_of_[id]};
    if (shared[id] == 0) continue;
    uniform_of_[id] = static_cast<std::uint32_t>(parameters_ + constants_.size() + shared_outputs_.size());
    shared_outputs_.push_back(id);
  }
  shared_ = make_plan(listing_, sources, shared_outputs_, {});
}

const Plan& Branch::plan(bool input_adjoints, bool parameter_adjoints) const {
  const std::size_t which = (input_adjoints ? 1 : 0) + (parameter_adjoints ? 2 : 0);
  std::call_once(planned_[which], [&] {
    const auto operations = listing_.operations();
    std::vector<Source> sources(operations.size());
    for (Id id = 0; id < sources.size(); ++id) {
      if (operations[id].code == Code::input) sources[id] = {Source::Kind::loaded, input_adjoints, operations[id].a};
      else if (is_uniform_[id] != 0 && uniform_of_[id] != none)
        sources[id] = {Source::Kind::uniform, parameter_adjoints && operations[id].code != Code::constant, uniform_of_[id]};
    }
    const Id output = listing_.output();
    plans_[which] = make_plan(listing_, sources, std::span(&output, 1), listing_.guards());
  });
  return plans_[which];
}

void Branch::compute_shared(std::span<const double> parameters, Workspace& workspace) const {
  std::vector<double>& uniforms = workspace.uniforms;
  uniforms.assign(parameters.begin(), parameters.end());
  uniforms.insert(uniforms.end(), constants_.begin(), constants_.end());
  if (shared_outputs_.empty()) return;
  const std::size_t width = loops().width;
  Share share{.plan = &shared_, .uniforms = uniforms.data(), .rows = workspace.once.at_least((shared_.rows + scratch_rows) * width)};
  for (const Binding& load : shared_.loads) std::fill_n(share.rows + load.row * width, width, parameters[load.which]);
  loops().forward(share);
  for (const std::uint32_t row : shared_.outputs) uniforms.push_back(share.rows[row * width]);
}

bool Branch::applies(const Workspace& workspace) const {
  for (const Guard& g : listing_.guards())
    if (is_uniform_[g.a] != 0 && is_uniform_[g.b] != 0 &&
        holds(g.relation, workspace.uniforms[uniform_of_[g.a]], workspace.uniforms[uniform_of_[g.b]]) != g.outcome)
      return false;
  return true;
}

void Branch::pull_shared_back(const double* uniform_adjoints, Workspace& workspace, double* gradient) const {
  for (std::size_t j = 0; j < parameters_; ++j) gradient[j] += uniform_adjoints[j];
  if (shared_outputs_.empty()) return;
  const std::size_t width = loops().width;
  Share share{.plan = &shared_, .uniforms = workspace.uniforms.data(), .rows = workspace.once.at_least((shared_.rows + scratch_rows) * width)};
  for (std::size_t k = 0; k < shared_outputs_.size(); ++k) {
    if (shared_.seeds[k] == none) continue;
    double* seed = share.rows + shared_.seeds[k] * width;
    std::fill_n(seed, width, 0.0);
    seed[0] = uniform_adjoints[parameters_ + constants_.size() + k];
  }
  workspace.uniform_adjoints.at_least(workspace.uniforms.size() * width);
  loops().pull_back(share);
  for (const Binding& adjoint : shared_.adjoints) gradient[adjoint.which] += share.rows[adjoint.row * width];
}

double Branch::replay(const Call& call, Workspace& workspace) const {
  workspace.others.clear();
  compute_shared(call.parameters, workspace);
  if (!applies(workspace)) {
    for (std::size_t i = 0; i < call.count; ++i) workspace.others.push_back(call.which == nullptr ? i : call.which[i]);
    return 0;
  }
  const Plan& steps = plan(call.input_gradients != nullptr, call.parameter_gradient != nullptr);
  const Loops& lanes = loops();
  const std::size_t vectors = vectors_of(steps, lanes.width, call.count), piece = piece_of(call.count), pieces = (call.count - 1) / piece + 1;
  const std::size_t uniforms = workspace.uniforms.size();
  const bool by_parameters = call.parameter_gradient != nullptr;
  workspace.others.resize(call.count);
  workspace.other_counts.assign(pieces, 0);
  workspace.sums.assign(pieces, 0.0);
  if (by_parameters) workspace.partial.resize(pieces * uniforms);
  workspace.arrived.assign(pieces, 0);

  parallel_for(call.count, piece, [&](std::size_t begin, std::size_t end) {
    const Borrowed own;
    const std::size_t which = begin / piece;
    Share share{.plan = &steps, .samples = call.samples.data(), .inputs = call.inputs, .which = call.which, .begin = begin, .end = end};
    share.uniforms = workspace.uniforms.data();
    share.rows = own->rows.at_least((steps.rows + scratch_rows) * vectors * lanes.width);
    share.reverse = by_parameters || call.input_gradients != nullptr;
    share.values = call.values;
    share.gradients = call.input_gradients;
    share.others = workspace.others.data() + begin;
    if (by_parameters) {
      share.uniform_adjoints = own->uniform_adjoints.at_least(uniforms * lanes.width);
      std::fill_n(share.uniform_adjoints, uniforms * lanes.width, 0.0);
    }
    lanes.replay(share, vectors);
    workspace.other_counts[which] = share.other_count;
    workspace.sums[which] = share.sum;
    if (!by_parameters) return;
    double* const total = workspace.partial.data() + which * uniforms;
    const double* const lane = share.uniform_adjoints;
    if (lanes.width == 8) add_lanes<8>(lane, uniforms, total);
    else if (lanes.width == 4) add_lanes<4>(lane, uniforms, total);
    else add_lanes<2>(lane, uniforms, total);
    combine(workspace, which, pieces, uniforms);
  });
  for (std::size_t stride = 1; stride < pieces; stride *= 2)
    for (std::size_t i = 0; i + stride < pieces; i += 2 * stride) workspace.sums[i] += workspace.sums[i + stride];
  if (by_parameters) pull_shared_back(workspace.partial.data(), workspace, call.parameter_gradient);
  std::size_t kept = 0;
  for (std::size_t k = 0; k < pieces; ++k)
    for (std::size_t i = 0; i < workspace.other_counts[k]; ++i) workspace.others[kept++] = workspace.others[k * piece + i];
  workspace.others.resize(kept);
  return workspace.sums[0];
}

}  // namespace gradus::replay
