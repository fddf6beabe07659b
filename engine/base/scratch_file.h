// A file without a name, for what is too long for memory and needed for a moment only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace ablate {

/// Grows at its end and is read back as memory. The system takes it back when the object or the process ends, whichever way.
class ScratchFile {
 public:
  /// In `folder`. valid() says whether that worked.
  explicit ScratchFile(const std::filesystem::path& folder);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  bool valid() const { return handle_ != -1; }

  /// False when the system does not take it all (a full disk): what was appended before stays. Nothing can be appended thereafter.
  bool append(std::span<const std::byte> bytes);

  /// All of it, until the next append(). Empty if it cannot be mapped.
  std::span<const std::byte> bytes();

 private:
  void unmap();

  std::intptr_t handle_ = -1;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0, mapped_ = 0;
};

}  // namespace ablate
