// Which files a key of `[data]` means: names, patterns and folders become the files that are there, in an order of their own.
#pragma once

#include "base/settings.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ablate {

/// Files of one key.
struct DataFiles {
  std::vector<std::filesystem::path> files;
  std::vector<std::string> notes;  ///< what of a folder is left out, a line each
};

/// Those of `key` (one name or a list of them; none where it is absent): a file; a pattern of `*`, `?` and `[a-z]` within a name and `**`
/// over folders; or a folder, which stands for all files in it, at any depth, of which `of_this_kind` is true. The list's order stays; what
/// a pattern or a folder gives is sorted by its path's bytes. Files and folders whose names begin with "." are left out. A name that is not
/// there stays as it is. Settings::names_files is told.
DataFiles read_data_files(Settings& data, const Key& key, const std::function<bool(const std::filesystem::path&)>& of_this_kind);

/// The same for `files`, or `file`, one of which must be there.
DataFiles read_data_files(Settings& data, const std::function<bool(const std::filesystem::path&)>& of_this_kind);

/// Whether `text` is what `pattern` says; neither holds a separator of folders.
bool matches_pattern(std::string_view text, std::string_view pattern);

/// "a.txt", or "3 files from a.txt on".
std::string name_of_files(const std::vector<std::filesystem::path>& files);

}  // namespace ablate
