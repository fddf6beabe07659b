// Runs a plan: its points one after another, results written as they come.
#pragma once

#include "experiment/plan.h"
#include "experiment/run/forecast.h"
#include "experiment/run/point_plan.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ablate {

class Collective;

struct RunRequest {
  Plan plan;
  Selection selection;
  std::filesystem::path out = "runs";
  std::string device;             ///< --device; empty: the file's
  std::string without;            ///< --without, comma-separated
  std::string devices;            ///< --devices: a process on each ("all", or a list); empty: this process runs everything
  bool worker = false;            ///< one of those processes: takes the numbers of points from standard input
  Collective* ranks = nullptr;    ///< the processes that do this run together (experiment/run/ranks.h); null: this one alone
  std::function<void()> started;  ///< called when nothing of what can be wrong before a run starts is
  bool resume = false;
  bool strict = false;  ///< --strict: a claim that fails fails the run
  bool validation = false;
  bool profile = false;              ///< --profile
  bool one_by_one = false;           ///< --one-by-one
  std::vector<std::string> command;  ///< argv, for the manifest
};

/// Returns the exit code: 0, or 1 when a point failed. Throws InputError, DeviceError, Interrupted.
int run_plan(const RunRequest& request);

/// What the selected points take on the device, and how long, after doing a small part of one. Writes nothing. Throws what run_plan would
/// throw before it starts, but for points that do not fit (require_fit says so), for files of [data] that are not there, and for a machine
/// without a device.
Forecast forecast(const RunRequest& request);

/// Throws DeviceError when the point does not fit.
void require_fit(const Plan& plan, const PointForecast& point);

/// The device memory that the largest of the plan's points takes, as run_plan prints it before it starts. Throws the same.
MemoryNeed planned_memory(const RunRequest& request);

}  // namespace ablate
