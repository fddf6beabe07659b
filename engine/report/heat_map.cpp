#include "report/plot.h"
#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

constexpr int shades = 12;                   // classes q0 .. q11 of style.cpp
constexpr int light_ink = 7;                 // shades from here on want the other ink
constexpr double room_for_number = 30;       // narrower cells go without their number
constexpr std::size_t tooltip_limit = 1600;  // larger maps go without a tooltip per cell, to keep the file small

int shade(double value, double low, double high) {
  const double share = high > low ? (value - low) / (high - low) : 0.5;
  return std::clamp(static_cast<int>(share * shades), 0, shades - 1);
}

std::string category(const std::vector<std::string>& names, std::size_t i) { return i < names.size() ? names[i] : fmt::format("{}", i); }

std::string label(double x, double y, std::string_view anchor, std::string_view classes, const std::string& text) {
  return element("text", {{"x", px(x)}, {"y", px(y)}, {"class", std::string(classes)}, {"text-anchor", std::string(anchor)}}, escape(text));
}

}  // namespace

std::string heat_map(const HeatMap& map, double width) {
  std::size_t columns = 0, longest = 2;
  const std::size_t rows = map.values.size();
  for (const auto& row : map.values) columns = std::max(columns, row.size());
  for (const std::string& name : map.y_categories) longest = std::max(longest, std::min<std::size_t>(length_of(name), 14));
  if (columns == 0) return "";

  const double left = 10 + 6.1 * static_cast<double>(longest), top = 18;
  const double cell = (width - left - 4) / static_cast<double>(columns);
  const double row_height = std::clamp(cell, std::min(11.0, 330.0 / static_cast<double>(rows)), 24.0);
  const double bottom = top + row_height * static_cast<double>(rows), height = bottom + 34, gap = cell > 8 && row_height > 8 ? 1 : 0;

  std::string cells, numbers;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < map.values[r].size(); ++c) {
      const double value = map.values[r][c];
      if (!std::isfinite(value)) continue;
      const int level = shade(value, map.low, map.high);
      const std::string tip = fmt::format("{} {}, {} {}: {}", map.y_label, category(map.y_categories, r), map.x_label,
                                          category(map.x_categories, c), number(value));
      cells += element("rect",
                       {{"class", fmt::format("q{}", level)},
                        {"x", px(left + cell * static_cast<double>(c))},
                        {"y", px(top + row_height * static_cast<double>(r))},
                        {"width", px(cell - gap)},
                        {"height", px(row_height - gap)}},
                       rows * columns <= tooltip_limit ? element("title", {}, escape(tip)) : "");
      if (cell >= room_for_number && row_height >= 14)
        numbers += label(left + cell * (static_cast<double>(c) + 0.5), top + row_height * (static_cast<double>(r) + 0.5) + 3.5, "middle",
                         level < light_ink ? "on-pale" : "on-deep", map.high <= 1 ? fmt::format("{:.2f}", value) : number(value));
    }

  std::string text = numbers + label(2, 11, "start", "label", map.y_label);
  const auto every = [](double size, double room) { return std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(room / size))); };
  for (std::size_t r = 0; r < rows; r += every(row_height, 12))
    text += label(left - 6, top + row_height * (static_cast<double>(r) + 0.5) + 3.5, "end", "tick",
                  shortened(category(map.y_categories, r), 14));
  for (std::size_t c = 0; c < columns; c += every(cell, map.x_categories.empty() ? 20 : 46))
    text += label(left + cell * (static_cast<double>(c) + 0.5), bottom + 13, "middle", "tick", shortened(category(map.x_categories, c), 8));
  text += label((left + width) / 2, height - 5, "middle", "label", map.x_label);
  return element(
      "svg", {{"class", "plot"}, {"viewBox", fmt::format("0 0 {} {}", px(width), px(height))}, {"role", "img"}, {"aria-label", map.title}},
      cells + text);
}

std::string heat_scale(double low, double high, std::string_view name) {
  constexpr double width = 260, left = 40, step = (width - 2 * left) / shades;
  std::string cells;
  for (int i = 0; i < shades; ++i)
    cells += element(
        "rect", {{"class", fmt::format("q{}", i)}, {"x", px(left + i * step)}, {"y", "2"}, {"width", px(step + 0.3)}, {"height", "12"}});
  cells += label(left - 6, 12, "end", "tick", number(low)) + label(width - left + 6, 12, "start", "tick", number(high));
  return element("p", {{"class", "heat-scale"}},
                 fmt::format("<span>{}</span> {}", escape(name),
                             element("svg",
                                     {{"viewBox", "0 0 260 16"},
                                      {"role", "img"},
                                      {"aria-label", fmt::format("colour scale from {} to {}", number(low), number(high))}},
                                     cells)));
}

}  // namespace ablate::report
