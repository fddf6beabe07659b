// Files that Ablate can make again, below cache_folder(). Nothing that goes wrong with one of them ends a run.
#pragma once

#include "base/file.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace ablate {

/// One file of the cache. It ends with a hash of its content: one that was cut short or changed counts as missing.
class CacheFile {
 public:
  /// `name` is relative to cache_folder(): "tokens/0123.u16".
  explicit CacheFile(const std::filesystem::path& name) : path_(cache_folder() / name) {}

  class Content {
   public:
    std::span<const std::byte> bytes() const { return file_.bytes().first(size_); }

   private:
    friend class CacheFile;
    Content(MappedFile file, std::size_t size) : file_(std::move(file)), size_(size) {}
    MappedFile file_;
    std::size_t size_;
  };
  /// None when there is no such file, or it cannot be read, or it is not what keep() wrote.
  std::optional<Content> read() const noexcept;

  using Sink = std::function<void(std::span<const std::byte> piece)>;
  /// Replaces the file by the pieces that `write` hands to its sink; nothing changes if it returns false. Only one process or thread at a
  /// time is in here for one file, the others wait. Returns "", or why nothing could be kept: one line for the user, the same for all files
  /// of the folder. Throws only what `write` throws of its own.
  std::string keep(const std::function<bool(const Sink& sink)>& write) const;

 private:
  std::filesystem::path path_;
};

/// Does `write`, which makes a file below cache_folder() (its folder is made before). Returns what CacheFile::keep returns.
std::string try_to_cache(const std::filesystem::path& file, const std::function<void()>& write);

}  // namespace ablate
