// Everything here that differs between systems; the only file with system headers for files.
#include "base/file.h"

#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#ifdef _WIN32
#define NOMINMAX
#include <io.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace ablate {
namespace fs = std::filesystem;

#ifdef _WIN32

MappedFile::MappedFile(const fs::path& path) {
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  require(file != INVALID_HANDLE_VALUE, "{}: cannot be opened", path.string());
  LARGE_INTEGER size{};
  GetFileSizeEx(file, &size);
  size_ = static_cast<std::size_t>(size.QuadPart);
  if (size_ > 0) {
    const HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
    data_ = mapping ? static_cast<const std::byte*>(MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0)) : nullptr;
    if (mapping) CloseHandle(mapping);
  }
  CloseHandle(file);
  require(size_ == 0 || data_, "{}: cannot be mapped into memory", path.string());
}

MappedFile::~MappedFile() {
  if (data_) UnmapViewOfFile(data_);
}

static void write_bytes(const fs::path& path, std::span<const std::byte> content) {
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) throw RunError(fmt::format("{}: cannot be written", path.string()));
  bool good = true;
  for (std::size_t done = 0; good && done < content.size();) {
    DWORD written = 0;
    const auto piece = static_cast<DWORD>(std::min<std::size_t>(content.size() - done, 1u << 30));
    good = WriteFile(file, content.data() + done, piece, &written, nullptr) && written > 0;
    done += written;
  }
  good = FlushFileBuffers(file) && good;
  CloseHandle(file);
  if (!good) throw RunError(fmt::format("{}: writing failed (is the disk full?)", path.string()));
}

void sync_folder(const fs::path&) {}

FolderLock::FolderLock(const fs::path& folder) {
  const HANDLE file = CreateFileW((folder / ".lock").c_str(), GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  require(file != INVALID_HANDLE_VALUE, "{}: another run is writing to this folder", folder.string());
  handle_ = reinterpret_cast<std::intptr_t>(file);
}

FolderLock::~FolderLock() {
  if (handle_ != -1) CloseHandle(reinterpret_cast<HANDLE>(handle_));
}

fs::path executable_folder() {
  std::wstring name(32768, L'\0');
  name.resize(GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size())));
  return fs::path(name).parent_path();
}

#else

MappedFile::MappedFile(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(file >= 0, "{}: cannot be opened ({})", path.string(), std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  size_ = regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* data = size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
  ::close(file);
  require(regular, "{}: not a regular file", path.string());
  require(data != MAP_FAILED, "{}: cannot be mapped into memory ({})", path.string(), std::strerror(errno));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

static void write_bytes(const fs::path& path, std::span<const std::byte> content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) throw RunError(fmt::format("{}: cannot be written ({})", path.string(), std::strerror(errno)));
  int error = 0;
  for (std::size_t done = 0; error == 0 && done < content.size();) {
    const ssize_t written = ::write(file, content.data() + done, content.size() - done);
    if (written >= 0) done += static_cast<std::size_t>(written);
    else if (errno != EINTR) error = errno;
  }
  if (error == 0 && ::fsync(file) != 0 && errno != EINVAL) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) {
    ::unlink(path.c_str());
    throw RunError(fmt::format("{}: writing failed ({})", path.string(), std::strerror(error)));
  }
}

void sync_folder(const fs::path& folder) {
  const int file = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) throw RunError(fmt::format("{}: cannot be opened ({})", folder.string(), std::strerror(errno)));
  const int result = ::fsync(file);
  const int error = errno;
  ::close(file);
  if (result != 0 && error != EINVAL) throw RunError(fmt::format("{}: cannot be flushed ({})", folder.string(), std::strerror(error)));
}

FolderLock::FolderLock(const fs::path& folder) {
  const fs::path name = folder / ".lock";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) throw RunError(fmt::format("{}: cannot be written ({})", name.string(), std::strerror(errno)));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    ::close(file);
    bad_input("{}: another run is writing to this folder", folder.string());
  }
  handle_ = file;
}

FolderLock::~FolderLock() {
  if (handle_ != -1) ::close(static_cast<int>(handle_));
}

fs::path executable_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
}

#endif

MappedFile::MappedFile(MappedFile&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}

std::string read_text(const fs::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

void write_atomically(const fs::path& path, std::span<const std::byte> content) {
  fs::path temporary = path;
  temporary += ".partial";
  write_bytes(temporary, content);
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) {
    fs::remove(temporary, error);
    throw RunError(fmt::format("{}: cannot be replaced ({})", path.string(), error.message()));
  }
  sync_folder(path.parent_path());
}

void write_atomically(const fs::path& path, std::string_view content) {
  write_atomically(path, std::as_bytes(std::span(content.data(), content.size())));
}

std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed) {
  for (const std::byte b : bytes) seed = (seed ^ static_cast<std::uint64_t>(b)) * 0x100000001b3ull;
  return seed;
}

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  return hash_bytes(std::as_bytes(std::span(text.data(), text.size())), seed);
}

fs::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value ? value : "");
  };
  if (const fs::path own = variable("ABLATE_CACHE"); !own.empty()) return own;
  if (const fs::path xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "ablate";
  if (const fs::path home = variable("HOME"); !home.empty()) return home / ".cache" / "ablate";
  return fs::temp_directory_path() / "ablate-cache";
}

}  // namespace ablate
