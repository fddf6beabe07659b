// From values to positions on an axis, and the ticks that a person would have chosen.
#pragma once

#include <string>
#include <vector>

namespace ablate::report {

struct Tick {
  double at;
  std::string label;  ///< empty for a minor tick
};

/// The values an axis covers. Starts empty; `include` widens it by what is finite (and positive, on a log axis).
struct Range {
  bool log = false;
  double low = 1, high = 0;

  bool empty() const { return low > high; }
  void include(double value);
  void include(const std::vector<double>& values);
  /// Room around the data, and some extent where all values are equal or there are none.
  Range padded(double share) const;
};

/// Maps [range.low, range.high] to [from, to] (pixels), linearly or by the logarithm.
class Scale {
 public:
  Scale(Range range, double from, double to);

  double operator()(double value) const;
  /// Whether `value` has a position at all: finite, and positive on a log axis.
  bool shows(double value) const;
  /// About `count` labelled ticks at round values inside the range; `whole`: the axis counts something, so no tick lies between whole
  /// numbers.
  std::vector<Tick> ticks(int count, bool whole = false) const;

 private:
  Range range_;
  double from_, to_;
};

}  // namespace ablate::report
