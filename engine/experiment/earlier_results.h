// What a run finds where it wants to put its results.
#pragma once

#include <filesystem>

namespace ablate {

/// Throws InputError when `folder` holds files and no run wrote it: nothing of anybody else's is moved, overwritten or mixed with results.
void require_results_folder(const std::filesystem::path& folder);

/// Moves what a run wrote into the first free of previous, previous-2, previous-3, ...; what else lies in the folder stays. Throws
/// std::filesystem::filesystem_error.
void move_to_previous(const std::filesystem::path& folder);

}  // namespace ablate
