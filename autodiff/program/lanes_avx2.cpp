// The replay loops for vectors of 4 doubles.
#define GRADUS_LANES 4
#include <autodiff/program/lanes.hpp>

namespace gradus::replay {
const Loops avx2_loops{width, replay, forward_once, pull_back_once};
}  // namespace gradus::replay
