#include "train/data/data_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view wild = "*?[";

bool is_pattern(const fs::path& path) { return path.string().find_first_of(wild) != std::string::npos; }
bool is_hidden(const fs::path& name) { return name.string().starts_with('.'); }

std::vector<fs::directory_entry> visible_entries(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder.empty() ? "." : folder, error), end; !error && at != end; at.increment(error))
    if (!is_hidden(at->path().filename())) entries.push_back(*at);
  return entries;
}

/// Whether `c` is one of what stands between the brackets; moves `pattern` behind them. Brackets that nothing closes are no set.
bool in_set(char c, std::string_view& pattern) {
  const std::size_t end = pattern.find(']', pattern.starts_with("[]") || pattern.starts_with("[!]") ? 3 : 1);
  if (end == pattern.npos) return pattern.remove_prefix(1), c == '[';
  std::string_view set = pattern.substr(1, end - 1);
  pattern.remove_prefix(end + 1);
  const bool inverted = set.starts_with('!');
  if (inverted) set.remove_prefix(1);
  bool found = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const bool range = i + 2 < set.size() && set[i + 1] == '-';
    found = found || (range ? set[i] <= c && c <= set[i + 2] : set[i] == c);
    if (range) i += 2;
  }
  return found != inverted;
}

/// All files below `folder` that the components `first` .. `end` name.
void expand(const fs::path& folder, fs::path::const_iterator first, fs::path::const_iterator end, std::vector<fs::path>& files) {
  std::error_code error;
  const fs::path component = *first;
  const auto next = std::next(first);
  if (!is_pattern(component)) {
    const fs::path path = folder / component;
    if (next != end) expand(path, next, end, files);
    else if (fs::is_regular_file(path, error)) files.push_back(path);
    return;
  }
  const bool any_depth = component == "**";
  if (any_depth && next != end) expand(folder, next, end, files);
  for (const fs::directory_entry& entry : visible_entries(folder)) {
    const fs::path path = folder / entry.path().filename();
    const bool folder_inside = entry.is_directory(error);
    if (any_depth && folder_inside) expand(path, first, end, files);
    else if (!matches_pattern(entry.path().filename().string(), component.string())) continue;
    else if (next == end && entry.is_regular_file(error)) files.push_back(path);
    else if (next != end && folder_inside && !any_depth) expand(path, next, end, files);
  }
}

void sort_by_bytes(std::vector<fs::path>& files) {
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) { return a.generic_string() < b.generic_string(); });
}

void walk(const fs::path& folder, std::vector<fs::path>& files) {
  std::error_code error;
  for (const fs::directory_entry& entry : visible_entries(folder)) {
    if (entry.is_directory(error)) walk(folder / entry.path().filename(), files);
    else if (entry.is_regular_file(error)) files.push_back(folder / entry.path().filename());
  }
}

std::string first_names(const std::vector<fs::path>& files) {
  constexpr std::size_t most = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, files.size()); ++i) text += (i > 0 ? ", " : "") + files[i].filename().string();
  return files.size() > most ? text + ", ..." : text;
}

void add_folder(const fs::path& folder, const std::function<bool(const fs::path&)>& of_this_kind, DataFiles& all) {
  std::vector<fs::path> files, others;
  walk(folder, files);
  sort_by_bytes(files);
  std::copy_if(files.begin(), files.end(), std::back_inserter(others), [&](const fs::path& file) { return !of_this_kind(file); });
  std::erase_if(files, [&](const fs::path& file) { return !of_this_kind(file); });
  if (!others.empty())
    all.notes.push_back(fmt::format("{}: {} files of other kinds are left out ({})", folder.string(), others.size(), first_names(others)));
  if (files.empty()) files.push_back(folder);  // refused by whoever opens it
  all.files.insert(all.files.end(), files.begin(), files.end());
}

void add(const fs::path& path, const std::function<bool(const fs::path&)>& of_this_kind, DataFiles& all) {
  std::error_code error;
  if (fs::is_directory(path, error)) return add_folder(path, of_this_kind, all);
  std::vector<fs::path> files;
  if (!fs::exists(path, error) && is_pattern(path)) expand({}, path.begin(), path.end(), files);
  sort_by_bytes(files);
  if (files.empty()) files.push_back(path);
  all.files.insert(all.files.end(), files.begin(), files.end());
}

}  // namespace

bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::string_view after_star, rest;  // where the last star may take more
  bool star = false;
  while (!text.empty() || !pattern.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      after_star = pattern, rest = text, star = true;
      continue;
    }
    if (!text.empty() && !pattern.empty()) {
      std::string_view behind = pattern;
      const bool same = pattern[0] == '[' ? in_set(text[0], behind) : (behind.remove_prefix(1), pattern[0] == '?' || pattern[0] == text[0]);
      if (same) {
        pattern = behind;
        text.remove_prefix(1);
        continue;
      }
    }
    if (!star || rest.empty()) return false;
    rest.remove_prefix(1);
    text = rest, pattern = after_star;
  }
  return true;
}

DataFiles read_data_files(Settings& data, const Key& key, const std::function<bool(const fs::path&)>& of_this_kind) {
  DataFiles all;
  for (const fs::path& path : read_paths(data, key))
    if (!path.empty()) add(path, of_this_kind, all);
  if (all.files.empty()) return all;
  std::vector<std::string> names;
  for (const fs::path& file : all.files) names.push_back(file.string());
  data.names_files(key, std::move(names));
  return all;
}

DataFiles read_data_files(Settings& data, const std::function<bool(const fs::path&)>& of_this_kind) {
  const Key file{"file", "the file to read"}, files{"files", "the files to read: one or a list, of files, patterns and folders"};
  const Key& key = data.has(file) ? file : files;
  require(data.has(key), "{}: expected the file or files to read", data.where(key));
  return read_data_files(data, key, of_this_kind);
}

std::string name_of_files(const std::vector<fs::path>& files) {
  return files.size() == 1 ? files[0].string() : fmt::format("{} files from {} on", files.size(), files.front().string());
}

}  // namespace ablate
