// The reports of `gradus check`, with texts that no op and no expression has: each format keeps them what they are.
#include <boost/test/unit_test.hpp>

#include <sstream>
#include <string>
#include <vector>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

#include <examples/gradus/report.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace gradus;
using namespace gradus::cli;

const std::string hostile = "a<b>&amp;\"'`|\\*]]><!-- --><script>alert(1)</script>\n::error::x\t%0A```\n% \r\x01\x1b[31m\x7f é 😀 \xff\xc0\xaf\xed\xa0\x80\xef\xbf\xbf\xc2\x85";

CheckResult hostile_result(Verdict verdict = Verdict::fail) {
  CheckResult r;
  r.name = hostile;
  r.take({.quantity = "q" + hostile, .where = "w" + hostile, .regime = "r" + hostile, .got = 1, .verdict = verdict, .opinions = {{"o" + hostile, 2, 0, 0, verdict, "n" + hostile}},
          .message = "m" + hostile, .operation = "p" + hostile, .pattern = "t" + hostile, .smallest = "s" + hostile, .replay = "y" + hostile});
  r.points = 1;
  r.advice.push_back("v" + hostile);
  r.errors.push_back({1, 2, hostile});
  r.claim = 1;
  return r;
}

boost::property_tree::ptree parsed(const std::string& xml) {
  std::istringstream in(xml);
  boost::property_tree::ptree tree;
  boost::property_tree::read_xml(in, tree);
  return tree;
}

BOOST_AUTO_TEST_CASE(clean_text_is_valid_utf8_without_controls) {
  BOOST_TEST(clean("tab\tline\nü 😀") == "tab\tline\nü 😀");
  BOOST_TEST(clean(std::string_view("\0\x1f\x7f\r", 4)) == "\ufffd\ufffd\ufffd\ufffd");
  BOOST_TEST(clean("\xc2\x85") == "\ufffd");                            // a control of two bytes
  BOOST_TEST(clean("\xc0\xaf") == "\ufffd\ufffd");                      // '/' in too many bytes
  BOOST_TEST(clean("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");            // half of a surrogate pair
  BOOST_TEST(clean("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");  // beyond U+10FFFF
  BOOST_TEST(clean("\xf0\x9f\x98") == "\ufffd\ufffd\ufffd");            // cut off
  BOOST_TEST(clean("\xef\xbf\xbe\xef\xbf\xbf") == "\ufffd\ufffd");      // no characters
  BOOST_TEST(clean(clean(hostile)) == clean(hostile));
}

BOOST_AUTO_TEST_CASE(junit_reads_back_as_what_was_written) {
  for (const auto& [verdict, element] : {std::pair{Verdict::fail, "failure"}, {Verdict::nondeterministic, "failure"}, {Verdict::oracles_disagree, "error"}}) {
    const auto test = parsed(to_junit({hostile_result(verdict)})).get_child("testsuites.testsuite.testcase");
    BOOST_TEST(test.get<std::string>("<xmlattr>.name") == clean(hostile));
    BOOST_TEST(test.get<std::string>(std::string(element) + ".<xmlattr>.type") == name_of(verdict));
    BOOST_TEST(test.get<std::string>(element) == clean(describe(hostile_result(verdict))));
  }
}

BOOST_AUTO_TEST_CASE(junit_counts_each_kind_of_verdict) {
  const auto suite = parsed(to_junit({hostile_result(Verdict::fail), hostile_result(Verdict::oracles_disagree), hostile_result(Verdict::inconclusive), hostile_result(Verdict::pass), hostile_result(Verdict::nondeterministic)}))
                         .get_child("testsuites.testsuite.<xmlattr>");
  BOOST_TEST(suite.get<std::string>("tests") == "5");
  BOOST_TEST(suite.get<std::string>("failures") == "2");
  BOOST_TEST(suite.get<std::string>("errors") == "1");
  BOOST_TEST(suite.get<std::string>("skipped") == "1");
}

BOOST_AUTO_TEST_CASE(html_reads_back_as_what_was_written) {
  const std::string page = to_html({hostile_result()});
  BOOST_TEST(page.find("<script") == std::string::npos);
  const auto details = parsed(page.substr(page.find('\n'))).get_child("html.body.details");
  BOOST_TEST(details.get<std::string>("summary.b") == clean(hostile));
  BOOST_TEST(details.get<std::string>("pre") == clean(describe(hostile_result())));
  BOOST_TEST(details.get<std::string>("svg.circle.title").find(clean(hostile)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(json_reads_back_as_what_was_written) {
  const auto result = nlohmann::json::parse(to_json({hostile_result()})).at("results").at(0);
  const std::string valid = hostile.substr(0, hostile.find('\xff'));
  BOOST_TEST(result.at("name").get<std::string>().starts_with(valid));
  const auto& finding = result.at("findings").at(0);
  for (const auto& [field, letter] : {std::pair{"quantity", 'q'}, {"where", 'w'}, {"regime", 'r'}, {"message", 'm'}, {"operation", 'p'}, {"pattern", 't'}, {"smallest", 's'}, {"replay", 'y'}})
    BOOST_TEST(finding.at(field).get<std::string>().starts_with(letter + valid));
}

BOOST_AUTO_TEST_CASE(markdown_fences_are_longer_than_what_they_hold) {
  CheckResult r = hostile_result();
  r.advice.push_back("`````");
  const std::string text = to_markdown({r});
  BOOST_TEST(text.find("\n``````text\n") != std::string::npos);
  BOOST_TEST(text.ends_with("\n``````\n"));
  std::istringstream lines(text);
  int bars = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ``")) continue;
    for (std::size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
  }
  BOOST_TEST(bars == 11);  // of 10 columns
}

BOOST_AUTO_TEST_CASE(annotations_are_one_line_that_cannot_be_left) {
  const std::string text = annotations({hostile_result(), hostile_result(Verdict::inconclusive)}, {Verdict::fail});
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 1);
  const std::string title = text.substr(0, text.find("::", 2));
  BOOST_TEST(title.starts_with("::error title=gradus check a<b>"));
  BOOST_TEST(title.find(',') == std::string::npos);
  BOOST_TEST(text.find("%250A```%0A%25 ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_format_has_every_field_of_a_finding) {
  CheckResult r;
  r.name = "name";
  r.take({.quantity = "quantity-text", .where = "where-text", .regime = "regime-text", .got = 1.5, .verdict = Verdict::fail, .opinions = {{"oracle-text", 2.5, 0, 0, Verdict::fail, "note-text"}},
          .message = "message-text", .operation = "operation-text", .pattern = "pattern-text", .smallest = "smallest-text", .replay = "replay-text"});
  r.advice = {"advice-text"};
  for (const std::string& report : {describe(r), to_json({r}), to_junit({r}), to_markdown({r}), to_html({r})})
    for (const char* part : {"quantity-text", "where-text", "regime-text", "1.5", "2.5", "oracle-text", "note-text", "message-text", "operation-text", "pattern-text", "smallest-text", "replay-text", "advice-text"})
      BOOST_TEST(report.find(part) != std::string::npos, part << " is missing in\n" << report);
}

BOOST_AUTO_TEST_CASE(limits_count_what_they_leave_out) {
  CheckResult two;
  for (int i = 0; i < 2; ++i) two.take({.quantity = "q", .where = "w", .regime = {}, .got = 1, .verdict = Verdict::fail, .opinions = {}, .message = {}});
  std::vector<CheckResult> results{two, two, two};
  limit_findings(results, 5, 3);
  BOOST_TEST(results[0].findings.size() == 2u);
  BOOST_TEST(results[1].findings.size() == 1u);
  BOOST_TEST(results[2].findings.size() == 0u);
  BOOST_TEST(results[1].more_findings + results[2].more_findings == 3u);
}

}  // namespace
