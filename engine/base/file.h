// Files: whole reads, memory maps, and writes that either happen completely or not at all.
#pragma once

#include "base/error.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace ablate {

/// A file is not there.
struct MissingFile : InputError {
  using InputError::InputError;
};

/// A file mapped read-only into memory for as long as the object lives. Throws InputError naming the path when it cannot be opened,
/// MissingFile when it is not there.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Lets the system take back the memory that holds these bytes of a mapped file; they are read again when they are needed.
void drop_pages(std::span<const std::byte> bytes);

/// The whole file as text. Throws as MappedFile.
std::string read_text(const std::filesystem::path& path);

/// A file that cannot be written: its name, and `reason`, the system's.
struct WriteError : RunError {
  WriteError(const std::filesystem::path& path, const char* what, const std::string& why)
      : RunError(fmt::format("{}: {} ({})", path.string(), what, why)), reason(why) {}
  std::string reason;
};

/// Writes to a temporary name beside `path`, flushes it to the disk, and renames it over `path`: a reader sees the old file or the new one.
/// Throws WriteError (a full disk, no permission); the temporary file is removed.
void write_atomically(const std::filesystem::path& path, std::string_view content);
void write_atomically(const std::filesystem::path& path, std::span<const std::byte> content);

/// The same for content that comes in pieces: nothing is at `path` before commit(), and without it nothing stays behind. Of several
/// processes (or threads) only one has such an object for a path at a time; the others wait in the constructor.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> piece);
  void commit();

 private:
  void close() noexcept;
  std::filesystem::path path_, temporary_;
  std::intptr_t handle_ = -1;
};

/// Makes a rename in `folder` survive a power cut. Throws WriteError.
void sync_folder(const std::filesystem::path& folder);

/// An exclusive lock on a folder (a file `.lock` in it), held for as long as the object lives and released by the system if the process
/// dies. Throws InputError naming the folder when another process holds it, WriteError when the file system cannot write or lock.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  /// Processes started from now on hold the lock too, until the last of them ends.
  void share_with_children();
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::intptr_t handle_ = -1;
};

/// 64-bit FNV-1a of a name: for streams of random numbers and for the notes beside committed SPIR-V, so it never changes. What stands for
/// contents is in base/hash.h.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0xcbf29ce484222325ull);

/// Where Ablate keeps what it can make again (pipelines, tuning choices, tokenized text): $ABLATE_CACHE, else $XDG_CACHE_HOME/ablate, else
/// ~/.cache/ablate.
std::filesystem::path cache_folder();

/// The folder of the running executable's source tree or installation that holds `experiments/` and `shaders/`; empty if there is none.
std::filesystem::path executable_folder();

}  // namespace ablate
