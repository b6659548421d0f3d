// Runs the checks of many ops on all cores.
#include <ops/verify/check_op.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <ops/expression/text.hpp>

namespace gradus {

std::vector<CheckResult> check_ops(std::span<const std::string> names, const OpCheckOptions& options, const std::function<void(const CheckResult&, std::size_t)>& progress) {
  for (const std::string& name : names)
    if (find_elementwise(name) == nullptr && find_array(name) == nullptr) throw ArgumentError(fmt::format("unknown op '{}'{}; `gradus list` shows all", expression::excerpt(name), expression::did_you_mean(name, op_names())));

  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return options.budget > 0 && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > options.budget; };
  std::vector<CheckResult> results(names.size());
  std::atomic<std::size_t> next = 0;
  std::size_t done = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < names.size(); i = next++) {
        if (spent()) {
          results[i].name = names[i];
          results[i].advice.push_back(fmt::format("not checked: the budget of {} s was spent", options.budget));
          continue;
        }
        const ElementwiseEntry* elementwise = find_elementwise(names[i]);
        results[i] = elementwise != nullptr ? check_op(*elementwise) : check_op(*find_array(names[i]), options.seed);
        results[i].claim = elementwise != nullptr ? elementwise->info->derivative_ulps : find_array(names[i])->info->derivative_ulps;
        const std::lock_guard lock(mutex);
        ++done;
        if (progress) progress(results[i], done);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = names.size();
    }
  };
  const std::size_t threads = std::min<std::size_t>(options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency()), names.size());
  std::vector<std::thread> workers;
  for (std::size_t t = 1; t < threads; ++t) workers.emplace_back(work);
  work();
  for (std::thread& w : workers) w.join();
  if (failure) std::rethrow_exception(failure);
  return results;
}

}  // namespace gradus
