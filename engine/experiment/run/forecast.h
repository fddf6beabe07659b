// What an experiment will take: the answer of `ablate check`.
#pragma once

#include "experiment/plan.h"
#include "experiment/run/point_plan.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

struct PointForecast {
  std::size_t index = 0;  ///< among the plan's points
  PointPlan plan;
  std::string refusal;                         ///< why it does not fit the device; empty if it does
  std::optional<std::size_t> taken_from = {};  ///< the point that is run for it, because it comes to the same
  double seconds = std::nan("");               ///< NaN: no part of any point could be done to time it
};

struct Forecast {
  std::string device;
  std::uint64_t free = 0;  ///< bytes of device memory
  std::vector<PointForecast> points;
  std::vector<std::string> notes;
  std::string no_device;  ///< why there are no points here: this machine has no device; empty if it has
};

/// FLOP that any device does in about a second.
double calibration_flop(const Device& device);

/// A point like `whole` with so few sequences, tokens and layers that a step takes about a second.
Point part_of(const Point& whole, const PointPlan& plan, const Device& device);

/// One line per point, and what they take together. `notes` says what else is to be told of each point, in the order of the plan's points.
std::string format_forecast(const Forecast& forecast, const Plan& plan, const std::vector<std::string>& notes);

}  // namespace ablate
