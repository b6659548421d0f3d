// What scalar_bench times. Every library has a source of its own, so that the code of one does not change with that of another: in one source,
// the compiler's budget for inlining and the alignment of loops made the same tape 20 % faster or slower.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace bench {

/// A workload on one library.
class Contestant {
 public:
  virtual ~Contestant() = default;
  /// Records and sweeps once (plain numbers: computes the value once).
  virtual void run() = 0;
  /// What the last run computed.
  [[nodiscard]] virtual std::vector<double> gradient() const { return {}; }
  /// Memory that one run fills, adjoints included; 0 when not measured.
  [[nodiscard]] virtual std::size_t bytes() const { return 0; }
};

/// Where results go, so that they are computed.
inline volatile double sink;

template <class Workload> constexpr bool rewound = requires { Workload::rewound; };

// Each is defined and instantiated for every workload in the source of its library.
template <class Workload> std::unique_ptr<Contestant> plain_numbers(const Workload& workload);
template <class Workload> std::unique_ptr<Contestant> on_the_prototype(const Workload& workload);
template <class Workload> std::unique_ptr<Contestant> on_gradus(const Workload& workload);

}  // namespace bench

#define GRADUS_BENCH_INSTANTIATE(CONTESTANT)                                                    \
  template std::unique_ptr<Contestant> CONTESTANT<Sum>(const Sum&);                             \
  template std::unique_ptr<Contestant> CONTESTANT<Product>(const Product&);                     \
  template std::unique_ptr<Contestant> CONTESTANT<Sigmoids>(const Sigmoids&);                   \
  template std::unique_ptr<Contestant> CONTESTANT<Tanhs>(const Tanhs&);                         \
  template std::unique_ptr<Contestant> CONTESTANT<Relus>(const Relus&);                         \
  template std::unique_ptr<Contestant> CONTESTANT<Perceptron>(const Perceptron&);               \
  template std::unique_ptr<Contestant> CONTESTANT<RewoundPerceptron>(const RewoundPerceptron&); \
  template std::unique_ptr<Contestant> CONTESTANT<Mixture>(const Mixture&);                     \
  template std::unique_ptr<Contestant> CONTESTANT<MatrixProduct>(const MatrixProduct&);         \
  template std::unique_ptr<Contestant> CONTESTANT<NormalDensity>(const NormalDensity&);         \
  template std::unique_ptr<Contestant> CONTESTANT<StochasticVolatility>(const StochasticVolatility&); \
  template std::unique_ptr<Contestant> CONTESTANT<Rosenbrock>(const Rosenbrock&);
