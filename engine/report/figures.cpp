// Pictures that probes brought along (base/figure.h), drawn by kind.
#include "base/figure.h"

#include "report/plot.h"
#include "report/sections.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

constexpr std::size_t panel_limit = 24;

/// Figures of one title in a family, and the ranges that their panels have in common.
struct Panels {
  std::string title;
  std::vector<std::pair<const Group*, const Figure*>> list;
  Range x, y, heat;
};

void widen(Panels& panels, const Figure& figure) {
  for (const FigureSeries& series : figure.series) {
    panels.x.include(series.x);
    panels.y.include(series.y);
  }
  for (const auto& row : figure.values) panels.heat.include(row);
  if (figure.kind == "bar" || figure.kind == "histogram") panels.y.include(0);
}

std::vector<Panels> panels_of(const Family& family) {
  std::vector<Panels> all;
  for (const Group& group : family.groups) {
    const auto with = std::find_if(group.rows.begin(), group.rows.end(), [](const Row* row) { return !row->figures.empty(); });
    if (with == group.rows.end()) continue;
    for (const Figure& figure : (*with)->figures) {
      auto panels = std::find_if(all.begin(), all.end(), [&](const Panels& other) { return other.title == figure.title; });
      if (panels == all.end()) {
        all.push_back({figure.title, {}, {.log = figure.x.log}, {.log = figure.y.log}, {}});
        panels = all.end() - 1;
      }
      panels->list.emplace_back(&group, &figure);
      widen(*panels, figure);
    }
  }
  return all;
}

std::string tip(const FigureSeries& series, std::size_t i, double x, double y) {
  const std::string place = fmt::format("{}, {}", number(x), number(y));
  const std::string name = series.labels.empty() ? series.name : series.labels[i];
  return name.empty() ? place : fmt::format("{}: {}", name, place);
}

void draw_bars(Plot& plot, const Figure& figure) {
  const auto count = static_cast<double>(figure.series.size());
  for (std::size_t s = 0; s < figure.series.size(); ++s) {
    const FigureSeries& series = figure.series[s];
    for (std::size_t i = 0; i < series.y.size(); ++i) {
      const double width = 0.8 / count,
                   left = figure.kind == "histogram" ? series.x[i] : series.x[i] - 0.4 + width * static_cast<double>(s);
      const double right = figure.kind == "histogram" ? series.x[i + 1] : left + width;
      const std::string name = i < figure.x.categories.size() ? figure.x.categories[i] : number(series.x[i]);
      plot.bar(left, right, series.y[i], fmt::format("s{}{}", (s + 1) % 10, count > 1 && figure.kind == "histogram" ? " through" : ""),
               fmt::format("{}{}{}: {}", series.name, series.name.empty() ? "" : ", ", name, number(series.y[i])));
    }
  }
}

void draw_series(Plot& plot, const Figure& figure) {
  for (std::size_t s = 0; s < figure.series.size(); ++s) {
    const FigureSeries& series = figure.series[s];
    const std::string classes = fmt::format("s{}", (s + 1) % 10);
    if (figure.kind == "line") plot.line(series.x, series.y, classes, series.name);
    if (figure.kind == "line" && series.y.size() > 40) continue;
    for (std::size_t i = 0; i < series.y.size(); ++i)
      plot.point(series.x[i], series.y[i], classes, tip(series, i, series.x[i], series.y[i]),
                 figure.kind == "line" ? 0 : static_cast<int>(s % 4), figure.kind == "line" ? 2.2 : 3);
  }
}

std::string key_of(const Figure& figure) {
  if (figure.series.size() < 2) return "";
  const bool dots = figure.kind == "scatter";
  std::string items;
  for (std::size_t s = 0; s < figure.series.size(); ++s) {
    constexpr std::string_view shapes[] = {"●", "■", "▲", "◆"};
    const std::string classes = fmt::format("s{}", (s + 1) % 10);
    const std::string sign = dots || figure.kind == "line" ? "" : "■";
    items += element("span", {},
                     (figure.kind == "line" ? swatch(classes) : element("i", {{"class", classes}}, dots ? shapes[s % 4] : sign)) +
                         escape(figure.series[s].name));
  }
  return element("p", {{"class", "key"}}, items);
}

/// Whether all positions are whole numbers: layers, ranks.
bool counts(const Figure& figure) {
  return std::all_of(figure.series.begin(), figure.series.end(), [](const FigureSeries& series) {
    return std::all_of(series.x.begin(), series.x.end(), [](double x) { return x == std::floor(x); });
  });
}

std::string draw(const Figure& figure, const Panels& panels, const std::string& owner) {
  const std::string title = owner.empty() ? figure.title : fmt::format("{}: {}", owner, figure.title);
  if (figure.kind == "heatmap") {
    const HeatMap map{title,         figure.x.label,  figure.y.label,  figure.x.categories, figure.y.categories,
                      figure.values, panels.heat.low, panels.heat.high};
    return heat_map(map, 300);
  }
  Range x = panels.x, y = panels.y.padded(0.05);
  if (figure.kind == "bar" && !x.empty()) x.low -= 0.5, x.high += 0.5;
  if (figure.kind == "scatter") x = x.padded(0.05);
  if ((figure.kind == "bar" || figure.kind == "histogram") && panels.y.low == 0) y.low = 0;
  Plot plot(title, {figure.x.label, x, figure.x.categories, figure.kind == "line" && counts(figure)},
            {figure.y.label, y, figure.y.categories}, 360, 250);
  for (const FigureMark& mark : figure.marks) plot.mark(mark.at, mark.label);
  if (figure.kind == "bar" || figure.kind == "histogram") draw_bars(plot, figure);
  else draw_series(plot, figure);
  return plot.svg();
}

/// The panels of one title beside each other, under that title.
std::string panels_markup(const Panels& panels, const char* heading) {
  std::string charts;
  for (std::size_t i = 0; i < panels.list.size() && i < panel_limit; ++i) {
    const auto& [group, drawn] = panels.list[i];
    charts += figure(group->full_name, draw(*drawn, panels, group->full_name) + key_of(*drawn));
  }
  std::string out = element(heading, {}, escape(panels.title));
  const std::string& caption = panels.list[0].second->caption;
  if (!caption.empty()) out += element("p", {{"class", "lead"}}, escape(caption));
  if (panels.list[0].second->kind == "heatmap") out += heat_scale(panels.heat.low, panels.heat.high, "value");
  out += element("div", {{"class", "charts three"}}, charts);
  if (panels.list.size() > panel_limit)
    out += element("p", {{"class", "caption"}}, fmt::format("{} more points are in results.json.", panels.list.size() - panel_limit));
  return out;
}

/// Of one row alone: all figures beside each other, each with its caption.
std::string single_markup(const std::vector<Panels>& all) {
  std::string charts;
  for (const Panels& panels : all) {
    const Figure& drawn = *panels.list[0].second;
    const std::string scale = drawn.kind == "heatmap" ? heat_scale(panels.heat.low, panels.heat.high, "value") : "";
    charts += figure(drawn.title, scale + draw(drawn, panels, "") + key_of(drawn), drawn.caption);
  }
  return charts.empty() ? "" : element("div", {{"class", "charts three"}}, charts);
}

std::string figures_of(const Family& family) {
  const std::vector<Panels> all = panels_of(family);
  if (family.groups.size() == 1) return single_markup(all);
  std::string content;
  for (const Panels& panels : all) content += panels_markup(panels, family.name.empty() ? "h3" : "h4");
  return content;
}

}  // namespace

std::string probe_figures(const Document& document) {
  const std::string lead = document.by_seeds() ? "What the probes drew; of several seeds, the first." : "What the probes drew.";
  return section("figures", "Figures", lead, of_families(document, figures_of));
}

}  // namespace ablate::report
