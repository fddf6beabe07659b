#include "shipped_files.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ablate {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

/// "quickstart", "paper/all", ...: every file below the folder, without its ending.
std::vector<std::string> names_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (fs::recursive_directory_iterator at(folder, none), end; at != end; at.increment(none))
    if (at->path().extension() == ".toml") names.push_back(fs::relative(at->path(), folder, none).replace_extension().generic_string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

fs::path shipped_experiments() {
  const fs::path own = executable_folder();
  if (own.empty()) return {};
  for (const char* place : {"../share/ablate/experiments", "../../experiments", "experiments"})
    if (is_file(own / place / "quickstart.toml")) return (own / place).lexically_normal();
  return {};
}

fs::path experiment_file(const fs::path& given) {
  const fs::path shipped = shipped_experiments();
  if (is_file(given) || shipped.empty() || given.is_absolute()) return given;
  for (const fs::path& name : {given, fs::path(given.string() + ".toml")})
    if (name.extension() == ".toml" && is_file(shipped / name)) return shipped / name;
  const bool is_name = given.extension() != ".toml" && !given.has_parent_path();
  require(!is_name, "there is no file {}, and no such experiment comes with this program; there are {}", given.generic_string(),
          fmt::join(names_below(shipped), ", "));
  return given;  // whoever reads it says that it is not there
}

}  // namespace ablate
