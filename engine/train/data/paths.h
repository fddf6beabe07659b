// File names in a `[data]` table.
#pragma once

#include "base/paths.h"

namespace ablate {

/// The paths of `files`, or `file`, one of which must be there.
std::vector<std::filesystem::path> read_files(Settings& data);

}  // namespace ablate
