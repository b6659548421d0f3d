// The scalar workloads on plain doubles; and how many elementary operations each has.
#include "workloads.hpp"

namespace bench {
namespace {

template <class Workload> class Plain : public Contestant {
 public:
  explicit Plain(const Workload& workload) : workload_(workload) {}
  double run() override { return value(); }

 private:
  [[gnu::noinline]] double value() const { return workload_(workload_.at); }
  const Workload& workload_;
};

/// Counts elementary operations: what "ns per operation" divides by.
struct Counted {
  double value = 0;
  static inline std::size_t operations = 0;
  Counted() = default;
  Counted(double v) : value(v) {}  // NOLINT
  static Counted made(double v) { return ++operations, Counted(v); }
  friend Counted operator+(Counted a, Counted b) { return made(a.value + b.value); }
  friend Counted operator-(Counted a, Counted b) { return made(a.value - b.value); }
  friend Counted operator*(Counted a, Counted b) { return made(a.value * b.value); }
  friend Counted operator/(Counted a, Counted b) { return made(a.value / b.value); }
  friend Counted operator-(Counted a) { return made(-a.value); }
  Counted& operator+=(Counted o) { return *this = *this + o; }
  Counted& operator-=(Counted o) { return *this = *this - o; }
  Counted& operator*=(Counted o) { return *this = *this * o; }
  friend bool operator<(Counted a, Counted b) { return a.value < b.value; }
  friend Counted exp(Counted x) { return made(std::exp(x.value)); }
  friend Counted log(Counted x) { return made(std::log(x.value)); }
  friend Counted sqrt(Counted x) { return made(std::sqrt(x.value)); }
  friend Counted tanh(Counted x) { return made(std::tanh(x.value)); }
  friend Counted relu(Counted x) { return made(bench::relu(x.value)); }
};

}  // namespace
}  // namespace bench

int main() {
  bench::Program program("plain double");
  bench::for_each_workload([&]<class Workload>(const Workload& workload) {
    bench::Counted::operations = 0;
    workload(std::vector<bench::Counted>(workload.at.begin(), workload.at.end()));
    program.offer(workload.name, [&workload] { return std::make_unique<bench::Plain<Workload>>(workload); }, bench::Counted::operations);
  });
  return program.serve();
}
