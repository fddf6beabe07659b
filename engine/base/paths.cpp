#include "base/paths.h"

#include "base/error.h"

namespace ablate {
namespace fs = std::filesystem;

fs::path path_of(const Value& value) {
  const std::size_t colon = value.where.rfind(':');  // "folder/file.toml:12"
  const fs::path folder = colon == value.where.npos ? fs::path() : fs::path(value.where.substr(0, colon)).parent_path();
  return folder / *value.as<std::string>();
}

fs::path read_path(Settings& settings, const Key& key) {
  if (settings.get<std::string>(key, "").empty()) return {};
  const fs::path path = path_of(*settings.raw(key));
  settings.names_files(key, {path.string()});
  return path;
}

std::vector<fs::path> read_paths(Settings& settings, const Key& key) {
  const Value* value = settings.raw(key);
  if (!value) return {};
  if (value->as<std::string>()) return {read_path(settings, key)};
  require(!settings.get<std::vector<std::string>>(key).empty(), "{}: expected at least one file", settings.where(key));
  std::vector<fs::path> paths;
  std::vector<std::string> names;
  for (const Value& item : *value->as<Value::Array>()) names.push_back(paths.emplace_back(path_of(item)).string());
  settings.names_files(key, names);
  return paths;
}

}  // namespace ablate
