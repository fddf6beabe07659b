// Where the time of a training step goes.
#pragma once

#include "graph/executor.h"

#include <filesystem>
#include <vector>

namespace ablate {

/// One line per kind of dispatch (labels with the layer's number taken out), the longest first: calls, microseconds, TFLOP/s, GB/s.
void write_profile(const std::filesystem::path& file, const std::vector<DispatchTime>& times);

}  // namespace ablate
