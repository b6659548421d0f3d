// The grammar of formulas, in Boost.Spirit X3: the only file that includes it.
#include <algorithm>
#include <boost/spirit/home/x3.hpp>
#include <functional>
#include <string>

#include "ops/expression/tree_builder.hpp"

namespace gradus::expression {
namespace {

namespace x3 = boost::spirit::x3;

template <class Context>
TreeBuilder& builder_in(const Context& context) {
  return x3::get<TreeBuilder>(context).get();
}

/// A semantic action that hands the matched token to the builder.
constexpr auto token(void (TreeBuilder::*member)(std::string_view)) {
  return [member](auto& context) {
    const auto& range = x3::_attr(context);
    (builder_in(context).*member)({range.begin(), range.size()});
  };
}

/// A parser that consumes nothing and tells the builder.
constexpr auto tell(void (TreeBuilder::*member)()) {
  return x3::eps[([member](auto& context) { (builder_in(context).*member)(); })];
}

// Nothing is ever parsed twice: each alternative is chosen by its first character, and after that the
// operator > (which throws) replaces >> (which backtracks). So actions may change the builder.
const auto digit = x3::char_("0-9");
const auto hex_digit = x3::char_("0-9a-fA-F");
const auto sign = x3::char_("-+");
const auto letter = x3::char_("a-zA-Z_");

const auto hex_literal = '0' >> x3::char_("xX") >> (+hex_digit >> -('.' >> *hex_digit) | '.' >> +hex_digit) >>
                         -(x3::char_("pP") >> -sign >> +digit);
const auto decimal_literal = (+digit >> -('.' >> *digit) | '.' >> +digit) >> -(x3::char_("eE") >> -sign >> +digit);
const auto literal = x3::raw[x3::lexeme[hex_literal | decimal_literal]];
const auto identifier = x3::raw[x3::lexeme[letter >> *(letter | digit)]];
const auto prefix = x3::raw[x3::char_("-+!")];
const auto infix = x3::raw[x3::lit("<=") | ">=" | "==" | "!=" | "&&" | "||" | x3::char_("-+*/^<>")];

const x3::rule<class ExpressionRule> expression = "an expression";
const x3::rule<class PrimaryRule> primary = TreeBuilder::an_operand;
const x3::rule<class PositionRule> position = TreeBuilder::a_position;

constexpr auto mark(char symbol) { return x3::raw[x3::lit(symbol)]; }

const auto close = tell(&TreeBuilder::close);
const auto list = expression % ',';

const auto call = mark('(')[token(&TreeBuilder::open_call)] > (')' | (list > ')')) > close;

const auto position_def = literal[token(&TreeBuilder::position)];

const auto primary_def = literal[token(&TreeBuilder::number)] |
                         identifier[token(&TreeBuilder::name)] >> (call | tell(&TreeBuilder::plain_name)) |
                         (mark('(')[token(&TreeBuilder::open_group)] > expression > ')' > close) |
                         (mark('[')[token(&TreeBuilder::open_vector)] > list > ']' > close);

const auto operand = *prefix[token(&TreeBuilder::prefix)] > primary >
                     *(mark('[')[token(&TreeBuilder::open_index)] > position > ']' > close);

const auto operation = tell(&TreeBuilder::begin_operation) > operand > *(infix[token(&TreeBuilder::infix)] > operand) >
                       tell(&TreeBuilder::end_operation);

const auto expression_def = operation > -(mark('?')[token(&TreeBuilder::question)] > expression > ':' >
                                          tell(&TreeBuilder::colon) > expression > close) >
                            tell(&TreeBuilder::end_expression);

BOOST_SPIRIT_DEFINE(expression, primary, position)

}  // namespace

Expression Expression::parse(std::string_view text) {
  if (text.size() > max_length) {
    throw Error("the formula is longer than " + std::to_string(max_length) + " bytes", text, max_length);
  }
  constexpr std::string_view blanks = " \t\r\n";
  if (text.find_first_not_of(blanks) == std::string_view::npos) throw Error("the formula is empty", text, 0);

  TreeBuilder builder(text);
  const char* first = text.data();
  try {
    x3::phrase_parse(first, first + text.size(), x3::with<TreeBuilder>(std::ref(builder))[expression > x3::eoi],
                     x3::char_(" \t\r\n"));
  } catch (const x3::expectation_failure<const char*>& failure) {
    const auto offset = static_cast<std::size_t>(failure.where() - text.data());
    builder.reject(failure.which(), std::min(text.find_first_not_of(blanks, offset), text.size()));
  }
  return std::move(builder).finish();
}

}  // namespace gradus::expression
