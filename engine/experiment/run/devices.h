// A sweep on several devices at once: a process on each, one queue of points.
#pragma once

#include "experiment/results.h"
#include "experiment/run/runner.h"
#include "vulkan/instance.h"

#include <vector>

namespace ablate {

/// What "all" means: the GPUs that can be used; only where there is none the CPU devices, for whose points a sweep would wait.
std::vector<std::size_t> all_devices(const std::vector<Instance::Candidate>& devices);

/// Numbers of the devices that "all", or a list of numbers and names such as "0,1", stands for. Throws DeviceError when one is not there.
std::vector<std::string> device_numbers(const std::string& list);

/// Runs the plan's points on `devices`; the plan was checked already, and `environment` is that of the first device. A process that dies
/// loses only the point it was working on, which another takes up once more. As run_plan otherwise.
int run_on_devices(const RunRequest& request, const std::vector<std::string>& devices, Environment environment);

}  // namespace ablate
