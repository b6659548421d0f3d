// main() of every test program: Boost.Test's own, in one place so that all share one precompiled header.
#include <boost/test/unit_test.hpp>

int main(int argc, char* argv[]) {
  return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
