// Files that an experiment file names.
#pragma once

#include "base/settings.h"

#include <filesystem>

namespace ablate {

/// The path that a string of an experiment file means: as seen from the folder of the file it stands in, or for one of the command line
/// (--set) from the current folder. `value` must hold a string.
std::filesystem::path path_of(const Value& value);

/// That of `key`, or an empty path where the key is absent or "". Throws InputError for anything but a string.
std::filesystem::path read_path(Settings& settings, const Key& key);

/// Those of `key`: one or a list; none where the key is absent. Throws InputError for an empty list.
std::vector<std::filesystem::path> read_paths(Settings& settings, const Key& key);

}  // namespace ablate
