#include "base/prune_cache.h"

#include "base/file.h"

#include <algorithm>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

namespace ablate {
namespace fs = std::filesystem;

void prune_cache(std::string_view prefix, std::size_t most) {
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(cache_folder(), ignored)) {
    const std::string name = entry.path().filename().string();
    // Somebody may be writing what ends so.
    if (!name.starts_with(prefix) || name.ends_with(".partial") || !entry.is_regular_file(ignored)) continue;
    files.emplace_back(entry.last_write_time(ignored), entry.path());
  }
  std::sort(files.begin(), files.end(), std::greater<>());
  for (std::size_t i = most; i < files.size(); ++i) fs::remove(files[i].second, ignored);
}

}  // namespace ablate
