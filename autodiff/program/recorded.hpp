// The number that a program is recorded with: its operations go to the active listing, its comparisons become guards.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <autodiff/program/listing.hpp>

namespace gradus {

/// A number of a function that is being recorded for replay. Made from a plain number it is a constant. Comparing it, or asking for its plain
/// value, records a guard: a sample for which the answer would be another one takes another branch.
class Recorded {
 public:
  static constexpr bool differentiable = true;
  using value_type = double;

  Recorded() = default;
  template <class S>
    requires std::is_arithmetic_v<S>
  Recorded(S v) : value_(static_cast<double>(v)) {}  // NOLINT: a constant is a number

  /// The value at the sample that is being recorded. The record then holds for samples with this very value only.
  [[nodiscard]] double value() const { return ask(replay::Relation::identical, *this, Recorded(value_)), value_; }
  [[nodiscard]] bool is_constant() const noexcept { return id_ == replay::none; }

  Recorded& operator+=(const Recorded& y) { return *this = *this + y; }
  Recorded& operator-=(const Recorded& y) { return *this = *this - y; }
  Recorded& operator*=(const Recorded& y) { return *this = *this * y; }
  Recorded& operator/=(const Recorded& y) { return *this = *this / y; }
  friend Recorded operator+(const Recorded& a, const Recorded& b) { return made(a.value_ + b.value_, a, b, &replay::Listing::add); }
  friend Recorded operator-(const Recorded& a, const Recorded& b) { return made(a.value_ - b.value_, a, b, &replay::Listing::subtract); }
  friend Recorded operator*(const Recorded& a, const Recorded& b) { return made(a.value_ * b.value_, a, b, &replay::Listing::multiply); }
  friend Recorded operator/(const Recorded& a, const Recorded& b) { return made(a.value_ / b.value_, a, b, &replay::Listing::divide); }
  friend Recorded operator+(const Recorded& x) { return x; }
  friend Recorded operator-(const Recorded& x) {
    if (x.is_constant()) return Recorded(-x.value_);
    replay::Listing& listing = x.listing();
    return Recorded(-x.value_, listing.negate(x.id_), listing);
  }

  friend bool operator<(const Recorded& a, const Recorded& b) { return ask(replay::Relation::less, a, b); }
  friend bool operator>(const Recorded& a, const Recorded& b) { return ask(replay::Relation::less, b, a); }
  friend bool operator<=(const Recorded& a, const Recorded& b) { return ask(replay::Relation::less_equal, a, b); }
  friend bool operator>=(const Recorded& a, const Recorded& b) { return ask(replay::Relation::less_equal, b, a); }
  friend bool operator==(const Recorded& a, const Recorded& b) { return ask(replay::Relation::equal, a, b); }
  friend bool operator!=(const Recorded& a, const Recorded& b) { return !ask(replay::Relation::equal, a, b); }
  friend std::partial_ordering operator<=>(const Recorded& a, const Recorded& b) {
    if (a < b) return std::partial_ordering::less;
    if (b < a) return std::partial_ordering::greater;
    return a == b ? std::partial_ordering::equivalent : std::partial_ordering::unordered;
  }
  friend double plain(const Recorded& x) { return x.value(); }
  friend bool isnan(const Recorded& x) { return !ask(replay::Relation::equal, x, x); }
  friend bool isfinite(const Recorded& x) { return ask(replay::Relation::finite, x, x); }

  // ---- What ops and Program build on.
  Recorded(double v, replay::Id id, const replay::Listing& listing) noexcept : value_(v), id_(id), serial_(listing.serial()) {}
  /// The listing that this number, not a constant, belongs to. Throws TapeError unless it is the active one.
  [[nodiscard]] replay::Listing& listing() const {
    replay::Listing* active = replay::Listing::active();
    if (active == nullptr || active->serial() != serial_) [[unlikely]] throw_foreign(active != nullptr);
    return *active;
  }
  [[nodiscard]] replay::Id id_in(replay::Listing& listing) const { return is_constant() ? listing.constant(value_) : (static_cast<void>(this->listing()), id_); }
  /// The value, for computing the next one: no guard.
  [[nodiscard]] double present() const noexcept { return value_; }

 private:
  template <class Add> static Recorded made(double value, const Recorded& a, const Recorded& b, Add add) {
    if (a.is_constant() && b.is_constant()) return Recorded(value);
    replay::Listing& listing = (a.is_constant() ? b : a).listing();
    const replay::Id i = a.id_in(listing), j = b.id_in(listing);
    return Recorded(value, (listing.*add)(i, j), listing);
  }
  static bool ask(replay::Relation relation, const Recorded& a, const Recorded& b) {
    const bool outcome = replay::holds(relation, a.value_, b.value_);
    if (a.is_constant() && b.is_constant()) return outcome;
    replay::Listing& listing = (a.is_constant() ? b : a).listing();
    const replay::Id i = a.id_in(listing), j = b.id_in(listing);
    listing.guard(relation, i, j, outcome);
    return outcome;
  }
  [[noreturn, gnu::cold]] static void throw_foreign(bool recording) {
    throw TapeError(recording ? "program: a number of another recording is used; each call of the function has to make its own"
                              : "program: a number outlived the recording that made it, or is used by another thread");
  }

  double value_ = 0;
  replay::Id id_ = replay::none;
  std::uint32_t serial_ = 0;
};

/// Records an elementwise op.
template <UnaryOp Op> [[nodiscard]] Recorded apply(const Op& op, const Recorded& x) {
  const auto y = static_cast<double>(op.value(x.present()));
  if (x.is_constant()) return Recorded(y);
  replay::Listing& listing = x.listing();
  return Recorded(y, listing.elementwise(op, x.id_in(listing)), listing);
}
template <BinaryOp Op, class X, class Y>
  requires((std::is_same_v<X, Recorded> && (std::is_same_v<Y, Recorded> || std::is_arithmetic_v<Y>)) || (std::is_same_v<Y, Recorded> && std::is_arithmetic_v<X>))
[[nodiscard]] Recorded apply(const Op& op, const X& x, const Y& y) {
  const Recorded a(x), b(y);
  const auto value = static_cast<double>(op.value(a.present(), b.present()));
  if (a.is_constant() && b.is_constant()) return Recorded(value);
  replay::Listing& listing = (a.is_constant() ? b : a).listing();
  const replay::Id i = a.id_in(listing), j = b.id_in(listing);
  return Recorded(value, listing.elementwise(op, i, j), listing);
}

}  // namespace gradus

template <> struct std::numeric_limits<gradus::Recorded> : std::numeric_limits<double> {};
