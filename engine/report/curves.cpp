// Logged quantities over training, all points of a family in one picture each.
#include "report/plot.h"
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace ablate::report {
namespace {

constexpr std::size_t points_per_line = 160;
constexpr double settled = 0.04;  // the loss axis ends where the loss is after this share of the training

const Curve* curve_of(const Row& row, const std::string& key) {
  const auto found = row.curves.find(key);
  return found == row.curves.end() || found->second.at.size() < 2 ? nullptr : &found->second;
}

/// The repeats of a group as one line with a band, where they were logged at the same places; else every repeat as its own line.
struct Drawing {
  const Group* group;
  std::vector<Points> lines;
  std::vector<double> low, high;  ///< band around lines[0]
};

/// Mean, least and largest of equally logged curves.
void average(const std::vector<Points>& repeats, Drawing& drawing) {
  Points mean = repeats[0];
  drawing.low = drawing.high = mean.y;
  for (std::size_t i = 0; i < mean.y.size(); ++i) {
    double sum = 0;
    for (const Points& repeat : repeats) {
      sum += repeat.y[i];
      drawing.low[i] = std::min(drawing.low[i], repeat.y[i]);
      drawing.high[i] = std::max(drawing.high[i], repeat.y[i]);
    }
    mean.y[i] = sum / static_cast<double>(repeats.size());
  }
  drawing.lines = {mean};
}

Drawing drawing_of(const Group& group, const std::string& key) {
  Drawing drawing{&group, {}, {}, {}};
  for (const Row* row : group.rows)
    if (const Curve* curve = curve_of(*row, key)) drawing.lines.push_back(thinned(curve->at, curve->value, points_per_line));
  const bool alike =
      std::all_of(drawing.lines.begin(), drawing.lines.end(), [&](const Points& one) { return one.x == drawing.lines[0].x; });
  if (drawing.lines.size() > 1 && alike) average(std::vector<Points>(drawing.lines), drawing);
  return drawing;
}

std::vector<Drawing> drawings_of(const Family& family, const std::string& key) {
  std::vector<Drawing> drawings;
  for (const Group& group : family.groups)
    if (Drawing drawing = drawing_of(group, key); !drawing.lines.empty()) drawings.push_back(std::move(drawing));
  return drawings;
}

/// Everything; but of a loss, which starts an order of magnitude higher than it ends, only what comes after the first steps.
Range value_range(const std::vector<Drawing>& drawings, const MetricInfo& info, double last) {
  Range range{.log = info.log};
  for (const Drawing& drawing : drawings)
    for (const Points& line : drawing.lines)
      for (std::size_t i = 0; i < line.y.size(); ++i) {
        if (info.by_difference && line.x[i] < settled * last) continue;
        range.include(line.y[i]);
        if (drawing.low.empty()) continue;
        range.include(drawing.low[i]);
        range.include(drawing.high[i]);
      }

  return range.padded(0.04);
}

std::string tip(const Drawing& drawing, const MetricInfo& info) {
  const Points& line = drawing.lines[0];
  return fmt::format("{}: {} at the end", drawing.group->full_name, format_metric(info, line.y.back()));
}

std::string chart(const std::vector<Drawing>& drawings, const MetricInfo& info, const Axis& x, const Range& y) {
  Plot plot(info.label + " over training", x, {info.unit, y, {}});
  for (const Drawing& drawing : drawings)
    if (!drawing.low.empty()) plot.band(drawing.lines[0].x, drawing.low, drawing.high, drawing.group->classes);
  for (auto drawing = drawings.rbegin(); drawing != drawings.rend(); ++drawing)  // the first row, on top
    for (const Points& line : drawing->lines) plot.line(line.x, line.y, drawing->group->classes, tip(*drawing, info));
  return plot.svg();
}

/// From 0 to the last logged place of any point.
Axis training_axis(const Family& family) {
  Axis axis{"tokens", {}, {}};
  axis.range.include(0);
  for (const Group& group : family.groups)
    for (const Row* row : group.rows)
      for (const auto& [key, curve] : row->curves) {
        axis.range.include(curve.at);
        if (!row->curves_by_tokens) axis.label = "step";
      }
  return axis;
}

std::set<std::string> logged(const Family& family) {
  std::set<std::string> keys;
  for (const Group& group : family.groups)
    for (const Row* row : group.rows)
      for (const auto& [key, curve] : row->curves)
        if (curve.at.size() > 1) keys.insert(key);
  return keys;
}

std::string caption_of(const MetricInfo& info, bool cut) {
  std::string text = info.meaning;
  if (info.key == "loss") text = "nats per token on the training batch";
  if (info.log) text += text.empty() ? "log scale" : "; log scale";
  if (cut) text += "; the first steps run off the top";
  return text;
}

std::string charts_of(const Family& family) {
  std::set<std::string> keys = logged(family);
  keys.erase("tokens_per_s");
  if (keys.empty()) return "";
  const Axis x = training_axis(family);

  std::string main_charts, more_charts;
  const std::vector<std::string> first{"loss", "sink_ratio", "spike", "sink_mass"};
  const auto draw = [&](const std::string& key) {
    const MetricInfo info = metric_info(key);
    const std::vector<Drawing> drawings = drawings_of(family, key);
    const Range y = value_range(drawings, info, x.range.high);
    const bool cut = std::any_of(drawings.begin(), drawings.end(), [&](const Drawing& drawing) { return drawing.lines[0].y[0] > y.high; });
    return figure(info.label, chart(drawings, info, x, y), caption_of(info, cut));
  };
  for (const std::string& key : first)
    if (keys.erase(key)) main_charts += draw(key);
  for (const std::string& key : keys) more_charts += draw(key);

  std::vector<const Group*> shown;
  for (const Group& group : family.groups)
    if (std::any_of(group.rows.begin(), group.rows.end(), [](const Row* row) { return !row->curves.empty(); })) shown.push_back(&group);
  std::string content = legend(shown) + chart_grid(family, main_charts);
  if (!more_charts.empty())
    content += "<details><summary>Other logged quantities</summary>" + chart_grid(family, more_charts) + "</details>";
  return content;
}

}  // namespace

std::string training_curves(const Document& document) {
  const std::string content = of_families(document, charts_of);
  std::string lead = content.find("class=\"legend") == std::string::npos ? "" : "Press a name to make its line stand out.";
  if (document.by_seeds()) lead += " Lines are means over seeds, bands reach from the lowest seed to the highest.";
  return section("curves", "Training", lead, content);
}

}  // namespace ablate::report
