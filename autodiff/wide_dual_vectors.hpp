// A dual number with several tangents at once, for the vectors of one instruction set. Included by wide_dual.hpp once for each of them, with
// GRADUS_WIDE_BYTES, the size of a vector, and GRADUS_WIDE_TARGET, the attribute that makes functions use it. Neither can be a template parameter.

typedef double Vector __attribute__((vector_size(GRADUS_WIDE_BYTES)));

/// value + tangent[0]·ε0 + tangent[1]·ε1 + …, N tangents in vectors; those beyond N are 0. The value fills a vector too: a product would have to spread it
/// over one anyway, and arithmetic on a single number takes a processor no less time.
// The alignment has to be said: where the instruction set is not switched on, a compiler gives its vectors a lesser one.
template <std::size_t N> struct alignas(GRADUS_WIDE_BYTES) WideDual : WideNumber {
  static constexpr bool differentiable = true;
  static constexpr std::size_t width = GRADUS_WIDE_BYTES / sizeof(double), vectors = (N + width - 1) / width;
  using value_type = double;
  Vector tangent[vectors];
  Vector values;

  GRADUS_WIDE_TARGET WideDual() noexcept : WideDual(0.0) {}
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET WideDual(S v) noexcept : values(filled(static_cast<double>(v))) {  // NOLINT: a constant is a number
    for (Vector& t : tangent) t = Vector{};
  }
  struct Uninitialised {};
  explicit WideDual(Uninitialised) noexcept {}
  GRADUS_WIDE_TARGET static Vector filled(double v) noexcept { return v - Vector{}; }
  /// Keeps a product from being fused with a later sum: values are those of the function on double.
  GRADUS_WIDE_TARGET [[gnu::always_inline]] static void keep_unfused([[maybe_unused]] Vector& product) noexcept {
#if defined(__x86_64__)
    __asm__("" : "+x"(product));
#endif
  }
  [[nodiscard]] double value() const noexcept { return values[0]; }

  GRADUS_WIDE_TARGET WideDual& operator+=(const WideDual& o) noexcept {
    values += o.values;
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) tangent[k] += o.tangent[k];
    return *this;
  }
  GRADUS_WIDE_TARGET WideDual& operator-=(const WideDual& o) noexcept {
    values -= o.values;
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) tangent[k] -= o.tangent[k];
    return *this;
  }
  GRADUS_WIDE_TARGET WideDual& operator*=(const WideDual& o) noexcept { return *this = *this * o; }
  GRADUS_WIDE_TARGET WideDual& operator/=(const WideDual& o) noexcept { return *this = *this / o; }

  GRADUS_WIDE_TARGET friend WideDual operator+(const WideDual& a, const WideDual& b) noexcept {
    WideDual y{Uninitialised()};
    y.values = a.values + b.values;
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = a.tangent[k] + b.tangent[k];
    return y;
  }
  GRADUS_WIDE_TARGET friend WideDual operator-(const WideDual& a, const WideDual& b) noexcept {
    WideDual y{Uninitialised()};
    y.values = a.values - b.values;
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = a.tangent[k] - b.tangent[k];
    return y;
  }
  GRADUS_WIDE_TARGET friend WideDual operator*(const WideDual& a, const WideDual& b) noexcept {
    WideDual y{Uninitialised()};
    y.values = a.values * b.values;
    keep_unfused(y.values);
    if (&a == &b) {  // a square: half the work, the same rounding
      const Vector slope = a.values + a.values;
      GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = slope * a.tangent[k];
    } else {
      GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = a.tangent[k] * b.values + a.values * b.tangent[k];
    }
    return y;
  }
  GRADUS_WIDE_TARGET friend WideDual operator/(const WideDual& a, const WideDual& b) noexcept {
    WideDual y{Uninitialised()};
    const double quotient = a.value() / b.value();  // of vectors, these would take longer
    y.values = filled(quotient);
    const Vector slope = filled(1 / b.value());
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = (a.tangent[k] - y.values * b.tangent[k]) * slope;
    return y;
  }
  friend WideDual operator+(const WideDual& a) noexcept { return a; }
  GRADUS_WIDE_TARGET friend WideDual operator-(const WideDual& a) noexcept {
    WideDual y{Uninitialised()};
    y.values = -a.values;
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = -a.tangent[k];
    return y;
  }

  // With plain numbers: they have no tangents.
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator+(const WideDual& a, S b) noexcept {
    WideDual y = a;
    y.values += static_cast<double>(b);
    return y;
  }
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator+(S a, const WideDual& b) noexcept { return b + a; }
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator-(const WideDual& a, S b) noexcept {
    WideDual y = a;
    y.values -= static_cast<double>(b);
    return y;
  }
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator-(S a, const WideDual& b) noexcept {
    WideDual y = -b;
    y.values = static_cast<double>(a) - b.values;
    return y;
  }
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator*(const WideDual& a, S b) noexcept {
    const double slope = static_cast<double>(b);
    WideDual y{Uninitialised()};
    y.values = a.values * slope;
    keep_unfused(y.values);
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = a.tangent[k] * slope;
    return y;
  }
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator*(S a, const WideDual& b) noexcept { return b * a; }
  template <class S>
    requires std::is_arithmetic_v<S>
  GRADUS_WIDE_TARGET friend WideDual operator/(const WideDual& a, S b) noexcept {
    const double divisor = static_cast<double>(b), slope = 1 / divisor;
    WideDual y{Uninitialised()};
    y.values = filled(a.value() / divisor);
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = a.tangent[k] * slope;
    return y;
  }

  friend bool operator==(const WideDual& a, const WideDual& b) noexcept { return a.value() == b.value(); }  // branches decide on values
  friend auto operator<=>(const WideDual& a, const WideDual& b) noexcept { return a.value() <=> b.value(); }
  friend double plain(const WideDual& x) noexcept { return x.value(); }
  friend bool isnan(const WideDual& x) noexcept { return std::isnan(x.value()); }
  friend bool isfinite(const WideDual& x) noexcept { return std::isfinite(x.value()); }

  /// value, and partial times the tangents of x.
  GRADUS_WIDE_TARGET static WideDual through(double v, double partial, const WideDual& x) noexcept {
    WideDual y{Uninitialised()};
    y.values = filled(v);
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = x.tangent[k] * partial;
    return y;
  }
  GRADUS_WIDE_TARGET static WideDual through(double v, double da, const WideDual& a, double db, const WideDual& b) noexcept {
    WideDual y{Uninitialised()};
    y.values = filled(v);
    GRADUS_UNROLL for (std::size_t k = 0; k < vectors; ++k) y.tangent[k] = a.tangent[k] * da + b.tangent[k] * db;
    return y;
  }
};

template <class Op, std::size_t N> [[nodiscard]] WideDual<N> apply(const Op& op, const WideDual<N>& x) {
  const detail::Linear at = detail::linear_at(op, x.value());
  return WideDual<N>::through(at.value, at.da, x);
}
template <class Op, std::size_t N> [[nodiscard]] WideDual<N> apply(const Op& op, const WideDual<N>& a, const WideDual<N>& b) {
  const detail::Linear at = detail::linear_at(op, a.value(), b.value());
  return WideDual<N>::through(at.value, at.da, a, at.db, b);
}
template <class Op, std::size_t N, class S>
  requires std::is_arithmetic_v<S>
[[nodiscard]] WideDual<N> apply(const Op& op, const WideDual<N>& a, S b) {
  const detail::Linear at = detail::linear_at(op, a.value(), static_cast<double>(b));
  return WideDual<N>::through(at.value, at.da, a);
}
template <class Op, std::size_t N, class S>
  requires std::is_arithmetic_v<S>
[[nodiscard]] WideDual<N> apply(const Op& op, S a, const WideDual<N>& b) {
  const detail::Linear at = detail::linear_at(op, static_cast<double>(a), b.value());
  return WideDual<N>::through(at.value, at.db, b);
}

/// f and all its derivatives at once; false when one is not finite. Not inlined: what it computes has to be finished before its caller looks at the
/// exception flags.
template <std::size_t N, class F> GRADUS_WIDE_TARGET [[gnu::noinline, gnu::flatten]] bool push_all(F& f, const std::array<double, N>& x, double& value, std::array<double, N>& gradient) {
  using Wide = WideDual<N>;
  std::array<Wide, N> inputs;
  GRADUS_UNROLL for (std::size_t i = 0; i < N; ++i) {
    Vector unit{};
    GRADUS_UNROLL for (std::size_t lane = 0; lane < Wide::width; ++lane) unit[lane] = lane == i % Wide::width ? 1.0 : 0.0;
    inputs[i].values = Wide::filled(x[i]);
    inputs[i].tangent[i / Wide::width] = unit;
  }
  const Wide y = f(std::as_const(inputs));
  GRADUS_UNROLL for (std::size_t i = 0; i < N; ++i) gradient[i] = y.tangent[i / Wide::width][i % Wide::width];
  value = y.value();
  // The difference of a number and itself is 0 or NaN.
  typedef std::int64_t Bits __attribute__((vector_size(GRADUS_WIDE_BYTES)));
  Bits seen = (Bits)(y.values - y.values);
  GRADUS_UNROLL for (std::size_t k = 0; k < Wide::vectors; ++k) seen |= (Bits)(y.tangent[k] - y.tangent[k]);
#if GRADUS_WIDE_BYTES == 64
  const auto half = __builtin_shufflevector(seen, seen, 0, 1, 2, 3) | __builtin_shufflevector(seen, seen, 4, 5, 6, 7);
#else
  const auto half = seen;
#endif
#if GRADUS_WIDE_BYTES >= 32
  const auto pair = __builtin_shufflevector(half, half, 0, 1) | __builtin_shufflevector(half, half, 2, 3);
#else
  const auto pair = half;
#endif
  return (pair[0] | pair[1]) == 0;
}
