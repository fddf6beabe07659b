// What files hold, in a hash: the same wherever the file lies and whatever it is called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace ablate {

/// By which a file that was read once in a process is known again.
struct FileState {
  std::uintmax_t size = 0;
  std::filesystem::file_time_type changed;
  bool operator==(const FileState&) const = default;

  /// None where there is no such file.
  static std::optional<FileState> of(const std::filesystem::path& path);
  /// Whether the file has been left alone for a while: one that is being written may change again within a tick of the clock that times it.
  bool settled() const;
};

/// The hash of a file's bytes; of a folder, that of the names and bytes of its .json and .safetensors files (a checkpoint with its
/// tokenizer). A file is read once in a process as long as its path, size and time of change stay what they were; one of a GiB and more is
/// read once for all processes that share a cache folder. Throws InputError naming the path when it cannot be read.
std::string content_hash(const std::filesystem::path& path);

/// The same where nothing has to be read for it.
std::optional<std::string> known_content_hash(const std::filesystem::path& path);

}  // namespace ablate
