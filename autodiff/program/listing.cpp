// Adding to a listing: what is there already is found again, and what IEEE arithmetic cannot tell apart is replaced by the cheaper form.
#include <autodiff/program/listing.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace gradus::replay {

bool holds(Relation relation, double a, double b) noexcept {
  switch (relation) {
    case Relation::less: return a < b;
    case Relation::less_equal: return a <= b;
    case Relation::equal: return a == b;
    case Relation::identical: return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (std::isnan(a) && std::isnan(b));
    case Relation::finite: return std::isfinite(a);
  }
  return false;
}

namespace {
std::size_t mix(std::size_t hash, std::size_t more) noexcept {
  const std::uint64_t product = (static_cast<std::uint64_t>(hash) ^ more) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(product ^ (product >> 32));
}
std::size_t hash_of(const Operation& o) noexcept {
  std::size_t h = mix(static_cast<std::size_t>(o.code), o.a);
  h = mix(h, o.b);
  h = mix(h, o.kernel);
  return mix(h, std::bit_cast<std::uint64_t>(o.constant));
}
bool same(const Operation& x, const Operation& y) noexcept {
  return x.code == y.code && x.a == y.a && x.b == y.b && x.kernel == y.kernel && std::bit_cast<std::uint64_t>(x.constant) == std::bit_cast<std::uint64_t>(y.constant);
}
/// True when dividing by c is multiplying by 1/c, bit for bit.
bool has_exact_reciprocal(double c) noexcept {
  int exponent = 0;
  return std::isnormal(c) && std::abs(std::frexp(c, &exponent)) == 0.5 && std::isnormal(1 / c);
}
}  // namespace

Id Listing::append(const Operation& operation) {
  if (2 * operations_.size() >= places_.size()) make_places();
  const std::size_t mask = places_.size() - 1;
  std::size_t place = hash_of(operation) & mask;
  for (; places_[place] != none; place = (place + 1) & mask)
    if (same(operations_[places_[place]], operation)) return places_[place];
  if (operations_.size() >= none) throw TapeError("program: more than 4294967294 operations in one recording");
  const auto id = static_cast<Id>(operations_.size());
  operations_.push_back(operation);
  places_[place] = id;
  return id;
}

void Listing::make_places() {
  places_.assign(std::max<std::size_t>(64, 2 * places_.size()), none);
  const std::size_t mask = places_.size() - 1;
  for (Id id = 0; id < operations_.size(); ++id) {
    std::size_t place = hash_of(operations_[id]) & mask;
    while (places_[place] != none) place = (place + 1) & mask;
    places_[place] = id;
  }
}

void Listing::finish(Id output) {
  output_ = output;
  places_ = {};
  known_guards_ = {};
}

bool Listing::is_constant(Id id, double value) const {
  const Operation& o = operations_[id];
  return o.code == Code::constant && std::bit_cast<std::uint64_t>(o.constant) == std::bit_cast<std::uint64_t>(value);
}

Id Listing::constant(double value) {
  Operation o{Code::constant};
  o.constant = value;
  return append(o);
}

// x + 0 and x*0 stay: they change -0, and infinities and NaN. What is replaced below is the same for every x.

Id Listing::negate(Id a) {
  if (operations_[a].code == Code::negate) return operations_[a].a;
  return append({Code::negate, a});
}

Id Listing::add(Id a, Id b) {
  if (operations_[b].code == Code::negate) return subtract(a, operations_[b].a);
  if (operations_[a].code == Code::negate) return subtract(b, operations_[a].a);
  if (is_constant(a, -0.0)) return b;
  if (is_constant(b, -0.0)) return a;
  if (a > b) std::swap(a, b);
  return append({Code::add, a, b});
}

Id Listing::subtract(Id a, Id b) {
  if (operations_[b].code == Code::negate) return add(a, operations_[b].a);
  if (is_constant(b, 0.0)) return a;
  if (is_constant(a, -0.0)) return negate(b);
  return append({Code::subtract, a, b});
}

Id Listing::multiply(Id a, Id b) {
  if (is_constant(a, 1.0)) return b;
  if (is_constant(b, 1.0)) return a;
  if (is_constant(a, -1.0)) return negate(b);
  if (is_constant(b, -1.0)) return negate(a);
  if (a > b) std::swap(a, b);
  return append({Code::multiply, a, b});
}

Id Listing::divide(Id a, Id b) {
  const Operation& by = operations_[b];
  if (by.code == Code::constant && has_exact_reciprocal(by.constant)) return multiply(a, constant(1 / by.constant));
  return append({Code::divide, a, b});
}

bool Listing::is_same(const Listing& other) const {
  return output_ == other.output_ && guards_ == other.guards_ && std::equal(operations_.begin(), operations_.end(), other.operations_.begin(), other.operations_.end(), same) &&
         std::equal(kernels_.begin(), kernels_.end(), other.kernels_.begin(), other.kernels_.end(), [](const Kernel& x, const Kernel& y) { return x.value == y.value; });
}

void Listing::guard(Relation relation, Id a, Id b, bool outcome) {
  const Guard guard{relation, outcome, a, b};
  const std::size_t hash = mix(mix(mix(static_cast<std::size_t>(relation), static_cast<std::size_t>(outcome)), a), b);
  for (auto [i, end] = known_guards_.equal_range(hash); i != end; ++i)
    if (guards_[i->second] == guard) return;
  known_guards_.emplace(hash, guards_.size());
  guards_.push_back(guard);
}

}  // namespace gradus::replay
