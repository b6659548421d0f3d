// Results that nobody has asked for yet: only recorded. Of elementwise ones, values, slopes and the sum are worked out for whoever asks first, together.
#pragma once

#include <cstddef>

#include <autodiff/adjoints.hpp>
#include <autodiff/simd/elementwise.hpp>

namespace gradus {

/// What a tensor calls before its values are read for the first time.
struct Pending {
  void (*compute)(Pending& self);  ///< P::compute_values of its type P, which those recognise who can do better than ask for values
  bool done = false;
};

/// Arrays from this size on are deferred: below, bookkeeping costs more than a pass over memory in cache.
inline constexpr std::size_t deferred_size = 256;

/// y = f(x) for arrays, in memory of a tape that has been reserved, not touched. x stays as it is until the tape has called settle.
template <class Real> struct Deferred : Pending {
  const gradus_kernels::Unary<Real>* kernels = nullptr;
  const void* op = nullptr;
  const Real* x = nullptr;
  Real* y = nullptr;
  Real* slopes = nullptr;  ///< null where the pullback forms them again
  std::size_t n = 0;
  Deferred* earlier = nullptr;  ///< the list of those whose x is an input
  bool has_slopes = false, has_total = false;
  double sum = 0;

  static void compute_values(Pending& self) { static_cast<Deferred&>(self).values(); }
  Deferred(const gradus_kernels::Unary<Real>* k, const void* o, const Real* in, Real* out, Real* s, std::size_t size);
  /// Works out the values, and the slopes unless they are known.
  void values();
  /// The sum of the values, which are not written. As accurate as that of an array; infinite or NaN when it left the range on the way.
  double total();
  /// Works out whatever may still be asked for: x is about to be written.
  void settle();
  /// The pullback: from one adjoint for all elements in one pass, which gives the sum as well.
  void pull(BasicSweep<Real>& sweep, Slot first, Destination to);

 private:
  void pull_uniform(Real up, const Target<Real>& target);
};

extern template struct Deferred<float>;
extern template struct Deferred<double>;

}  // namespace gradus
