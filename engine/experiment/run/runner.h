// Runs a plan: its points one after another, results written as they come.
#pragma once

#include "experiment/plan.h"
#include "experiment/run/forecast.h"
#include "experiment/run/point_plan.h"

#include <filesystem>
#include <string>
#include <vector>

namespace ablate {

struct RunRequest {
  Plan plan;
  Selection selection;
  std::filesystem::path out = "runs";
  std::string device;   ///< --device; empty: the file's
  std::string without;  ///< --without, comma-separated
  std::string devices;  ///< --devices: a process on each ("all", or a list); empty: this process runs everything
  bool worker = false;  ///< one of those processes: takes the numbers of points from standard input
  bool resume = false;
  bool validation = false;
  bool profile = false;              ///< --profile
  bool one_by_one = false;           ///< --one-by-one
  std::vector<std::string> command;  ///< argv, for the manifest
};

/// Returns the exit code: 0, or 1 when a point failed. Throws InputError, DeviceError, Interrupted.
int run_plan(const RunRequest& request);

/// What the selected points take on the device, and how long, after doing a small part of one. Writes nothing. Throws DeviceError when there
/// is no device; a point that cannot be planned says why instead.
Forecast forecast(const RunRequest& request);

/// The device memory that the largest of the plan's points takes, as run_plan prints it before it starts. Throws the same.
MemoryNeed planned_memory(const RunRequest& request);

}  // namespace ablate
