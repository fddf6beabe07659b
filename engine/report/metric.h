// What is known about a metric: how it is called, written and compared.
#pragma once

#include <string>
#include <vector>

namespace ablate::report {

/// Which way a value went from the first row's; `none` where the change is too small to tell from chance, `unknown` where one is missing.
enum class Direction { unknown, down, none, up };

struct MetricInfo {
  std::string key, label, unit = {}, meaning = {};
  int decimals = -1;           ///< in tables; -1: three or four significant digits
  bool by_difference = false;  ///< a change is told as a difference, otherwise as a ratio
  /// The smallest change worth an arrow where no seeds tell the spread: absolute for by_difference, else relative to the first row; for
  /// sink ratios, which may be 0, in the metric's own unit.
  double smallest = 0.02;
  bool smallest_is_absolute = false;
  bool log = false;  ///< drawn on a log axis

  std::string in_a_sentence() const;  ///< the label with a small first letter
};

/// Never fails: an unknown key is its own label.
MetricInfo metric_info(const std::string& key);

/// The keys of `present` worth a column in the headline table, in reading order.
std::vector<std::string> headline_metrics(const std::vector<std::string>& present, const std::vector<std::string>& with_reference);

std::string format_metric(const MetricInfo& info, double value);

/// Compares with the first row. `spread` is the standard deviation of the difference (0: unknown).
Direction direction_of(const MetricInfo& info, double first, double value, double spread);

/// "−37 %", "×2.4", "+0.044".
std::string format_change(const MetricInfo& info, double first, double value);

}  // namespace ablate::report
