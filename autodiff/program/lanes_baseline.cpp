// The replay loops for vectors of 2 doubles.
#define GRADUS_LANES 2
#include <autodiff/program/lanes.hpp>

namespace gradus::replay {
const Loops baseline_loops{width, replay, forward_once, pull_back_once};
}  // namespace gradus::replay
