// A picture that a statistic hands to the report.
//
// Any probe may add figures to its metrics under the key "figures"; the report draws every figure it finds and needs to know nothing about
// the probe. Figures of the same title on different points of a sweep are shown side by side on common axes. In JSON a figure is written
// with the names of these fields, empty ones left out (docs/report.md has an example of each kind).
#pragma once

#include <string>
#include <vector>

namespace ablate {

struct FigureAxis {
  std::string label{};                    ///< with its unit, e.g. "tokens" or "magnitude"
  bool log = false;                       ///< values that are not positive are left out of a log axis
  std::vector<std::string> categories{};  ///< names of the positions 0, 1, 2, ... (bars, heat map rows and columns)
};

/// One set of points. Line, scatter: x and y of equal length (line and bar may leave x out: 0, 1, 2, ...). Histogram: y holds N counts and
/// x the N + 1 edges. Bar: one bar per y.
struct FigureSeries {
  std::string name{};
  std::vector<double> x{}, y{};
  std::vector<std::string> labels{};  ///< optional, one per point: shown when the pointer rests on it
};

/// A vertical line with a word beside it, e.g. a step-up block.
struct FigureMark {
  double at = 0;
  std::string label{};
};

struct Figure {
  std::string kind{};  ///< "line", "scatter", "bar", "histogram" or "heatmap"
  std::string title{};
  std::string caption{};  ///< one sentence under the picture: what it shows, in which units
  FigureAxis x{}, y{};
  std::vector<FigureSeries> series{};
  std::vector<FigureMark> marks{};
  std::vector<std::vector<double>> values{};  ///< heat map only: (rows, columns), first row at the top
};

}  // namespace ablate
