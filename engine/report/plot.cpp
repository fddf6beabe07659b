#include "report/plot.h"

#include "report/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ablate::report {
namespace {

constexpr double character = 6.8;  // mean width of an 11-unit character
constexpr double font = 11;

std::string text_at(double x, double y, std::string_view classes, std::string_view anchor, std::string_view text) {
  return element("text", {{"x", px(x)}, {"y", px(y)}, {"class", std::string(classes)}, {"text-anchor", std::string(anchor)}}, escape(text));
}

std::string segment(double x1, double y1, double x2, double y2, std::string_view classes) {
  return element("line", {{"class", std::string(classes)}, {"x1", px(x1)}, {"y1", px(y1)}, {"x2", px(x2)}, {"y2", px(y2)}});
}

std::string tooltip(std::string_view tip) { return tip.empty() ? "" : element("title", {}, escape(tip)); }

int y_tick_count(double height) { return std::max(2, static_cast<int>(height / 45)); }

double widest(const std::vector<Tick>& ticks) {
  std::size_t most = 1;
  for (const Tick& tick : ticks) most = std::max(most, length_of(tick.label));
  return static_cast<double>(most) * character;
}

double widest(const std::vector<std::string>& names) {
  std::size_t most = 1;
  for (const std::string& name : names) most = std::max(most, length_of(name));
  return static_cast<double>(most) * character;
}

/// Category names are cut to this many characters (the whole name is in the tooltip), so that they leave most of the chart to the data.
std::size_t category_limit(double width) { return static_cast<std::size_t>(0.42 * width / character); }

/// Horizontal names need this much room; where they do not fit they are drawn slanted.
bool slanted(const Axis& axis, double width) {
  return !axis.categories.empty() && widest(axis.categories) + 6 > width / static_cast<double>(axis.categories.size());
}

Box layout(const Axis& x, const Axis& y, double width, double height) {
  Box box{10, 10, width - 12, height - 36};
  if (x.label.empty()) box.bottom = height - 22;
  if (y.categories.empty()) {
    box.left = 10 + widest(Scale(y.range, 0, 1).ticks(y_tick_count(box.height()))) + 6;
  } else {
    box.left = std::min(widest(y.categories), 0.42 * width) + 10;
  }
  if (!y.label.empty()) box.top += 16;
  if (slanted(x, box.width())) box.bottom -= std::min(widest(x.categories), 0.42 * width) * 0.6;
  return box;
}

void place_categories(Axis& axis) {
  if (axis.categories.empty()) return;
  axis.range = {.log = false, .low = -0.5, .high = static_cast<double>(axis.categories.size()) - 0.5};
}

}  // namespace

std::string series_class(std::size_t index) {
  const std::size_t dash = index / 10 % 4;
  return dash == 0 ? fmt::format("s{}", index % 10) : fmt::format("s{} d{}", index % 10, dash);
}

Plot::Plot(std::string title, Axis x, Axis y, double width, double height)
    : title_(std::move(title)),
      x_axis_((place_categories(x), std::move(x))),
      y_axis_((place_categories(y), std::move(y))),
      width_(width),
      height_(height),
      box_(layout(x_axis_, y_axis_, width, height)),
      x_(x_axis_.range, box_.left, box_.right),
      y_(y_axis_.range, y_axis_.categories.empty() ? box_.bottom : box_.top, y_axis_.categories.empty() ? box_.top : box_.bottom) {}

void Plot::line(const std::vector<double>& x, const std::vector<double>& y, std::string_view classes, std::string_view tip) {
  std::string path, lonely;
  bool drawing = false;
  const auto shown = [&](std::size_t i) { return i < std::min(x.size(), y.size()) && x_.shows(x[i]) && y_.shows(y[i]); };
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (shown(i) && !drawing && !shown(i + 1))
      lonely += element("circle", {{"class", "dot"}, {"cx", px(x_(x[i]))}, {"cy", px(y_(y[i]))}, {"r", "2"}});
    else if (shown(i)) path += fmt::format("{}{} {}", drawing ? "L" : "M", px(x_(x[i])), px(y_(y[i])));
    drawing = shown(i);
  }
  if (!path.empty()) path = element("path", {{"class", "line"}, {"d", path}});
  inside_ += element("g", {{"class", std::string(classes)}}, tooltip(tip) + path + lonely);
}

void Plot::band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high, std::string_view classes) {
  std::string there, back;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x_.shows(x[i]) || !y_.shows(low[i]) || !y_.shows(high[i])) continue;
    there += fmt::format("{}{} {}", there.empty() ? "M" : "L", px(x_(x[i])), px(y_(high[i])));
    back.insert(0, fmt::format("L{} {}", px(x_(x[i])), px(y_(low[i]))));
  }
  if (there.empty()) return;
  inside_ += element("g", {{"class", std::string(classes)}}, element("path", {{"class", "band"}, {"d", there + back + "Z"}}));
}

void Plot::point(double x, double y, std::string_view classes, std::string_view tip, int shape, double radius) {
  if (!x_.shows(x) || !y_.shows(y)) return;
  const double cx = x_(x), cy = y_(y), r = radius;
  std::string mark;
  if (shape == 0) {
    mark = element("circle", {{"cx", px(cx)}, {"cy", px(cy)}, {"r", px(r)}}, tooltip(tip));
  } else {
    const std::string path = shape == 1   ? fmt::format("M{} {}h{}v{}h-{}Z", px(cx - r), px(cy - r), px(2 * r), px(2 * r), px(2 * r))
                             : shape == 2 ? fmt::format("M{} {}l{} {}h-{}Z", px(cx), px(cy - 1.2 * r), px(1.15 * r), px(2 * r), px(2.3 * r))
                                          : fmt::format("M{} {}l{} {}l-{} {}l-{} -{}Z", px(cx), px(cy - 1.3 * r), px(1.3 * r), px(1.3 * r),
                                                        px(1.3 * r), px(1.3 * r), px(1.3 * r), px(1.3 * r));
    mark = element("path", {{"d", path}}, tooltip(tip));
  }
  over_ += element("g", {{"class", fmt::format("mark {}", classes)}}, mark);
}

void Plot::bar(double x_low, double x_high, double y, std::string_view classes, std::string_view tip) {
  if (!y_.shows(y)) return;
  const double zero = y_axis_.range.log || y_axis_.range.low > 0 ? box_.bottom : std::clamp(y_(0), box_.top, box_.bottom);
  const double left = x_(x_low), right = x_(x_high), end = y_(y);
  const std::string rect = element("rect",
                                   {{"x", px(left)},
                                    {"y", px(std::min(zero, end))},
                                    {"width", px(std::max(right - left - 0.6, 0.4))},
                                    {"height", px(std::abs(zero - end))}},
                                   tooltip(tip));
  inside_ += element("g", {{"class", fmt::format("bar {}", classes)}}, rect);
}

void Plot::mark(double x, std::string_view label, std::string_view classes) {
  if (!x_.shows(x)) return;
  const double at = x_(x), width = static_cast<double>(length_of(label)) * character;
  const bool near_right = at + 4 + width > box_.right;
  const double left = near_right ? at - 4 - width : at + 4;
  const double y = box_.top + font - 1 + (font + 1) * static_cast<double>(free_row(left, left + width));
  over_ += element(
      "g", {{"class", fmt::format("vmark {}", classes)}},
      segment(at, box_.top, at, box_.bottom, "") + text_at(near_right ? at - 4 : at + 4, y, "", near_right ? "end" : "start", label));
}

std::size_t Plot::free_row(double left, double right) {
  constexpr std::size_t rows = 4;
  std::size_t row = 0;
  const auto taken = [&](const Label& other) { return other.row == row && other.left < right && left < other.right; };
  while (row + 1 < rows && std::any_of(labels_.begin(), labels_.end(), taken)) ++row;
  labels_.push_back({row, left, right});
  return row;
}

void Plot::raw(std::string_view markup) { over_ += markup; }

std::string Plot::x_furniture() const {
  std::string out;
  if (x_axis_.categories.empty()) {
    const double room = box_.width();
    for (const Tick& tick : x_.ticks(std::max(2, static_cast<int>(room / 58)), x_axis_.whole)) {
      const double at = x_(tick.at);
      out += segment(at, box_.top, at, box_.bottom, tick.label.empty() ? "minor" : "grid");
      if (!tick.label.empty()) out += text_at(at, box_.bottom + font + 4, "tick", "middle", tick.label);
    }
  }
  const bool slant = slanted(x_axis_, box_.width());
  const std::size_t every = x_axis_.categories.size() / 40 + 1;
  for (std::size_t i = 0; i < x_axis_.categories.size(); i += every) {
    const double at = x_(static_cast<double>(i)), below = box_.bottom + font + 3;
    const std::string name = escape(shortened(x_axis_.categories[i], category_limit(width_)));
    out += slant ? element("text",
                           {{"class", "tick"},
                            {"text-anchor", "end"},
                            {"transform", fmt::format("translate({} {}) rotate(-35)", px(at + 4), px(below - 2))}},
                           name)
                 : element("text", {{"class", "tick"}, {"text-anchor", "middle"}, {"x", px(at)}, {"y", px(below)}}, name);
  }
  if (!x_axis_.label.empty()) out += text_at((box_.left + box_.right) / 2, height_ - 5, "label", "middle", x_axis_.label);
  return out;
}

std::string Plot::y_furniture() const {
  std::string out;
  if (y_axis_.categories.empty()) {
    for (const Tick& tick : y_.ticks(y_tick_count(box_.height()))) {
      const double at = y_(tick.at);
      out += segment(box_.left, at, box_.right, at, tick.label.empty() ? "minor" : "grid");
      if (!tick.label.empty()) out += text_at(box_.left - 6, at + 4, "tick", "end", tick.label);
    }
  }
  for (std::size_t i = 0; i < y_axis_.categories.size(); ++i) {
    const double at = y_(static_cast<double>(i));
    out += segment(box_.left, at, box_.right, at, "grid");
    out += element("text", {{"x", px(box_.left - 6)}, {"y", px(at + 4)}, {"class", "tick name"}, {"text-anchor", "end"}},
                   tooltip(y_axis_.categories[i]) + escape(shortened(y_axis_.categories[i], category_limit(width_))));
  }
  if (!y_axis_.label.empty()) out += text_at(2, 12, "label", "start", y_axis_.label);
  return out;
}

std::string Plot::svg() const {
  const std::string clip =
      element("svg",
              {{"x", px(box_.left)},
               {"y", px(box_.top)},
               {"width", px(box_.width())},
               {"height", px(box_.height())},
               {"viewBox", fmt::format("{} {} {} {}", px(box_.left), px(box_.top), px(box_.width()), px(box_.height()))}},
              inside_);
  return element(
      "svg", {{"class", "plot"}, {"viewBox", fmt::format("0 0 {} {}", px(width_), px(height_))}, {"role", "img"}, {"aria-label", title_}},
      x_furniture() + y_furniture() + segment(box_.left, box_.bottom, box_.right, box_.bottom, "axis") + clip + over_);
}

Points thinned(const std::vector<double>& x, const std::vector<double>& y, std::size_t limit) {
  const std::size_t count = std::min(x.size(), y.size());
  if (count <= limit) return {x, y};
  Points out;
  for (std::size_t bucket = 0; bucket < limit; ++bucket) {
    double sum_x = 0, sum_y = 0;
    const std::size_t first = bucket * count / limit, last = (bucket + 1) * count / limit;
    for (std::size_t i = first; i < last; ++i) sum_x += x[i], sum_y += y[i];
    out.x.push_back(sum_x / static_cast<double>(last - first));
    out.y.push_back(sum_y / static_cast<double>(last - first));
  }
  return out;
}

}  // namespace ablate::report
