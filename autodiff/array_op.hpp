// What an array op is: its description, how it is called by name, and the cases that the checks visit.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <autodiff/error.hpp>
#include <autodiff/op.hpp>
#include <autodiff/tensor.hpp>

namespace gradus {

/// Named options of an array op as text: axis "-1", "all"; reduction "none"; label_smoothing "0.1".
class Attributes {
 public:
  Attributes() = default;
  /// From "axis=-1 reduction=mean". Throws ArgumentError when an item has no '='.
  explicit Attributes(std::string_view text);
  void set(std::string name, std::string value) { values_[std::move(name)] = std::move(value); }
  [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise) const;
  /// A number; hex floats are understood. Throws ArgumentError naming the attribute when it is none.
  [[nodiscard]] double number(std::string_view name, double otherwise) const;
  /// An integer. Throws ArgumentError naming the attribute when it is none.
  [[nodiscard]] int integer(std::string_view name, int otherwise) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const noexcept { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// How an operand of a generated case is filled.
enum class Fill : std::uint8_t {
  normal,     ///< about N(0, 2²)
  wide,       ///< a common offset of ±1e3 … ±1e8 plus differences of up to ±40
  saturated,  ///< one entry of each row larger than the others by 20 … 40
  scattered,  ///< log-uniform magnitudes 1e-8 … 1e8 with random signs
  ties,       ///< small integers: equal entries are frequent
  positive,   ///< 0.1 … 2
  simplex,    ///< rows that sum to 1
  unnormalised, ///< non-negative rows that do not sum to 1, with zeros
  one_hot,    ///< rows with a single 1
  class_index ///< integers 0 … (last extent of the first operand) - 1; not differentiated
};

/// One kind of case: the shapes ("4x5", "scalar") and fills of the operands, and the attributes.
struct ArrayCase {
  std::string_view regime;
  FixedList<std::string_view, 4> shapes;
  FixedList<Fill, 4> fills;
  std::string_view attributes = {};
};

/// The documentation of an array op; see OpInfo.
struct ArrayOpInfo {
  std::string_view name;
  std::string_view summary;
  FixedList<std::string_view, 4> operands;
  std::string_view formula;     ///< for people
  std::string_view derivative;  ///< for people: the textbook pullback
  std::string_view rule = {};
  FixedList<Parameter, 6> parameters = {};
  std::string_view domain = {};      ///< in words, where it is not everything
  std::string_view convention = {};  ///< at ties
  double value_ulps = 4;             ///< accuracy claim, in ulps of the sum of |terms| where the result is a signed sum
  double derivative_ulps = 4;
  FixedList<ArrayCase, 12> cases = {};
  std::string_view source = {};
};

/// An array op provides `info` and `call`.
template <class Op>
concept ArrayOp = requires(std::span<const BasicTensor<double>> x, const Attributes& attributes) {
  Op::info.cases;
  { Op::call(x, attributes) } -> std::same_as<BasicTensor<double>>;
};

}  // namespace gradus
