// Every pipeline the engine could choose for a device, and what its driver makes of it.
#pragma once

#include "vulkan/pipeline.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace ablate {

/// Collected from samples of all ops in all element types on shapes of many widths, and from all kernels of matrix products. Needs no
/// device.
std::set<PipelineKey> all_pipelines(const Caps& caps);

/// What a driver says of one kernel's variants: the worst of them. Negative where it says nothing.
struct KernelReport {
  std::string shader;  ///< with details: and the variant's constants
  int variants = 0;
  double registers = -1, spills = -1, scratch = -1, shared = -1, occupancy = -1;  ///< occupancy: subgroups that a SIMD can hold
  std::string failure;                                                            ///< of the first variant that the driver refused
};

/// Builds every pipeline of the kernels whose names hold `part`. `details`: a report for every variant. `progress(done, all)` is called after
/// each. Throws InputError when no kernel has such a name.
std::vector<KernelReport> compile_all(Pipelines& pipelines, const std::string& part = "", bool details = false,
                                      const std::function<void(std::size_t, std::size_t)>& progress = {});

/// A table for the terminal.
std::string format_kernels(const std::vector<KernelReport>& reports);

}  // namespace ablate
