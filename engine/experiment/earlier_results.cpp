#include "experiment/earlier_results.h"

#include "base/error.h"
#include "base/file.h"
#include "results/json.h"

#include <algorithm>
#include <array>

namespace ablate {
namespace {

namespace fs = std::filesystem;

// What a run writes (experiment/results.h), each name alone or with ".partial" behind it. The manifest goes last: as long as it is there, the
// folder is known to be a run's.
constexpr std::array names{"results.json", "results.csv", "report.html", "kernels.json", "points", "needed", "manifest.json"};

bool is_taken(const fs::path& path) { return fs::symlink_status(path).type() != fs::file_type::not_found; }

bool says(const fs::path& file, std::string_view first, std::string_view second) {
  if (!fs::is_regular_file(file)) return false;
  const Json json = Json::parse(read_text(file), nullptr, false);
  return json.is_object() && json.contains(first) && json.contains(second);
}

bool written_by_a_run(const fs::path& folder) {
  return says(folder / "manifest.json", "experiment", "points") || says(folder / "results.json", "experiment", "rows");
}

// What a run leaves that was stopped before it wrote its manifest.
bool is_trace(const std::string& name) {
  return name == ".lock" || name == "previous" || name.starts_with("previous-") || name == "manifest.json.partial";
}

}  // namespace

void require_results_folder(const fs::path& folder) {
  std::error_code none;
  if (!fs::is_directory(folder, none) || written_by_a_run(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder))
    require(is_trace(entry.path().filename().string()),
            "{}: not a folder that a run wrote (it holds {} and no manifest.json of a run): results go into a folder of their own, give "
            "another --out, or the experiment another name",
            folder.string(), entry.path().filename().string());
}

void move_to_previous(const fs::path& folder) {
  std::vector<std::string> old;
  for (const char* name : names)
    for (const char* tail : {".partial", ""})
      if (is_taken(folder / (std::string(name) + tail))) old.push_back(std::string(name) + tail);
  if (old.empty()) return;
  fs::path previous = folder / "previous";
  for (int number = 2; is_taken(previous); ++number) previous = folder / fmt::format("previous-{}", number);
  fs::create_directory(previous);
  for (const std::string& name : old) fs::rename(folder / name, previous / name);
}

}  // namespace ablate
