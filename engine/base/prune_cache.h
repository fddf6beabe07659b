// The cache stays as small as what is in use.
#pragma once

#include <cstddef>
#include <string_view>

namespace ablate {

/// Removes all but the `most` newest of the files in cache_folder() (not in its folders) whose names begin with `prefix`: those of drivers,
/// devices and versions that nobody has used for longest. What cannot be removed stays.
void prune_cache(std::string_view prefix, std::size_t most);

}  // namespace ablate
