#include "base/metrics.h"

#include <limits>

namespace ablate {

void Metrics::set(std::string_view name, Metric value) {
  for (auto& [known, metric] : entries_) {
    if (known == name) {
      metric = std::move(value);
      return;
    }
  }
  entries_.emplace_back(name, std::move(value));
}

const Metric* Metrics::find(std::string_view name) const {
  for (const auto& [known, metric] : entries_) {
    if (known == name) return &metric;
  }
  return nullptr;
}

double Metrics::number(std::string_view name) const {
  const Metric* metric = find(name);
  const double* number = metric ? std::get_if<double>(metric) : nullptr;
  return number ? *number : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace ablate
