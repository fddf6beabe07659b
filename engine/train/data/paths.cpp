#include "train/data/paths.h"

#include "base/error.h"
#include "base/settings.h"

namespace ablate {

std::vector<std::filesystem::path> read_paths(Settings& data, const char* key) {
  if (!data.has(key)) return {};
  if (data.raw(key)->as<std::string>()) return {data.get<std::string>(key)};
  const auto names = data.get<std::vector<std::string>>(key);
  require(!names.empty(), "{}: expected at least one file", data.where(key));
  return {names.begin(), names.end()};
}

std::vector<std::filesystem::path> read_files(Settings& data) {
  const char* key = data.has("file") ? "file" : "files";
  require(data.has(key), "{}: expected the file or files to read", data.where(key));
  return read_paths(data, key);
}

}  // namespace ablate
