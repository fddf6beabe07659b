#include "base/cache.h"

#include "base/error.h"

#include <cstring>

namespace ablate {
namespace {

constexpr std::size_t hash_size = sizeof(std::uint64_t);

}  // namespace

std::optional<CacheFile::Content> CacheFile::read() const noexcept {
  try {
    if (!std::filesystem::is_regular_file(path_)) return std::nullopt;
    MappedFile file(path_);
    const std::span<const std::byte> all = file.bytes();
    if (all.size() < hash_size) return std::nullopt;
    std::uint64_t hash = 0;
    std::memcpy(&hash, all.last(hash_size).data(), hash_size);
    if (hash != hash_bytes(all.first(all.size() - hash_size))) return std::nullopt;
    return Content(std::move(file), all.size() - hash_size);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string CacheFile::keep(const std::function<bool(const Sink&)>& write) const {
  return try_to_cache(path_, [&] {
    AtomicFile out(path_);
    std::uint64_t hash = hash_bytes({});
    const bool changed = write([&](std::span<const std::byte> piece) {
      out.write(piece);
      hash = hash_bytes(piece, hash);
    });
    if (!changed) return;
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
