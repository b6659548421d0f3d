// Tests of how small an error the checker sees: figures that the documentation promises.
#include <boost/test/unit_test.hpp>

#include <ops/verify/detection.hpp>

namespace {

using namespace gradus;

BOOST_AUTO_TEST_CASE(differences_alone_see_1e_11_and_witnesses_1e_12_of_every_function) {
  const std::vector<DetectionLimit> limits = detection_limits();
  BOOST_TEST(limits.size() >= 25U);
  for (const DetectionLimit& l : limits) {
    BOOST_TEST(l.differences <= 1.0001e-11, l.name << ": " << l.differences);
    BOOST_TEST(l.witnesses <= 1.0001e-12, l.name << ": " << l.witnesses);
    BOOST_TEST(l.witnesses > 1e-16, l.name << ": a gradient is not right to more digits than it has");
  }
}

BOOST_AUTO_TEST_CASE(one_wrong_entry_of_a_jacobian_is_seen_along_random_directions) { BOOST_TEST(wrong_entry_limit(1024) <= 1.0001e-8); }

}  // namespace
