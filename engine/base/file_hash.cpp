#include "base/file_hash.h"

#include "base/cache.h"
#include "base/file.h"
#include "base/hash.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
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

/// The hash of a file that takes long to read, kept in the cache folder for other processes.
class KeptHash {
 public:
  KeptHash(const fs::path& whole, const FileState& state)
      : file_(fs::path("hashes") / name_of(whole)), state_(fmt::format("{} {} ", state.size, state.changed.time_since_epoch().count())) {}

  static bool wanted(const FileState& state) { return state.size >= (std::uintmax_t{1} << 30) && state.settled(); }

  std::optional<std::string> read() const {
    const auto kept = file_.read();
    if (!kept) return std::nullopt;
    const std::string text(reinterpret_cast<const char*>(kept->bytes().data()), kept->bytes().size());
    return text.starts_with(state_) ? std::optional(text.substr(state_.size())) : std::nullopt;
  }
  void keep(const std::string& hash) const {
    const std::string text = state_ + hash;
    file_.keep([&](const CacheFile::Sink& sink) { return sink(std::as_bytes(std::span(text))), true; });
  }

 private:
  static std::string name_of(const fs::path& whole) { return Hasher().add(std::string_view(whole.string())).hex(); }

  CacheFile file_;
  std::string state_;
};

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
  std::optional<KeptHash> kept;
  if (state && KeptHash::wanted(*state)) kept.emplace(whole, *state);
  std::optional<std::string> hash = kept ? kept->read() : std::nullopt;
  if (!hash) {
    hash = read_hash(path);
    if (kept && FileState::of(whole) == state) kept->keep(*hash);
  }
  if (state) known().keep(whole, *state, *hash);
  return *hash;
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
