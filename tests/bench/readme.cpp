// The page tests/bench/README.md.
#include "readme.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "plots.hpp"

namespace bench {
namespace {

/// What the program about scaling prints.
std::string scaling() {
  std::FILE* pipe = popen(GRADUS_BENCH_CONTESTANTS "/scaling", "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start the program about scaling");
  std::string text;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) text += buffer.data();
  if (pclose(pipe) != 0) throw std::runtime_error("the program about scaling failed");
  return text;
}

}  // namespace

void write_readme(const Report& report, const std::string& folder) {
  std::string text = R"(# tests/bench/ — how fast

<!-- This page is generated: ./dev bench --peers --readme -->

```
./dev bench                      # beside plain doubles, hand-written gradients and the libraries that are found
./dev bench --peers              # installs the other libraries first
./dev bench --only tanh --quick  # a look
./dev bench --native             # everything compiled for this processor, as users of headers may do
./dev bench --peers --readme     # writes this page
```

Each library is a program of its own that `gradus_bench` drives, so that the code, memory and environment of one change nothing for another. Before
anything is timed, the gradients of all contestants are compared. Then all are timed by Google Benchmark in rotated rounds: the time of the thread on
a core, one thread. Times below are medians over the rounds; a ratio is the median of the ratios within a round, so that a machine that slows down for a while
changes it little. Means are geometric. Every library records again at every call, and keeps its memory from call to call as it recommends.

- *plain*: the value alone, by the loops that one writes without a library.
- *hand*: value and gradient by hand, the practical limit: Eigen's matrix products, vector code with SLEEF and libmvec compiled for this processor,
  no tape, nothing allocated, passes fused.
- *prototype*: a bare folding tape without growth, checks or arrays.
- *torch+*: libtorch with `OPENBLAS_CORETYPE=SKYLAKEX`, which may choose faster kernels of OpenBLAS than those it chooses by itself.
- *replay*: Gradus, where a workload is many samples of one function: recorded once, before anything is timed, then replayed. A single point is
  differentiated by forward mode behind the same interface.
- *Ceres*: forward mode, for few inputs only; it records nothing and is not counted among the peers.

FastAD, Adept, CoDiPack and XAD have no Debian package and are not measured here.

## Machine

```
)";
  text += heading(report) + "```\n\n" + markdown(report);
  for (const Plot& plot : draw(report, folder + "/plots")) text += fmt::format("![{}](plots/{})\n\n", plot.title, plot.file);
  text += "## Scaling\n\n`build/release/bin/bench/scaling`:\n\n```\n" + scaling() + "```\n";
  std::ofstream file(folder + "/README.md");
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + folder + "/README.md");
}

}  // namespace bench
