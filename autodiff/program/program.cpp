// A program: its branches, and which samples take which.
#include <autodiff/program/program.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include <autodiff/program/branch.hpp>

namespace gradus {
namespace replay {
namespace {

Listing recording_of(const Function& f, std::span<const double> x, std::span<const double> p) {
  Listing listing;
  const ListingScope scope(listing);
  std::vector<Recorded> inputs, parameters;
  inputs.reserve(x.size()), parameters.reserve(p.size());
  for (std::size_t i = 0; i < x.size(); ++i) inputs.emplace_back(x[i], listing.input(i), listing);
  for (std::size_t j = 0; j < p.size(); ++j) parameters.emplace_back(p[j], listing.parameter(j), listing);
  const Recorded y = f.record(inputs, parameters);
  listing.finish(y.id_in(listing));
  return listing;
}

/// The workspace that calls of this thread use; a call inside another one, from the user's function, gets one of its own.
class CallWorkspace {
 public:
  CallWorkspace() : workspace_(free_ ? std::move(free_) : std::make_unique<Workspace>()) {}
  ~CallWorkspace() { free_ = std::move(workspace_); }
  CallWorkspace(const CallWorkspace&) = delete;
  CallWorkspace& operator=(const CallWorkspace&) = delete;
  [[nodiscard]] Workspace& operator*() const noexcept { return *workspace_; }

 private:
  static thread_local std::unique_ptr<Workspace> free_;
  std::unique_ptr<Workspace> workspace_;
};
thread_local std::unique_ptr<Workspace> CallWorkspace::free_;

}  // namespace

class State {
 public:
  State(std::shared_ptr<const Function> f, std::span<const double> x, std::span<const double> p, Program::Options options)
      : f_(std::move(f)), inputs_(x.size()), parameters_(p.size()), most_(std::max<std::size_t>(options.max_branches, 1)) {
    first_ = std::make_shared<const Branch>(recording_of(*f_, x, p), parameters_);
    kept_ = std::make_shared<const Branches>(1, first_);
  }
  [[nodiscard]] std::size_t inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::size_t parameters() const noexcept { return parameters_; }
  [[nodiscard]] std::size_t kept() const { return branches()->size(); }
  [[nodiscard]] const Branch& first() const noexcept { return *first_; }

  double replay(std::span<const double> samples, std::span<const double> p, const Program::Wanted& wanted) {
    const std::size_t count = number_of_samples(samples, p, wanted);
    std::fill(wanted.parameter_gradient.begin(), wanted.parameter_gradient.end(), 0.0);
    if (count == 0) return 0;
    const CallWorkspace own;
    Workspace& workspace = *own;
    Branch::Call call{samples, inputs_, p, nullptr, count, given(wanted.values), given(wanted.input_gradients), given(wanted.parameter_gradient)};
    const std::uint64_t now = calls_.fetch_add(1, std::memory_order_relaxed) + 1;
    double sum = 0;
    const auto replay_by = [&](const Branch& branch) {
      const std::size_t before = call.count;
      const double part = branch.replay(call, workspace);
      sum = call.which == nullptr ? part : sum + part;
      workspace.remaining.swap(workspace.others);
      call.which = workspace.remaining.data();
      call.count = workspace.remaining.size();
      if (call.count != before) branch.last_used.store(now, std::memory_order_relaxed);
    };
    const std::shared_ptr<const Branches> known = branches();
    for (std::size_t k = 0; k < known->size() && call.count > 0; ++k) replay_by(*(*known)[k]);
    if (call.count == 0) return sum;

    Branches tried = *known;  // those that the samples which are left do not take
    bool has_replaced = false;
    while (call.count > 0) {
      const Room room = room_at(now);
      if (room == Room::full || (room == Room::by_replacing && has_replaced)) return sum + one_by_one(call, call.count, wanted);
      has_replaced = room == Room::by_replacing;
      const std::shared_ptr<const Branch> branch = add_branch(samples.subspan(call.which[0] * inputs_, inputs_), p, tried, now);
      if (branch != nullptr) {
        replay_by(*branch);
        tried.push_back(branch);
        continue;
      }
      // Recorded again, it is a branch whose guards it did not pass: by an ulp, an op of the replay is on the other side of a comparison.
      sum += one_by_one(call, 1, wanted);
      ++call.which;
      --call.count;
    }
    return sum;
  }

 private:
  static double* given(std::span<double> s) { return s.empty() ? nullptr : s.data(); }
  static void require(bool holds, const char* what, std::size_t is, std::size_t should) {
    if (!holds) throw ShapeError(std::string("program: ") + std::to_string(is) + " " + what + ", not " + std::to_string(should));
  }
  [[nodiscard]] std::size_t number_of_samples(std::span<const double> samples, std::span<const double> p, const Program::Wanted& wanted) const {
    require(p.size() == parameters_, "parameters", p.size(), parameters_);
    if (inputs_ == 0 ? !samples.empty() : samples.size() % inputs_ != 0)
      throw ShapeError("program: " + std::to_string(samples.size()) + " numbers are no batch of samples with " + std::to_string(inputs_) + " inputs");
    const std::size_t count = inputs_ == 0 ? 1 : samples.size() / inputs_;
    require(wanted.values.empty() || wanted.values.size() == count, "places for values", wanted.values.size(), count);
    require(wanted.input_gradients.empty() || wanted.input_gradients.size() == samples.size(), "places for input gradients", wanted.input_gradients.size(),
            samples.size());
    require(wanted.parameter_gradient.empty() || wanted.parameter_gradient.size() == parameters_, "places for the parameter gradient",
            wanted.parameter_gradient.size(), parameters_);
    const std::pair<const char*, std::span<const double>> places[] = {
        {"samples", samples}, {"parameters", p}, {"values", wanted.values}, {"input gradients", wanted.input_gradients}, {"parameter gradient", wanted.parameter_gradient}};
    constexpr std::size_t given = 2;  // those may overlap each other, the others nothing
    for (std::size_t i = given; i < std::size(places); ++i)
      for (std::size_t k = 0; k < i; ++k) {
        const auto [first, second] = std::pair(places[i].second, places[k].second);
        if (!first.empty() && !second.empty() && std::less<>()(first.data(), second.data() + second.size()) && std::less<>()(second.data(), first.data() + first.size()))
          throw ArgumentError(std::string("program: the places for ") + places[i].first + " overlap those of the " + places[k].first);
      }
    return count;
  }

  using Branches = std::vector<std::shared_ptr<const Branch>>;
  [[nodiscard]] std::shared_ptr<const Branches> branches() const {
    const std::lock_guard lock(keeping_);
    return kept_;
  }
  /// The branch that gives way to a new one: that which has not been used for the longest time, if it has not been used since call `now` began.
  [[nodiscard]] std::size_t least_recent(std::uint64_t now) const {
    const auto least = std::min_element(kept_->begin(), kept_->end(), [](const auto& a, const auto& b) { return a->last_used.load() < b->last_used.load(); });
    return (*least)->last_used.load() < now ? static_cast<std::size_t>(least - kept_->begin()) : kept_->size();
  }
  enum class Room { full, by_replacing, free };
  [[nodiscard]] Room room_at(std::uint64_t now) const {
    const std::lock_guard lock(keeping_);
    return kept_->size() < most_ ? Room::free : least_recent(now) < kept_->size() ? Room::by_replacing : Room::full;
  }
  /// A branch recorded at a sample that takes none of those that were tried. Null when what is recorded is one of them.
  std::shared_ptr<const Branch> add_branch(std::span<const double> x, std::span<const double> p, const Branches& tried, std::uint64_t now) {
    auto made = std::make_shared<const Branch>(recording_of(*f_, x, p), parameters_);
    const auto is_made = [&](const auto& other) { return other->is_same(*made); };
    if (std::any_of(tried.begin(), tried.end(), is_made)) return nullptr;
    const std::lock_guard lock(keeping_);
    const auto same = std::find_if(kept_->begin(), kept_->end(), is_made);
    if (same != kept_->end()) return *same;  // another thread was faster
    made->last_used.store(now);
    Branches next = *kept_;  // a call of another thread goes on with those that it has
    if (next.size() < most_) next.push_back(made);
    else if (const std::size_t at = least_recent(now); at < next.size()) next[at] = made;
    kept_ = std::make_shared<const Branches>(std::move(next));
    return made;
  }

  /// The first `count` samples by the tape.
  double one_by_one(const Branch::Call& call, std::size_t count, const Program::Wanted& wanted) const {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t sample = call.which[i];
      std::span<double> gradient;
      if (call.input_gradients != nullptr) {
        gradient = wanted.input_gradients.subspan(sample * inputs_, inputs_);
        std::fill(gradient.begin(), gradient.end(), 0.0);
      }
      const double value = f_->on_tape(call.samples.subspan(sample * inputs_, inputs_), call.parameters, gradient, wanted.parameter_gradient);
      if (call.values != nullptr) call.values[sample] = value;
      sum += value;
    }
    return sum;
  }

  std::shared_ptr<const Function> f_;
  std::size_t inputs_, parameters_;
  std::size_t most_;
  std::shared_ptr<const Branch> first_;
  std::shared_ptr<const Branches> kept_;  // replaced as a whole when a branch is added
  mutable std::mutex keeping_;            // kept_ is read and replaced
  std::atomic<std::uint64_t> calls_{0};
};

}  // namespace replay

Program::Program(std::shared_ptr<const replay::Function> f, std::span<const double> x, std::span<const double> p, Options options)
    : state_(std::make_shared<replay::State>(std::move(f), x, p, options)) {}

replay::State& Program::state() const {
  if (state_ == nullptr) throw ArgumentError("program: use of a moved-from Program: assign to it before using it again");
  return *state_;
}
std::size_t Program::inputs() const { return state().inputs(); }
std::size_t Program::parameters() const { return state().parameters(); }
std::size_t Program::branches() const { return state().kept(); }
std::size_t Program::steps() const { return state().first().steps(); }
std::size_t Program::shared_steps() const { return state().first().shared_steps(); }

double Program::replay(std::span<const double> samples, std::span<const double> p, Wanted wanted) const { return state().replay(samples, p, wanted); }

ValueAndGradient<double> Program::sum(std::span<const double> samples, std::span<const double> p) const {
  ValueAndGradient<double> result{0.0, std::vector<double>(parameters())};
  result.value = replay(samples, p, {.parameter_gradient = result.gradient});
  return result;
}
std::vector<double> Program::values(std::span<const double> samples, std::span<const double> p) const {
  std::vector<double> values(inputs() == 0 ? 1 : samples.size() / inputs());
  replay(samples, p, {.values = values});
  return values;
}
Matrix Program::gradients(std::span<const double> samples, std::span<const double> p) const {
  Matrix m{inputs() == 0 ? 1 : samples.size() / inputs(), inputs(), std::vector<double>(samples.size())};
  replay(samples, p, {.input_gradients = m.values});
  return m;
}

}  // namespace gradus
