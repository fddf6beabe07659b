// One chart as inline SVG: axes, grid, and whatever is drawn between them.
//
// Colours, line widths and fonts are classes that style.cpp defines for light, dark and paper; a chart only says which series something
// belongs to.
#pragma once

#include "report/scale.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate::report {

/// The class of series number `index`: ten colours, told apart by colour-blind readers, then the same with dashes.
std::string series_class(std::size_t index);

struct Axis {
  std::string label;
  Range range;
  std::vector<std::string> categories = {};  ///< if there are any, they stand at 0, 1, 2, ... instead of ticks
  bool whole = false;                        ///< it counts something: states, heads, ranks
};

struct Box {
  double left, top, right, bottom;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

class Plot {
 public:
  /// `title` is read out by screen readers. The chart is `width` x `height` units; text is 11 units high, so that a chart of 400 is legible
  /// from a phone's width up.
  Plot(std::string title, Axis x, Axis y, double width = 400, double height = 265);

  /// A line through the points in order, broken where a value is missing. `tip` shows when the pointer rests on it.
  void line(const std::vector<double>& x, const std::vector<double>& y, std::string_view classes, std::string_view tip = "");
  /// The area between `low` and `high` (equally long as x).
  void band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high, std::string_view classes);
  /// A mark at one point; shapes (0: circle, 1: square, 2: triangle, 3: diamond) tell series apart without colour.
  void point(double x, double y, std::string_view classes, std::string_view tip, int shape = 0, double radius = 3.2);
  /// A bar from the axis' low end (or zero, if that is inside) to `y`, between `x_low` and `x_high`.
  void bar(double x_low, double x_high, double y, std::string_view classes, std::string_view tip);
  /// A vertical line across the chart with a word at its top.
  void mark(double x, std::string_view label, std::string_view classes = "");
  /// Any markup in the chart's coordinates; x() and y() say where things are.
  void raw(std::string_view markup);

  const Scale& x() const { return x_; }
  const Scale& y() const { return y_; }
  const Box& box() const { return box_; }

  std::string svg() const;

 private:
  std::string title_;
  Axis x_axis_, y_axis_;
  double width_, height_;
  Box box_;
  Scale x_, y_;
  std::string inside_, over_;  ///< clipped to the box; not clipped

  struct Label {
    std::size_t row;
    double left, right;
  };
  std::vector<Label> labels_;  ///< of marks: those that would overlap stand one below the other

  std::size_t free_row(double left, double right);
  std::string x_furniture() const;
  std::string y_furniture() const;
};

/// At most `limit` points: means of neighbours, so that long logs make small files and noise stays legible.
struct Points {
  std::vector<double> x, y;
};
Points thinned(const std::vector<double>& x, const std::vector<double>& y, std::size_t limit);

/// Cells coloured by value from `low` to `high`; a missing value stays empty. `values` is (rows, columns), first row at the top.
struct HeatMap {
  std::string title, x_label, y_label;
  std::vector<std::string> x_categories, y_categories;  ///< empty: numbers from 0
  std::vector<std::vector<double>> values;
  double low = 0, high = 1;
};
std::string heat_map(const HeatMap& map, double width = 420);

/// The colour bar that belongs to heat maps of this range.
std::string heat_scale(double low, double high, std::string_view label);

}  // namespace ablate::report
