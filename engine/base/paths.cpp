#include "base/paths.h"

#include "base/error.h"

namespace ablate {
namespace fs = std::filesystem;

fs::path path_of(const Value& value) {
  const std::size_t colon = value.where.rfind(':');  // "folder/file.toml:12"
  const fs::path folder = colon == value.where.npos ? fs::path() : fs::path(value.where.substr(0, colon)).parent_path();
  return folder / *value.as<std::string>();
}

fs::path read_path(Settings& settings, std::string_view key) {
  return settings.get<std::string>(key, "").empty() ? fs::path() : path_of(*settings.raw(key));
}

std::vector<fs::path> read_paths(Settings& settings, std::string_view key) {
  const Value* value = settings.raw(key);
  if (!value) return {};
  if (value->as<std::string>()) return {path_of(*value)};
  require(!settings.get<std::vector<std::string>>(key).empty(), "{}: expected at least one file", settings.where(key));
  std::vector<fs::path> paths;
  for (const Value& item : *value->as<Value::Array>()) paths.push_back(path_of(item));
  return paths;
}

}  // namespace ablate
