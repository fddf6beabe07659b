#include "base/scratch_file.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#ifdef _WIN32
#define NOMINMAX
#include <windows.h>
#else
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace ablate {

namespace fs = std::filesystem;

ScratchFile::~ScratchFile() {
  unmap();
#ifdef _WIN32
  if (valid()) CloseHandle(reinterpret_cast<HANDLE>(handle_));
#else
  if (valid()) ::close(static_cast<int>(handle_));
#endif
}

#ifdef _WIN32

ScratchFile::ScratchFile(const fs::path& folder) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  wchar_t name[MAX_PATH];
  if (!GetTempFileNameW(folder.c_str(), L"abl", 0, name)) return;
  const HANDLE file = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                  FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr);
  if (file != INVALID_HANDLE_VALUE) handle_ = reinterpret_cast<std::intptr_t>(file);
}

bool ScratchFile::append(std::span<const std::byte> bytes) {
  unmap();
  while (!bytes.empty()) {
    DWORD written = 0;
    const auto size = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), 1u << 30));
    if (!WriteFile(reinterpret_cast<HANDLE>(handle_), bytes.data(), size, &written, nullptr) || written == 0) return false;
    size_ += written;
    bytes = bytes.subspan(written);
  }
  return true;
}

std::span<const std::byte> ScratchFile::bytes() {
  if (!data_ && size_ > 0) {
    const HANDLE mapping = CreateFileMappingW(reinterpret_cast<HANDLE>(handle_), nullptr, PAGE_READONLY, 0, 0, nullptr);
    data_ = mapping ? static_cast<std::byte*>(MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, size_)) : nullptr;
    if (mapping) CloseHandle(mapping);
    mapped_ = data_ ? size_ : 0;
  }
  return {data_, mapped_};
}

void ScratchFile::unmap() {
  if (data_) UnmapViewOfFile(std::exchange(data_, nullptr));
}

#else

ScratchFile::ScratchFile(const fs::path& folder) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  std::string name = (folder / "scratch-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) return;
  ::unlink(name.c_str());
  handle_ = file;
}

bool ScratchFile::append(std::span<const std::byte> bytes) {
  unmap();
  while (!bytes.empty()) {
    const ssize_t written = ::write(static_cast<int>(handle_), bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (written <= 0) return false;
    size_ += static_cast<std::size_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

std::span<const std::byte> ScratchFile::bytes() {
  if (!data_ && size_ > 0) {
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, static_cast<int>(handle_), 0);
    data_ = data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
    mapped_ = data_ ? size_ : 0;
  }
  return {data_, mapped_};
}

void ScratchFile::unmap() {
  if (data_) ::munmap(std::exchange(data_, nullptr), mapped_);
}

#endif

}  // namespace ablate
