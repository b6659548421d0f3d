// The replay loops for vectors of 8 doubles.
#define GRADUS_LANES 8
#include <autodiff/program/lanes.hpp>

namespace gradus::replay {
const Loops avx512_loops{width, replay, forward_once, pull_back_once};
}  // namespace gradus::replay
