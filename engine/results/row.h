// One finished (or failed) point of a sweep, as results.json holds it.
#pragma once

#include "base/metrics.h"
#include "base/value.h"

#include <string>
#include <utility>
#include <vector>

namespace ablate {

struct Row {
  std::string id, name, label, group = {};
  std::vector<std::pair<std::string, Value>> swept;
  std::vector<std::pair<std::string, double>> reference;
  Metrics metrics;
  std::string error;  ///< why the point failed; empty if it did not
};

}  // namespace ablate
