// Figures of several probes end up in one list.
#pragma once

#include "base/metrics.h"

namespace ablate {

/// Adds a figure to the metric "figures", which the report draws.
inline void add_figure(Metrics& metrics, Figure figure) {
  const Metric* found = metrics.find("figures");
  auto figures = found ? std::get<std::vector<Figure>>(*found) : std::vector<Figure>{};
  figures.push_back(std::move(figure));
  metrics.set("figures", std::move(figures));
}

}  // namespace ablate
