// Runs the exhaustive check on all cores.
#include <ops/verify/exhaustive.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <autodiff/error.hpp>
#include <ops/expression/text.hpp>
#include <ops/functions.hpp>
#include <ops/ops.hpp>
#include <ops/registry.hpp>

namespace gradus {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// A reference is right to 2^-40 of itself; that is this many ulps of float.
constexpr double reference_ulps = 0x1p-16;

template <class... Ops> const std::vector<FloatEntry>& float_entries(OpList<Ops...>) {
  static const std::vector<FloatEntry> entries = [] {
    std::vector<FloatEntry> unary;
    const auto add = [&]<class Op>() {
      if constexpr (UnaryOp<Op>) unary.push_back(float_entry_of<Op>());
    };
    (add.template operator()<Ops>(), ...);
    return unary;
  }();
  return entries;
}

/// The sum of |terms| of the derivative, in double: enough for a scale. 0 where it is undefined.
double scale_at(const OpInfo& info, double x) {
  using namespace expression;
  static const Functions<double> table = [] {
    Functions<double> t = functions<double>();
    t.emplace("digamma", Function<double>{1, 1, [](std::span<const Value<double>> v) { return Value<double>(polygamma(0, v[0].scalar())); }});
    return t;
  }();
  static std::mutex mutex;
  static std::map<std::string_view, Expression> formulas;
  const Expression* formula = nullptr;
  {
    const std::lock_guard lock(mutex);
    const auto found = formulas.find(info.cancels[0]);
    formula = found != formulas.end() ? &found->second : &formulas.emplace(info.cancels[0], Expression::parse(info.cancels[0])).first->second;
  }
  const double scale = std::fabs(evaluate(*formula, {{std::string(info.operands[0]), Value<double>(x)}}, table).scalar());
  return std::isfinite(scale) ? scale : 0;
}

/// The larger of two errors; the same at several inputs counts at the smallest bit pattern, so that the number of threads does not matter.
void merge(FloatErrors& into, const FloatErrors& part) {
  const auto order = [](float x) { return std::bit_cast<std::uint32_t>(x); };
  if (part.ulps > into.ulps || (part.ulps == into.ulps && part.ulps > 0 && order(part.at) < order(into.at))) {
    into.ulps = part.ulps;
    into.at = part.at;
    into.got = part.got;
    into.expected = part.expected;
  }
  into.correctly_rounded += part.correctly_rounded;
  into.wrong += part.wrong;
}

}  // namespace

namespace detail {

void take_unusual(FloatErrors& errors, float x, float got, long double exact) {
  const auto rounded = static_cast<float>(exact);
  const bool alike = std::isnan(rounded) ? std::isnan(got) : got == rounded;
  errors.correctly_rounded += alike ? 1u : 0u;
  // Two finite numbers are compared by their distance; between anything else there is none.
  if (alike || (std::isfinite(got) && std::isfinite(rounded))) return;
  take_large(errors, x, got, static_cast<double>(exact), infinity, nullptr);
}

void take_large(FloatErrors& errors, float x, float got, double expected, double ulps, const OpInfo* cancels) {
  if (cancels != nullptr) {
    const double scale = scale_at(*cancels, static_cast<double>(x));
    if (scale > std::fabs(expected)) ulps = std::fabs(static_cast<double>(got) - expected) * ulps_per_one(scale);
  }
  if (ulps > errors.claim + reference_ulps) ++errors.wrong;
  if (ulps <= errors.ulps) return;
  errors.ulps = ulps;
  errors.at = x;
  errors.got = got;
  errors.expected = expected;
}

}  // namespace detail

std::span<const FloatEntry> float_ops() { return float_entries(ElementwiseOps()); }

const FloatEntry& float_op(std::string_view name) {
  for (const FloatEntry& e : float_ops())
    if (e.info->name == name) return e;
  if (find_elementwise(name) != nullptr || find_array(name) != nullptr)
    throw ArgumentError(fmt::format("'{}' is not an op of one number: only those have few enough inputs to check all of them", name));
  throw ArgumentError(fmt::format("unknown op '{}'{}; `gradus list` shows all", expression::excerpt(name), expression::did_you_mean(name, op_names())));
}

ExhaustiveResult check_all_floats(const FloatEntry& op, const ExhaustiveOptions& options, const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  if (options.stride == 0) throw ArgumentError("check_all_floats: a stride of 0 never ends; give at least 1");
  const auto start = std::chrono::steady_clock::now();
  constexpr std::uint64_t patterns = std::uint64_t{1} << 32, part = std::uint64_t{1} << 20;
  const std::uint64_t inputs = (patterns - 1) / options.stride + 1, parts = (inputs - 1) / part + 1;

  FloatTally total;
  std::atomic<std::uint64_t> next = 0;
  std::uint64_t done = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  total.value.claim = op.info->value_ulps;
  total.derivative.claim = op.info->derivative_ulps;
  const auto work = [&, fresh = total] {
    FloatTally tally = fresh;
    try {
      for (std::uint64_t i = next++; i < parts; i = next++) {
        const std::uint64_t first = i * part, last = std::min(inputs, first + part);
        op.check(first * options.stride, std::min(patterns, last * options.stride), options.stride, tally);
        const std::lock_guard lock(mutex);
        done += last - first;
        if (progress) progress(done, inputs);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = parts;
    }
    const std::lock_guard lock(mutex);
    total.inputs += tally.inputs;
    total.nans += tally.nans;
    merge(total.value, tally.value);
    merge(total.derivative, tally.derivative);
  };
  const std::uint64_t threads = std::min<std::uint64_t>(options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency()), parts);
  std::vector<std::thread> workers;
  for (std::uint64_t t = 1; t < threads; ++t) workers.emplace_back(work);
  work();
  for (std::thread& w : workers) w.join();
  if (failure) std::rethrow_exception(failure);
  return {.name = std::string(op.info->name), .stride = options.stride, .inputs = total.inputs, .nans = total.nans, .value = total.value, .derivative = total.derivative,
          .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

}  // namespace gradus
