// Runs the checker on the catalogue of mutants, and on right rules.
#include <ops/verify/mutation_score.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <tuple>

#include <autodiff/verify/ladder.hpp>

namespace gradus {
namespace {

bool is_blame(Verdict v) { return v == Verdict::fail || v == Verdict::nondeterministic || v == Verdict::oracles_disagree; }

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}
/// The oracles that disagree in the findings of these verdicts.
void add_accusers(std::vector<std::string>& names, const CheckResult& result) {
  for (const Finding& f : result.findings) {
    if (!is_blame(f.verdict)) continue;
    bool named = false;
    for (const Opinion& o : f.opinions)
      if (o.verdict == Verdict::fail || o.verdict == Verdict::nondeterministic) {
        add_once(names, o.oracle);
        named = true;
      }
    if (!named) add_once(names, f.quantity);
  }
}

MutantFate fate_of(const Mutant& mutant, const MutationMode& mode, const MutationOptions& options) {
  MutantFate fate{&mutant, false, {}};
  const auto take = [&](const CheckResult& r) {
    if (r.verdict == Verdict::fail || r.verdict == Verdict::nondeterministic) fate.killed = true;
    add_accusers(fate.oracles, r);
  };
  const CheckOptions how{.seed = options.seed, .witnesses = mode.witnesses, .hard = mode.hard, .points = options.points, .max_failures = 8, .shrink = false};
  const Subject generated = mutant.subject;  // a copy has forgotten what other checks made it remember
  take(check_everywhere(generated, mutant.inputs, how));
  if (mode.hard)
    for (const std::vector<double>& x : mutant.points) {
      const Subject special = mutant.subject;
      take(check(special, x, how));
    }
  if (!fate.killed) fate.oracles.clear();
  return fate;
}

/// One check of a right rule: the k-th of its case.
struct Trial {
  const TrickyCase* of;
  std::size_t k;
};
std::vector<Trial> plan(std::size_t trials) {
  std::vector<Trial> made;
  std::vector<const TrickyCase*> cases;
  for (const TrickyCase& c : right_rules()) cases.push_back(&c);
  for (const TrickyCase& c : tricky_cases()) cases.push_back(&c);
  for (std::size_t k = 0; made.size() < trials; ++k)
    for (const TrickyCase* c : cases)
      if ((c->most == 0 || k < c->most) && made.size() < trials) made.push_back({c, k});
  return made;
}

struct TrialOutcome {
  Verdict verdict = Verdict::pass;
  FalseAlarm alarm;  // filled in when there is one
};
TrialOutcome run(const Trial& trial, const MutationOptions& options) {
  const TrickyCase& c = *trial.of;
  std::uint64_t seed = options.seed;
  for (const char letter : c.name) seed = seed * 1099511628211u + static_cast<unsigned char>(letter);
  seed += trial.k;
  Random random(seed);
  const std::vector<double> x = trial.k < c.points.size() || !c.draw ? c.points[trial.k % c.points.size()] : c.draw(random);
  const bool witnesses = trial.k % 2 == 0 || trial.k < c.points.size();
  const Subject subject = c.subject;
  TrialOutcome out;
  CheckResult r;
  try {
    r = check(subject, x, {.seed = seed, .witnesses = witnesses, .shrink = false});
    out.verdict = r.verdict;
  } catch (const std::exception& e) {
    out.verdict = Verdict::fail;
    r.verdict = Verdict::fail;
    r.findings.push_back({.quantity = "exception", .where = {}, .regime = {}, .verdict = Verdict::fail, .opinions = {}, .message = e.what()});
  }
  if (!is_blame(out.verdict)) return out;
  out.alarm = {.name = c.name, .verdict = name_of(out.verdict), .where = {}, .message = {}, .oracles = {}, .x = x, .seed = seed, .witnesses = witnesses};
  add_accusers(out.alarm.oracles, r);
  for (const Finding& f : r.findings)
    if (is_blame(f.verdict)) {
      out.alarm.where = f.quantity + " at " + f.where;
      out.alarm.message = f.message;
      break;
    }
  return out;
}

/// Calls work(i) for every i below n, each once, on several threads. What work throws is thrown here.
template <class Work> void in_parallel(std::size_t n, unsigned threads, Work work) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto loop = [&] {
    try {
      for (std::size_t i = next++; i < n; i = next++) work(i);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
      next = n;
    }
  };
  std::vector<std::thread> others;
  for (unsigned t = 1; t < threads; ++t) others.emplace_back(loop);
  loop();
  for (std::thread& t : others) t.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

std::size_t MutationMode::killed() const {
  return static_cast<std::size_t>(std::count_if(fates.begin(), fates.end(), [](const MutantFate& f) { return f.killed; }));
}

bool MutationScore::perfect() const {
  return alarms == 0 && std::all_of(modes.begin(), modes.end(), [](const MutationMode& m) { return !m.hard || !m.witnesses || m.killed() == m.fates.size(); });
}

MutationScore run_mutants(const MutationOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  MutationScore score;
  const std::vector<Mutant>& all = mutants();
  for (const auto& [name, hard, witnesses] : {std::tuple("normal inputs, black box", false, false), std::tuple("hard inputs, black box", true, false),
                                              std::tuple("normal inputs, witnesses", false, true), std::tuple("hard inputs, witnesses", true, true)})
    score.modes.push_back({name, hard, witnesses, std::vector<MutantFate>(all.size())});
  const std::vector<Trial> trials = plan(options.trials);
  std::vector<TrialOutcome> outcomes(trials.size());

  // The mutants of a family after each other, by one thread: they share what witnesses have worked out.
  std::vector<std::size_t> first;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i == 0 || all[i].family != all[i - 1].family) first.push_back(i);
  const std::size_t families = first.size(), total = score.modes.size() * all.size() + trials.size();
  first.push_back(all.size());
  std::mutex mutex;
  std::size_t done = 0;
  const auto tell = [&] {
    if (!options.progress) return;
    const std::scoped_lock lock(mutex);
    options.progress(++done, total);
  };
  in_parallel(families + trials.size(), options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency()), [&](std::size_t item) {
    if (item >= families) {
      outcomes[item - families] = run(trials[item - families], options);
      tell();
      return;
    }
    for (MutationMode& mode : score.modes)
      for (std::size_t i = first[item]; i < first[item + 1]; ++i) {
        mode.fates[i] = fate_of(all[i], mode, options);
        tell();
      }
  });

  score.trials = trials.size();
  for (TrialOutcome& o : outcomes) {
    if (o.verdict == Verdict::inconclusive) ++score.undecided;
    if (!is_blame(o.verdict)) continue;
    ++score.alarms;
    if (score.examples.size() < 20) score.examples.push_back(std::move(o.alarm));
  }
  score.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return score;
}

}  // namespace gradus
