// Results as one HTML page that needs nothing else: a table, and for every op what was found and a plot of its errors.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report.hpp"

namespace gradus::cli {
namespace {

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --faint: #667085; --line: #d5dae1; --panel: #f6f7f9; --good: #0a7a45; --bad: #c0222b; --doubt: #975a00; --dot: #2463c4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181f; --faint: #98a2b3; --line: #343b47; --panel: #1c222c; --good: #4cc38a; --bad: #ff7b80; --doubt: #f0b254; --dot: #7fb0ff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } p { margin: .4rem 0 1rem; color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; } .right { text-align: right; } a { color: inherit; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .doubt { color: var(--doubt); font-weight: 600; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .6rem 0; padding: .5rem .9rem; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary b { margin-right: .6rem; }
pre { background: var(--panel); padding: .7rem; border-radius: 6px; overflow-x: auto; }
svg { width: 100%; max-width: 46rem; height: auto; display: block; }
svg text { font-size: 11px; fill: var(--faint); } svg .axis { stroke: var(--line); } svg .claim { stroke: var(--doubt); stroke-dasharray: 5 4; } svg .over { fill: var(--doubt); }
svg circle { fill: var(--dot); fill-opacity: .65; } svg .outside { fill: none; stroke: var(--dot); } svg .worst { fill: none; stroke: var(--bad); stroke-width: 2; } svg .label { fill: var(--bad); }
)";

const char* colour(const CheckResult& r) { return r ? "good" : r.verdict == Verdict::fail || r.verdict == Verdict::nondeterministic ? "bad" : "doubt"; }

/// Signed-logarithmic: linear below `unit`, then a decade is a step of 1. Tiny numbers meet at 0, where the functions are alike.
double signed_log(double x, double unit) { return std::copysign(std::log10(1 + std::fabs(x) / unit), x); }

/// Ulps against x.
class Plot {
 public:
  explicit Plot(const CheckResult& r) : r_(r) {
    for (const ErrorPoint& e : r.errors) {
      const double t = signed_log(std::clamp(e.x, -reach, reach), unit);
      low_ = std::min(low_, t);
      high_ = std::max(high_, t);
      if (std::isfinite(e.ulps)) top_ = std::max(top_, e.ulps);
      if (worst_ == nullptr || e.ulps > worst_->ulps) worst_ = &e;
    }
    top_ = std::max(top_, r.claim);
    logarithmic_ = top_ > 20 * std::max(1.0, r.claim);  // an error far beyond the claim would press all others onto the axis
    if (!(high_ > low_)) high_ = low_ + 1;
  }

  [[nodiscard]] std::string svg() const {
    std::string s = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label={}>\n", width, height, quoted(fmt::format("{}: error of the derivative in ulps against x", r_.name)));
    for (const double tick : x_ticks()) {
      const double at = x_of(tick);
      s += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n", at, margin_top, bottom, bottom + 15, std::fabs(tick) < 1e6 ? number_text(tick) : tick < 0 ? "-1e6" : "1e6");
    }
    for (const double tick : y_ticks()) {
      const double at = y_of(tick);
      s += fmt::format("<line class=\"axis\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:g}</text>\n", left, right, at, left - 6, at + 4, tick);
    }
    s += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">x (signed logarithm)</text><text x=\"{}\" y=\"12\">error of the derivative in ulps{}</text>\n", right, height - 4, left, logarithmic_ ? " (logarithm)" : "");
    if (!std::isnan(r_.claim))
      s += fmt::format("<line class=\"claim\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text class=\"over\" x=\"{1}\" y=\"{3:.1f}\" text-anchor=\"end\">claimed: {4}</text>\n", left, right, y_of(r_.claim), y_of(r_.claim) - 4,
                       r_.claim > 0 ? fmt::format("at most {:g}", r_.claim) : "exact");
    for (const ErrorPoint& e : r_.errors)
      s += fmt::format("<circle{} cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{}</title></circle>\n", std::fabs(e.x) > reach ? " class=\"outside\"" : "", x_of(e.x), y_of(e.ulps),
                       markup(fmt::format("x = {}: {} ulp ({})", number_text(e.x), ulps_text(e.ulps), e.regime)));
    if (worst_ != nullptr) {
      const double x = x_of(worst_->x), y = y_of(worst_->ulps);
      const bool at_right = x > (left + right) / 2, at_claim = std::fabs(y - y_of(r_.claim)) < 14;
      s += fmt::format("<circle class=\"worst\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\"/><text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">worst: {} at x = {}</text>\n", x, y, at_right ? x - 10 : x + 10, at_claim ? y + 18 : y + 4,
                       at_right ? "end" : "start", ulps_text(worst_->ulps), number_text(worst_->x));
    }
    return s + "</svg>\n";
  }

 private:
  static constexpr double unit = 0.1, reach = 1e6;  // what lies farther out is drawn hollow at the edge
  static constexpr double width = 720, height = 240, left = 52, right = 704, margin_top = 22, bottom = 204;

  [[nodiscard]] double x_of(double x) const { return left + 8 + (signed_log(std::clamp(x, -reach, reach), unit) - low_) / (high_ - low_) * (right - left - 16); }
  [[nodiscard]] double y_of(double ulps) const {
    const double most = 1.1 * std::max(top_, 1e-3);
    if (!std::isfinite(ulps)) return margin_top;
    return bottom - (bottom - margin_top) * (logarithmic_ ? std::log10(1 + 10 * ulps) / std::log10(1 + 10 * most) : ulps / most);
  }
  [[nodiscard]] std::vector<double> x_ticks() const {
    std::vector<double> ticks;
    for (const double t : {-1e6, -1e4, -1e3, -100.0, -10.0, -1.0, 0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e6})
      if (const double at = signed_log(t, unit); at >= low_ && at <= high_) ticks.push_back(t);
    return ticks;
  }
  [[nodiscard]] std::vector<double> y_ticks() const {
    std::vector<double> ticks{0};
    if (logarithmic_) {
      const double step = std::max(1.0, std::ceil(std::log10(top_) / 5));
      for (double e = 0; std::pow(10, e) <= 1.1 * top_; e += step) ticks.push_back(std::pow(10, e));
      return ticks;
    }
    const double raw = std::max(top_, 1e-3) / 4, power = std::pow(10, std::floor(std::log10(raw)));
    const double step = power * (raw > 5 * power ? 10 : raw > 2 * power ? 5 : raw > power ? 2 : 1);
    for (int k = 1; k * step <= 1.1 * top_; ++k) ticks.push_back(k * step);
    return ticks;
  }

  const CheckResult& r_;
  double low_ = 0, high_ = 0, top_ = 0;
  bool logarithmic_ = false;
  const ErrorPoint* worst_ = nullptr;
};

}  // namespace

std::string to_html(const std::vector<CheckResult>& results) {
  const SummaryTable summary = summary_table(results);
  // The policy lets nothing be loaded or run, whatever a name may contain.
  std::string page = fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
                                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>Gradients: {0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>Gradients: {0}</h1>\n<p>{2}.</p>\n",
                                 name_of(worst_of(results)), style, markup(totals(results)));
  page += "<div class=\"wide\">\n<table>\n";
  for (std::size_t i = 0; i < summary.rows.size(); ++i) {
    page += "<tr>";
    for (std::size_t c = 0; c < summary.right.size(); ++c) {
      std::string cell = markup(summary.rows[i][c]);
      if (i > 0 && c == 0) cell = fmt::format("<a href=\"#op-{}\">{}</a>", i, cell);
      if (i > 0 && c == 1) cell = fmt::format("<span class=\"{}\">{}</span>", colour(results[i - 1]), cell);
      page += fmt::format("<{0}{1}>{2}</{0}>", i == 0 ? "th" : "td", summary.right[c] ? " class=\"right\"" : "", cell);
    }
    page += "</tr>\n";
  }
  page += "</table>\n</div>\n";
  for (std::size_t i = 0; i < results.size(); ++i) {
    const CheckResult& r = results[i];
    page += fmt::format("<details id=\"op-{}\"{}>\n<summary><b>{}</b><span class=\"{}\">{}</span></summary>\n", i + 1, r ? "" : " open=\"open\"", markup(r.name), colour(r), verdict_text(r));
    page += r.errors.empty() ? "<p>No plot: errors by place are known only for ops of one operand.</p>\n" : Plot(r).svg();
    page += fmt::format("<pre>{}</pre>\n</details>\n", markup(describe(r)));
  }
  return page + "</body>\n</html>\n";
}

}  // namespace gradus::cli
