// The exhaustive check for float, on every N-th float, and on ops that are wrong at some of them.
#include <ops/verify/exhaustive.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <autodiff/error.hpp>
#include <autodiff/var.hpp>
#include <ops/exp.hpp>
#include <ops/ops.hpp>

namespace {

using namespace gradus;

constexpr std::uint64_t stride = 4099;  // a prime: every exponent, and mantissas of all kinds
constexpr std::uint64_t inputs = ((std::uint64_t{1} << 32) - 1) / stride + 1;
/// Every stride-th float.
template <class F> void for_each_float(F f) {
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += stride) f(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
}
template <class Op> ExhaustiveResult check() { return check_all_floats(float_entry_of<Op>(), {.stride = stride}); }

BOOST_AUTO_TEST_CASE(the_activation_functions_keep_their_claims) {
  for (const char* name : {"relu", "sigmoid", "tanh", "leaky_relu", "elu", "softplus"}) {
    const ExhaustiveResult r = check_all_floats(float_op(name), {.stride = stride});
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(bool(r));
      BOOST_TEST(r.name == name);
      BOOST_TEST(r.inputs == inputs);
      BOOST_TEST(r.value.correctly_rounded > inputs / 10 * 9);
      BOOST_TEST(r.derivative.correctly_rounded > inputs / 10 * 9);
      BOOST_TEST(r.value.ulps <= r.value.claim);
    }
  }
}
BOOST_AUTO_TEST_CASE(every_nan_is_counted) {
  std::uint64_t nans = 0;
  for_each_float([&](float x) { nans += std::isnan(x) ? 1u : 0u; });
  BOOST_TEST(check<Relu>().nans == nans);
}
BOOST_AUTO_TEST_CASE(all_bit_patterns_are_visited_once) {
  // An op that adds the patterns up, by the sum formula. Each is counted twice if ranges overlap, and the sum differs if one is exchanged for another.
  const FloatEntry counting{&Relu::info, [](std::uint64_t first, std::uint64_t last, std::uint64_t step, FloatTally& tally) {
                              const std::uint64_t n = (last - first + step - 1) / step;
                              tally.inputs += n;
                              tally.value.correctly_rounded += n * first + step * (n * (n - 1) / 2);
                            }};
  const ExhaustiveResult all = check_all_floats(counting);
  BOOST_TEST(all.inputs == std::uint64_t{1} << 32);
  BOOST_TEST(all.value.correctly_rounded == ((std::uint64_t{1} << 32) - 1) << 31);
  const ExhaustiveResult some = check_all_floats(counting, {.stride = stride});
  BOOST_TEST(some.inputs == inputs);
  BOOST_TEST(some.value.correctly_rounded == stride * (inputs * (inputs - 1) / 2));
}
BOOST_AUTO_TEST_CASE(the_number_of_threads_does_not_matter) {
  const ExhaustiveResult one = check_all_floats(float_op("tanh"), {.stride = stride / 3, .threads = 1}), three = check_all_floats(float_op("tanh"), {.stride = stride / 3, .threads = 3});
  BOOST_TEST(one.value.ulps == three.value.ulps);
  BOOST_TEST(one.value.at == three.value.at);
  BOOST_TEST(one.derivative.at == three.derivative.at);
  BOOST_TEST(one.value.correctly_rounded == three.value.correctly_rounded);
}
BOOST_AUTO_TEST_CASE(progress_ends_at_all_inputs) {
  std::uint64_t last = 0;
  static_cast<void>(check_all_floats(float_op("relu"), {.stride = 1024}, [&](std::uint64_t done, std::uint64_t of) {
    BOOST_TEST(done > last);
    BOOST_TEST(of == std::uint64_t{1} << 22);
    last = done;
  }));
  BOOST_TEST(last == std::uint64_t{1} << 22);
}

/// What a user gets: the value and the derivative that a tape of floats gives.
template <class Op> void compare_with_the_tape() {
  const Op op{};
  BasicTape<float> tape;
  const BasicRecording<float> recording(tape);
  std::vector<BasicVar<float>> x, y;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 65537) {
    x.push_back(BasicVar<float>::input(std::bit_cast<float>(static_cast<std::uint32_t>(bits))));
    y.push_back(apply(op, x.back()));
  }
  std::vector<Seed<float>> seeds;
  for (const auto& v : y) seeds.emplace_back(v);
  BasicAdjoints<float> adjoints;
  tape.sweep(seeds, adjoints);
  std::size_t different = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float d = detail::tape_derivative(op, x[i].value(), y[i].value()), on_tape = adjoints[x[i]];
    different += d == on_tape || (std::isnan(d) && std::isnan(on_tape)) ? 0u : 1u;
  }
  BOOST_TEST(different == 0u, Op::info.name << ": " << different << " derivatives are not those of the tape");
}
BOOST_AUTO_TEST_CASE(what_is_checked_is_what_the_tape_gives) {
  compare_with_the_tape<Relu>();
  compare_with_the_tape<Sigmoid>();
  compare_with_the_tape<Tanh>();
  compare_with_the_tape<LeakyRelu>();
  compare_with_the_tape<Elu>();
  compare_with_the_tape<Softplus>();
  compare_with_the_tape<Exp>();
  compare_with_the_tape<Sqrt>();
}

long double wide(float x) { return static_cast<long double>(x); }
void compare_reference(const Reference<long double>& got, long double value, long double derivative) {
  BOOST_TEST(std::fabs(got.value - value) <= 0x1p-58L * std::fabs(value));
  BOOST_TEST(std::fabs(got.derivative - derivative) <= 0x1p-58L * std::fabs(derivative));
}
// By mpmath 1.3 with 60 digits.
BOOST_AUTO_TEST_CASE(the_references_are_right) {
  compare_reference(reference::of(Sigmoid{}, wide(0.3f)), 0.574442519725829150709693L, 0.244458311256869537788252L);
  compare_reference(reference::of(Sigmoid{}, wide(-2.5f)), 0.0758581800212435511933062L, 0.0701037165451081569323328L);
  compare_reference(reference::of(Sigmoid{}, wide(20.0f)), 0.999999997938846381809796L, 2.06115361394184934365229e-9L);
  compare_reference(reference::of(Sigmoid{}, wide(-87.5f)), 9.982350930569247555985e-39L, 9.982350930569247555985e-39L);
  compare_reference(reference::of(Sigmoid{}, wide(1e-38f)), 0.5L, 0.25L);
  compare_reference(reference::of(Tanh{}, wide(0.3f)), 0.291312623360873574034659L, 0.915136955470605816022928L);
  compare_reference(reference::of(Tanh{}, wide(-2.5f)), -0.986614298151430288881276L, 0.0265922266831606196559941L);
  compare_reference(reference::of(Tanh{}, wide(20.0f)), 0.999999999999999991503291L, 1.69934170211663558369288e-17L);
  compare_reference(reference::of(Tanh{}, wide(-87.5f)), -1.0L, 3.98589320404146890560393e-76L);
  compare_reference(reference::of(Tanh{}, wide(1e-38f)), 9.99999935045640392457461e-39L, 1.0L);
  compare_reference(reference::of(LeakyRelu{}, wide(0.3f)), 0.300000011920928955078125L, 1.0L);
  compare_reference(reference::of(LeakyRelu{}, wide(-2.5f)), -0.025000000000000000520417L, 0.0100000000000000002081668L);
  compare_reference(reference::of(LeakyRelu{}, wide(20.0f)), 20.0L, 1.0L);
  compare_reference(reference::of(LeakyRelu{}, wide(-87.5f)), -0.875000000000000018214596L, 0.0100000000000000002081668L);
  compare_reference(reference::of(LeakyRelu{}, wide(1e-38f)), 9.99999935045640392457461e-39L, 1.0L);
  compare_reference(reference::of(Elu{}, wide(0.3f)), 0.300000011920928955078125L, 1.0L);
  compare_reference(reference::of(Elu{}, wide(-2.5f)), -0.917915001376101204830471L, 0.0820849986238987951695287L);
  compare_reference(reference::of(Elu{}, wide(20.0f)), 20.0L, 1.0L);
  compare_reference(reference::of(Elu{}, wide(-87.5f)), -1.0L, 9.982350930569247555985e-39L);
  compare_reference(reference::of(Elu{}, wide(1e-38f)), 9.99999935045640392457461e-39L, 1.0L);
  compare_reference(reference::of(Softplus{}, wide(0.3f)), 0.854355251316415567872454L, 0.574442519725829150709693L);
  compare_reference(reference::of(Softplus{}, wide(-2.5f)), 0.0788897342925496233440439L, 0.0758581800212435511933062L);
  compare_reference(reference::of(Softplus{}, wide(20.0f)), 20.0000000020611536203144L, 0.999999997938846381809796L);
  compare_reference(reference::of(Softplus{}, wide(-87.5f)), 9.982350930569247555985e-39L, 9.982350930569247555985e-39L);
  compare_reference(reference::of(Softplus{}, wide(1e-38f)), 0.693147180559945309417232L, 0.5L);
}

struct TanhNaiveTail : Tanh {
  static auto derivative(Number auto /*x*/, Number auto y) { return 1.0f - y * y; }
};
BOOST_AUTO_TEST_CASE(a_naive_tail_is_found_in_the_tail) {
  const ExhaustiveResult r = check<TanhNaiveTail>();
  BOOST_TEST(!r);
  BOOST_TEST(r.value.wrong == 0u);
  BOOST_TEST(std::fabs(r.derivative.at) > 8);  // where tanh has rounded to 1
  BOOST_TEST(r.derivative.ulps > 4e6);         // nothing is left of 24 bits
  BOOST_TEST(r.derivative.got == 0);
}

struct ReluZeroAtTiny : Relu {
  static auto value(Number auto x) { return where(x <= 1e-40, 0.0, x); }
};
BOOST_AUTO_TEST_CASE(a_relu_that_loses_the_smallest_inputs_is_found_there) {
  std::uint64_t lost = 0;
  float largest = 0;
  for_each_float([&](float x) {
    if (!(x > 0 && static_cast<double>(x) <= 1e-40)) return;
    ++lost;
    largest = std::max(largest, x);
  });
  const ExhaustiveResult r = check<ReluZeroAtTiny>();
  BOOST_TEST(!r);
  BOOST_TEST(r.value.wrong == lost);
  BOOST_TEST(r.value.at == largest);
  BOOST_TEST(r.value.got == 0);
  BOOST_TEST(r.value.expected == static_cast<double>(largest));
  BOOST_TEST(r.value.ulps == static_cast<double>(largest) / 0x1p-149);
  BOOST_TEST(r.derivative.wrong == 0u);
}

struct ReluThatHidesNaN : Relu {
  static auto value(Number auto x) { return where(x > 0.0, x, 0.0); }
  static auto derivative(Number auto x, Number auto /*y*/) { return where(x > 0.0, 1.0, 0.0); }
};
BOOST_AUTO_TEST_CASE(nan_must_give_nan) {
  const ExhaustiveResult r = check<ReluThatHidesNaN>();
  BOOST_TEST(r.value.wrong == r.nans);
  BOOST_TEST(r.derivative.wrong == r.nans);
  BOOST_TEST(std::isnan(r.value.at));
  BOOST_TEST(r.value.correctly_rounded == r.inputs - r.nans);
}

struct SigmoidOneUlpOff : Sigmoid {
  static constexpr OpInfo info = [] {
    OpInfo i = Sigmoid::info;
    i.value_ulps = 0.75;
    return i;
  }();
  static auto value(Number auto x) {
    if constexpr (std::is_same_v<decltype(x), float>) return x == 0.0f ? std::nextafter(0.5f, 1.0f) : static_cast<float>(Sigmoid::value(static_cast<double>(x)));
    else return Sigmoid::value(x);
  }
};
BOOST_AUTO_TEST_CASE(one_wrong_input_in_all_is_found) {
  const ExhaustiveResult r = check<SigmoidOneUlpOff>();
  BOOST_TEST(r.value.wrong == 1u);
  BOOST_TEST(r.value.at == 0);
  BOOST_TEST(r.value.ulps == 1);
}
// Without a formula of its own the op in double is the reference: it says what is lost in float only.
struct ExpWrongInFloat : Exp {
  static auto value(Number auto x) {
    if constexpr (std::is_same_v<decltype(x), float>) return x > 88.0f ? std::numeric_limits<float>::infinity() : exp(x);
    else return exp(x);
  }
};
BOOST_AUTO_TEST_CASE(an_infinity_that_comes_too_early_is_wrong) {
  const ExhaustiveResult r = check<ExpWrongInFloat>();
  BOOST_TEST(!r);
  BOOST_TEST(std::isinf(r.value.ulps));
  BOOST_TEST(r.value.at > 88);
  BOOST_TEST(r.value.at < 88.7229f);  // beyond it is right: e^x is out of range
}

BOOST_AUTO_TEST_CASE(misuse_is_explained) {
  const auto message = [](const char* name) {
    try {
      static_cast<void>(float_op(name));
    } catch (const ArgumentError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  BOOST_TEST(message("pow").find("not an op of one number") != std::string::npos);
  BOOST_TEST(message("softmax").find("not an op of one number") != std::string::npos);
  BOOST_TEST(message("tahn").find("did you mean 'tan'") != std::string::npos);
  BOOST_CHECK_THROW(static_cast<void>(check_all_floats(float_op("relu"), {.stride = 0})), ArgumentError);
}

}  // namespace
