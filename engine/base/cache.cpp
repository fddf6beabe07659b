#include "base/cache.h"

#include "base/error.h"
#include "base/file_hash.h"
#include "base/hash.h"

#include <cstring>
#include <map>
#include <mutex>

namespace ablate {
namespace {

constexpr std::size_t hash_size = sizeof(std::uint64_t);

/// Files that were found whole, as they were then: the tokens of a corpus are read for that once in a process.
class FoundWhole {
 public:
  bool contains(const std::filesystem::path& path, const FileState& state) {
    const std::scoped_lock lock(mutex_);
    const auto at = states_.find(path);
    return at != states_.end() && at->second == state;
  }
  void add(const std::filesystem::path& path, const FileState& state) {
    const std::scoped_lock lock(mutex_);
    if (state.settled()) states_[path] = state;
  }

 private:
  std::mutex mutex_;
  std::map<std::filesystem::path, FileState> states_;
};

FoundWhole& found_whole() {
  static FoundWhole all;
  return all;
}

bool is_whole(const std::filesystem::path& path, std::span<const std::byte> all) {
  const std::optional<FileState> state = FileState::of(path);
  if (!state || all.size() < hash_size) return false;
  if (found_whole().contains(path, *state)) return true;
  std::uint64_t hash = 0;
  std::memcpy(&hash, all.last(hash_size).data(), hash_size);
  if (hash != hash_bytes(all.first(all.size() - hash_size))) return false;
  found_whole().add(path, *state);
  return true;
}

}  // namespace

std::optional<CacheFile::Content> CacheFile::read() const noexcept {
  try {
    if (!std::filesystem::is_regular_file(path_)) return std::nullopt;
    MappedFile file(path_);
    if (!is_whole(path_, file.bytes())) return std::nullopt;
    const std::size_t size = file.bytes().size() - hash_size;
    return Content(std::move(file), size);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string CacheFile::keep(const std::function<bool(const Sink&)>& write) const {
  return try_to_cache(path_, [&] {
    AtomicFile out(path_);
    Hasher hasher;
    const bool changed = write([&](std::span<const std::byte> piece) {
      out.write(piece);
      hasher.add(piece);
    });
    if (!changed) return;
    const std::uint64_t hash = hasher.number();
    out.write(std::as_bytes(std::span(&hash, 1)));
    out.commit();
  });
}

std::string try_to_cache(const std::filesystem::path& file, const std::function<void()>& write) {
  std::string reason;
  try {
    std::filesystem::create_directories(file.parent_path());
    write();
    return "";
  } catch (const WriteError& error) {
    reason = error.reason;
  } catch (const std::filesystem::filesystem_error& error) {
    reason = error.code().message();
  }
  return fmt::format("nothing can be kept in the cache folder {} ({}): it is made again every time; ABLATE_CACHE=FOLDER names another",
                     cache_folder().string(), reason);
}

}  // namespace ablate
