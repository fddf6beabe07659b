// What is measured: named numbers, texts, lists and tables.
#pragma once

#include "base/figure.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ablate {

using Metric =
    std::variant<double, std::string, std::vector<double>, std::vector<std::string>, std::vector<std::vector<double>>, std::vector<Figure>>;

/// Named measurements in the order they should be shown.
class Metrics {
 public:
  Metrics() = default;
  Metrics(std::initializer_list<std::pair<std::string, Metric>> entries) : entries_(entries) {}

  /// Replaces the metric of that name or adds it at the end.
  void set(std::string_view name, Metric value);
  const Metric* find(std::string_view name) const;
  /// The metric as a number; NaN if it is absent or not a number.
  double number(std::string_view name) const;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }

 private:
  std::vector<std::pair<std::string, Metric>> entries_;
};

}  // namespace ablate
