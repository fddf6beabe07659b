// What something can measure, by name: so that a claim on what nothing measures is found before the run.
#pragma once

#include <string>
#include <vector>

namespace ablate {

/// Metrics that something may yield; under circumstances less.
struct MetricNames {
  std::vector<std::string> numbers;
  std::vector<std::string> lists = {};  ///< of numbers, or tables of them
  std::vector<std::string> texts = {};

  void add(const MetricNames& other) {
    numbers.insert(numbers.end(), other.numbers.begin(), other.numbers.end());
    lists.insert(lists.end(), other.lists.begin(), other.lists.end());
    texts.insert(texts.end(), other.texts.begin(), other.texts.end());
  }
};

}  // namespace ablate
