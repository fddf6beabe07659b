// How many registers kernels may count on, as data: Vulkan does not tell, and a kernel that spills them to memory is many times slower.
#pragma once

#include "vulkan/caps.h"

#include <string>
#include <utility>
#include <vector>

namespace ablate {

/// Fills caps.registers and caps.matrix_bytes in from the driver's row.
void apply_registers(Caps& caps);

/// What drivers tell of a compiled pipeline, under whatever names; -1 where one does not say.
struct RegisterUse {
  double registers = -1;  ///< of a lane, or of a subgroup where the driver counts those
  double spills = -1;     ///< registers, or instructions that move them to memory
  double scratch = -1;    ///< bytes of memory they go to
  double shared = -1;     ///< bytes
  double occupancy = -1;  ///< subgroups that a multiprocessor holds at once
};

/// `statistics`: name and value, of all executables of a pipeline (Pipelines::statistics).
RegisterUse register_use(const std::vector<std::pair<std::string, double>>& statistics);

}  // namespace ablate
