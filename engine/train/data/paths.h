// File names in a `[data]` table.
#pragma once

#include <filesystem>
#include <vector>

namespace ablate {

class Settings;

/// The value of `key`: one name or a list of names; empty if it is absent. Throws InputError for an empty list.
std::vector<std::filesystem::path> read_paths(Settings& data, const char* key);

/// The same of `files`, or `file`, one of which must be there.
std::vector<std::filesystem::path> read_files(Settings& data);

}  // namespace ablate
