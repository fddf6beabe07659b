// Means and maxima that say when they have no value.
#pragma once

#include "base/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace ablate {

/// A mean over what there was. Without anything it has no value.
struct Mean {
  double sum = 0, count = 0;

  void add(double value) { sum += value, ++count; }
  bool any() const { return count > 0; }
  double value() const { return any() ? sum / count : std::numeric_limits<double>::quiet_NaN(); }
};

/// Sets the metric if the mean has a value: what was not measured is absent, never 0.
inline void set_mean(Metrics& metrics, std::string_view name, const Mean& mean) {
  if (mean.any()) metrics.set(name, mean.value());
}

/// The same of a list: absent where no entry has a value, else NaN (null in files) in place of those that have none.
inline void set_means(Metrics& metrics, std::string_view name, const std::vector<Mean>& means) {
  if (std::none_of(means.begin(), means.end(), [](const Mean& mean) { return mean.any(); })) return;
  std::vector<double> values;
  for (const Mean& mean : means) values.push_back(mean.value());
  metrics.set(name, std::move(values));
}

/// Whether `value` takes the place of the largest so far: NaN counts as larger than infinity, so that it is not lost.
template <class Float>
bool exceeds(Float value, Float largest) {
  return std::isnan(value) ? !std::isnan(largest) : value > largest;
}
template <class Float>
void raise(Float& largest, Float value) {
  if (exceeds(value, largest)) largest = value;
}

}  // namespace ablate
