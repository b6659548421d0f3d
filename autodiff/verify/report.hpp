// What a check found, as plain data. Formatting is elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// The outcome of one comparison, or of many: ordered from best to worst.
enum class Verdict : std::uint8_t {
  pass,                  ///< agrees with every oracle that could decide
  kink,                  ///< the point is a kink; the value lies within the one-sided slopes
  inconclusive,          ///< no oracle could decide
  oracles_disagree,      ///< the oracles contradict each other: nothing can be said about the gradient
  nondeterministic,      ///< the same call gives different results
  fail,                  ///< the derivative (or value) is wrong
};
[[nodiscard]] const char* name_of(Verdict) noexcept;

/// One oracle's opinion of one number.
struct Opinion {
  std::string oracle;       ///< "closed form", "high precision", "difference", "forward mode", …
  double expected = 0;
  double bound = 0;         ///< |expected - truth| is at most this
  double tolerance = 0;     ///< what |got - expected| was allowed to be
  Verdict verdict = Verdict::inconclusive;
  std::string note;         ///< why it could not decide, one-sided slopes at a kink
};

/// One number that was checked and what the oracles said of it. Kept for everything that did not pass.
struct Finding {
  std::string quantity;     ///< "d elu / d x", "elu", "d f / d x[2]"
  std::string where;        ///< "x = -0.5, alpha = 2"
  std::string regime;
  double got = 0;
  Verdict verdict = Verdict::pass;
  std::vector<Opinion> opinions;
  std::string message;      ///< in words, where there is more to say
  std::string operation = {};    ///< the culprit on the tape: "operation #7 prelu at net.cpp:41: the partial for operand 2 (slope) is wrong"
  std::string pattern = {};      ///< the probable cause: "-1 times the expected: a sign"
  std::string smallest = {};     ///< the simplest input found at which it still fails
  std::string replay = {};       ///< one line that repeats the failure
};

/// How often an oracle decided.
struct OracleCount {
  std::string oracle;
  std::size_t agreed = 0, abstained = 0, disagreed = 0;
};

/// A largest error and where it was.
struct Worst {
  double ulps = 0;
  std::string where;
  void take(double candidate, const std::string& at) {
    if (candidate > ulps) { ulps = candidate; where = at; }
  }
};

/// The error of a derivative at one point: what a plot needs.
struct ErrorPoint {
  double x = 0, ulps = 0;
  std::string regime;
};

/// How small an error of a derivative would have been seen: one entry for each that passed.
struct DetectionLimits {
  std::vector<double> relative;     ///< to the derivative; none where it is 0
  std::vector<double> absolute;
  /// What the most exact of the opinions on one derivative would have seen. `share`: of an error, what shows in the number that was judged.
  void take(const std::vector<Opinion>& opinions, double share = 1);
};

/// Where the slope jumps along one input, as near to the point as differences can see.
struct NearestKink {
  std::string input;
  double at = 0, distance = 0;      ///< the input there; how far that is from where it was checked, 0 for a point on the kink
  double left_slope = 0, right_slope = 0;
  double gradient = 0;              ///< what the gradient says at the point
};

/// Everything about one op, or one function.
struct CheckResult {
  std::string name;
  Verdict verdict = Verdict::inconclusive;
  std::size_t points = 0;           ///< places at which it was checked
  std::size_t numbers = 0;          ///< values and derivatives that were compared
  std::vector<std::string> regimes;
  std::vector<OracleCount> oracles;
  Worst value, derivative;          ///< against high precision, in ulps (of the sum of |terms| where the result is a signed sum)
  double claim = std::numeric_limits<double>::quiet_NaN();  ///< what the errors of the derivatives may be, in ulps; NaN if nothing is claimed
  std::vector<ErrorPoint> errors;   ///< of the derivative of an op of one operand, by x; at most 400; empty if unknown
  double detection_limit = 0;       ///< the smallest relative error of a derivative that would have been seen at the median point; 0 if unknown
  double worst_detection_limit = 0; ///< the same for the derivative that was seen least well; 0 if unknown
  double absolute_limit = 0;        ///< the same as an error, not a relative one: what there is to say where derivatives are 0; 0 if unknown
  std::optional<NearestKink> nearest_kink;  ///< of a check at one point, within an eighth of an input's magnitude
  std::vector<std::string> advice;  ///< why this test could not have failed in some respect: "every x is positive: …"
  std::vector<Finding> findings;    ///< what did not pass, at most 20
  std::size_t more_findings = 0;    ///< how many there were beyond those
  double seconds = 0;

  /// Numbers that no oracle could judge.
  std::size_t undecided = 0;
  /// Whether a single undecided number makes the whole inconclusive; otherwise only that nothing was judged does.
  bool all_must_be_judged = false;

  void count(const Opinion& opinion);
  /// Sets the limits to their medians.
  void take(DetectionLimits limits);
  /// Keeps the nearest of them.
  void take(std::optional<NearestKink> kink);
  /// Adds a number that was checked, keeps it if it did not pass, and updates the verdict. The order does not matter.
  void take(Finding finding);
  [[nodiscard]] explicit operator bool() const noexcept { return verdict == Verdict::pass || verdict == Verdict::kink; }

 private:
  Verdict worst_judged_ = Verdict::pass;
  bool any_smooth_ = false;
};

/// How small an error would have been seen, in words: of a result that passed.
[[nodiscard]] std::string detection_text(const CheckResult& result);
/// Where the kink is, and what the slopes beside it are, in words.
[[nodiscard]] std::string kink_text(const NearestKink& kink);
/// A message for people: the verdict, and for each finding what was got, what was expected and by whom.
[[nodiscard]] std::string describe(const CheckResult& result);
std::ostream& operator<<(std::ostream& out, const CheckResult& result);  // for Boost.Test

/// Judges a number by the opinions, each of which has `expected`, `bound` and `tolerance` filled in; a verdict other than inconclusive that an
/// opinion already has is kept. Oracles that contradict each other by more than their bounds give oracles_disagree.
[[nodiscard]] Verdict judge(double got, std::vector<Opinion>& opinions);

/// |got - expected| in units of the last place of max(|expected|, scale), subnormals included; 0 when both are the same infinity or NaN.
[[nodiscard]] double ulps_between(double got, double expected, double scale = 0);
/// A number as text that reads back to the same double.
[[nodiscard]] std::string number_text(double x);

}  // namespace gradus
