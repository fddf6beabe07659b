// Each change as a factor on the first row: ours as a dot, the paper's as a diamond, and the distance between them as a line.
#include "report/plot.h"
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

constexpr double faintest = 0.02;  // factors below are drawn at the edge: a sink ratio of 0 has no place on a log axis

struct Pair {
  std::size_t line;
  double ours, paper;  ///< factor on the first row
};

double factor(double first, double value) { return first > 0 && value >= 0 ? std::max(value / first, faintest) : NAN; }

std::string tip(const MetricInfo& info, const Line& line, const std::string& who, const Cell& cell) {
  return fmt::format("{}, {}: {} {} ({})", line.name, who, info.label, format_metric(info, cell.mean), cell.change);
}

std::string connection(const Plot& plot, const Pair& pair, double y) {
  if (!std::isfinite(pair.ours) || !std::isfinite(pair.paper)) return "";
  return element("line", {{"class", "link"},
                          {"x1", px(plot.x()(pair.ours))},
                          {"x2", px(plot.x()(pair.paper))},
                          {"y1", px(plot.y()(y))},
                          {"y2", px(plot.y()(y))}});
}

/// Ours with chance's reach, where three seeds or more tell it.
std::string reach(const Plot& plot, const MetricCells& first, const Cell& ours, double y) {
  const double low = factor(first.ours[0].mean, std::max(0.0, ours.mean - ours.reach())),
               high = factor(first.ours[0].mean, ours.mean + ours.reach());
  if (!std::isfinite(low) || !std::isfinite(high)) return "";
  return element(
      "line",
      {{"class", "reach"}, {"x1", px(plot.x()(low))}, {"x2", px(plot.x()(high))}, {"y1", px(plot.y()(y))}, {"y2", px(plot.y()(y))}});
}

std::string chart(const Family& family, std::size_t metric, double width) {
  const Comparison& table = family.headline;
  const MetricInfo& info = table.metrics[metric];
  const MetricCells& first = table.lines[0].cells[metric];
  std::vector<Pair> pairs;
  std::vector<std::string> names;
  Range range{.log = true};
  range.include(1);
  for (std::size_t i = 1; i < table.lines.size(); ++i) {
    const MetricCells& cells = table.lines[i].cells[metric];
    const Pair pair{i, factor(first.ours[0].mean, cells.ours[0].mean), factor(first.reference.mean, cells.reference.mean)};
    if (!std::isfinite(pair.ours) && !std::isfinite(pair.paper)) continue;
    pairs.push_back(pair);
    names.push_back(table.lines[i].name);
    range.include(pair.ours);
    const Cell& ours = cells.ours[0];
    range.include(factor(first.ours[0].mean, std::max(0.0, ours.mean - ours.reach())));
    range.include(factor(first.ours[0].mean, ours.mean + ours.reach()));
    range.include(pair.paper);
  }
  if (pairs.empty()) return "";
  Plot plot(info.label + " relative to the first row: ours and the paper's", {"× the first row's", range.padded(0.06), {}}, {"", {}, names},
            width, 64 + 21 * static_cast<double>(pairs.size()));
  plot.mark(1, "", "one");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Line& line = table.lines[pairs[i].line];
    const double y = static_cast<double>(i);
    plot.raw(connection(plot, pairs[i], y) + reach(plot, first, line.cells[metric].ours[0], y));
    plot.point(pairs[i].paper, y, "paper-mark", tip(info, line, "paper", line.cells[metric].reference), 3, 4);
    plot.point(pairs[i].ours, y, "our-mark", tip(info, line, "ours", line.cells[metric].ours[0]), 0, 4.4);
  }
  return plot.svg();
}

std::string charts_of(const Family& family) {
  bool long_names = false;
  for (const Line& line : family.headline.lines) long_names = long_names || length_of(line.name) > 20;
  std::string charts;
  for (std::size_t m = 0; m < family.headline.metrics.size(); ++m) {
    if (!family.headline.has_reference[m]) continue;
    const std::string svg = chart(family, m, long_names ? 420 : 340);
    if (!svg.empty()) charts += figure(family.headline.metrics[m].label, svg);
  }
  return charts.empty() ? "" : element("div", {{"class", long_names ? "charts" : "charts three"}}, charts);
}

}  // namespace

std::string effects(const Document& document) {
  if (document.runs.size() != 1) return "";
  const std::string charts = of_families(document, charts_of);
  if (charts.empty()) return "";
  const std::string key =
      R"(<p class="key"><svg class="plot" viewBox="0 0 14 14" aria-hidden="true"><g class="mark our-mark"><circle cx="7" cy="7" r="4.4"></circle></g></svg> ours )"
      R"(<svg class="plot" viewBox="0 0 14 14" aria-hidden="true"><g class="mark paper-mark"><path d="M7 1.8l5.2 5.2l-5.2 5.2l-5.2 -5.2Z"></path></g></svg> the paper's</p>)";
  const std::string lead = fmt::format(
      "How much each row changes a metric, as a factor on the first row{}. Left of the line is less, right is more; the further dot and "
      "diamond lie on the same side, "
      "the better the paper's effect shows at this scale. Factors under {} are drawn at {}.",
      document.families.size() > 1 ? " of its group" : fmt::format(" ({})", document.families[0].headline.lines[0].name), faintest,
      faintest);
  return section("effects", "The paper's effects, and ours", lead, key + charts);
}

}  // namespace ablate::report
