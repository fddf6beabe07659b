#include "base/file_hash.h"

#include "base/file.h"
#include "base/hash.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <vector>

namespace ablate {
namespace fs = std::filesystem;
namespace {

/// Hashes by path. A memory of what was read, which never changes what comes out.
class Known {
 public:
  struct Entry {
    FileState state;
    std::string hash;
    bool settled = false;  ///< when it was read
  };
  std::optional<Entry> find(const fs::path& path, const FileState& state) {
    const std::scoped_lock lock(mutex_);
    const auto at = entries_.find(path);
    return at != entries_.end() && at->second.state == state ? std::optional(at->second) : std::nullopt;
  }
  void keep(const fs::path& path, const FileState& state, const std::string& hash) {
    const std::scoped_lock lock(mutex_);
    entries_[path] = {state, hash, state.settled()};
  }

 private:
  std::mutex mutex_;
  std::map<fs::path, Entry> entries_;
};

Known& known() {
  static Known all;
  return all;
}

fs::path full(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::canonical(path, error);
  return error ? path : whole;
}

// In pieces, whose memory the system may have back: a checkpoint may be larger than all there is.
std::string read_hash(const fs::path& path) {
  constexpr std::size_t piece = 64u << 20;
  const MappedFile file(path);
  Hasher hasher;
  for (auto rest = file.bytes(); !rest.empty();) {
    const auto part = rest.first(std::min(piece, rest.size()));
    hasher.add(part);
    drop_pages(part);
    rest = rest.subspan(part.size());
  }
  return hasher.hex();
}

// What of a folder is read: optimizer.safetensors stands beside a trained model and is no part of it.
std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path name = entry.path().filename(), kind = name.extension();
    if ((kind == ".json" || kind == ".safetensors") && name != "optimizer.safetensors" && entry.is_regular_file(error))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

template <class HashOfOne>
std::optional<std::string> hash_of_folder(const fs::path& folder, const HashOfOne& hash_of_one) {
  Hasher hasher;
  for (const fs::path& file : files_of(folder)) {
    const std::optional<std::string> content = hash_of_one(file);
    if (!content) return std::nullopt;
    hasher.add(file.filename().string()).add(*content);
  }
  return hasher.hex();
}

std::string hash_of_one(const fs::path& path) {
  const fs::path whole = full(path);
  const std::optional<FileState> state = FileState::of(whole);
  if (state)
    if (const auto entry = known().find(whole, *state); entry && entry->settled) return entry->hash;
  std::string hash = read_hash(path);
  if (state) known().keep(whole, *state, hash);
  return hash;
}

std::optional<std::string> known_hash_of_one(const fs::path& path) {
  const fs::path whole = full(path);
  const std::optional<FileState> state = FileState::of(whole);
  const auto entry = state ? known().find(whole, *state) : std::nullopt;
  return entry ? std::optional(entry->hash) : std::nullopt;
}

}  // namespace

std::optional<FileState> FileState::of(const fs::path& path) {
  std::error_code error;
  FileState state;
  state.size = fs::file_size(path, error);
  if (!error) state.changed = fs::last_write_time(path, error);
  return error ? std::nullopt : std::optional(state);
}

bool FileState::settled() const { return fs::file_time_type::clock::now() - changed > std::chrono::seconds(2); }

std::string content_hash(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? hash_of_folder(path, [](const fs::path& file) { return std::optional(hash_of_one(file)); }).value()
                                       : hash_of_one(path);
}

std::optional<std::string> known_content_hash(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? hash_of_folder(path, known_hash_of_one) : known_hash_of_one(path);
}

}  // namespace ablate
