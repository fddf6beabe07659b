// Everything here that differs between systems; the only file with system headers for files.
#include "base/file.h"

#include "base/system_file.h"

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

namespace system_file {

static HANDLE native(Handle file) { return reinterpret_cast<HANDLE>(file); }
static Handle portable(HANDLE file) { return file == INVALID_HANDLE_VALUE ? none : reinterpret_cast<Handle>(file); }

Handle open_nameless(const fs::path& folder) {
  wchar_t name[MAX_PATH];
  if (!GetTempFileNameW(folder.c_str(), L"abl", 0, name)) return none;
  return portable(CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr));
}

std::string open_to_append(const fs::path& path, Handle& file) {
  file = portable(CreateFileW(path.c_str(), FILE_APPEND_DATA | SYNCHRONIZE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, nullptr));
  return file != none ? "" : std::system_category().message(static_cast<int>(GetLastError()));
}

std::string flush(Handle file) { return FlushFileBuffers(native(file)) ? "" : "is the disk full?"; }

std::string write_all(Handle file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    DWORD written = 0;
    const auto size = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), 1u << 30));
    if (!WriteFile(native(file), bytes.data(), size, &written, nullptr) || written == 0) return "is the disk full?";
    bytes = bytes.subspan(written);
  }
  return "";
}

const std::byte* map(Handle file, std::size_t size) {
  const HANDLE mapping = CreateFileMappingW(native(file), nullptr, PAGE_READONLY, 0, 0, nullptr);
  const void* data = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, size) : nullptr;
  if (mapping) CloseHandle(mapping);
  return static_cast<const std::byte*>(data);
}

void unmap(const std::byte* data, std::size_t) { UnmapViewOfFile(data); }
void close(Handle file) { CloseHandle(native(file)); }

}  // namespace system_file

MappedFile::MappedFile(const fs::path& path) {
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) {
    const DWORD error = GetLastError();
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
      throw MissingFile(fmt::format("{}: cannot be opened", path.string()));
    bad_input("{}: cannot be opened", path.string());
  }
  LARGE_INTEGER size{};
  GetFileSizeEx(file, &size);
  size_ = static_cast<std::size_t>(size.QuadPart);
  if (size_ > 0) data_ = system_file::map(system_file::portable(file), size_);
  CloseHandle(file);
  require(size_ == 0 || data_, "{}: cannot be mapped into memory", path.string());
}

void drop_pages(std::span<const std::byte>) {}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += ".partial";
  HANDLE file = INVALID_HANDLE_VALUE;
  do file = CreateFileW(temporary_.c_str(), GENERIC_WRITE, FILE_SHARE_DELETE, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  while (file == INVALID_HANDLE_VALUE && GetLastError() == ERROR_SHARING_VIOLATION && (Sleep(1), true));
  if (file == INVALID_HANDLE_VALUE)
    throw WriteError(temporary_, "cannot be written", std::system_category().message(static_cast<int>(GetLastError())));
  handle_ = reinterpret_cast<std::intptr_t>(file);
}

static void flush(std::intptr_t handle, const fs::path& path) {
  if (!FlushFileBuffers(reinterpret_cast<HANDLE>(handle))) throw WriteError(path, "writing failed", "is the disk full?");
}

void sync_folder(const fs::path&) {}

FolderLock::FolderLock(const fs::path& folder) {
  const HANDLE file = CreateFileW((folder / ".lock").c_str(), GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  require(file != INVALID_HANDLE_VALUE, "{}: another run is writing to this folder", folder.string());
  handle_ = reinterpret_cast<std::intptr_t>(file);
}

void FolderLock::share_with_children() {}

FolderLock::~FolderLock() {
  if (handle_ != -1) CloseHandle(reinterpret_cast<HANDLE>(handle_));
}

fs::path executable_folder() {
  std::wstring name(32768, L'\0');
  name.resize(GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size())));
  return fs::path(name).parent_path();
}

#else

namespace system_file {

Handle open_nameless(const fs::path& folder) {
  std::string name = (folder / "scratch-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) return none;
  ::fcntl(file, F_SETFD, FD_CLOEXEC);
  ::unlink(name.c_str());
  return file;
}

std::string open_to_append(const fs::path& path, Handle& file) {
  const int opened = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (opened < 0) return std::strerror(errno);
  if (::flock(opened, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(opened);
    return error == EWOULDBLOCK ? "another process is writing it" : std::strerror(error);
  }
  file = opened;
  return "";
}

std::string flush(Handle file) { return ::fsync(static_cast<int>(file)) == 0 || errno == EINVAL ? "" : std::strerror(errno); }

std::string write_all(Handle file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(static_cast<int>(file), bytes.data(), bytes.size());
    if (written >= 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
    else if (errno != EINTR) return std::strerror(errno);  // a signal is no full disk
  }
  return "";
}

const std::byte* map(Handle file, std::size_t size) {
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, static_cast<int>(file), 0);
  return data == MAP_FAILED ? nullptr : static_cast<const std::byte*>(data);
}

void unmap(const std::byte* data, std::size_t size) { ::munmap(const_cast<std::byte*>(data), size); }
void close(Handle file) { ::close(static_cast<int>(file)); }

}  // namespace system_file

// Why a name cannot be opened: a link whose target is gone is told apart from a name that is not there.
[[noreturn]] static void refuse_to_open(const fs::path& path, int error) {
  std::error_code none;
  if (error == ENOENT && fs::is_symlink(fs::symlink_status(path, none)))
    bad_input("{}: is a link to {}, which is not there", path.string(), fs::read_symlink(path, none).string());
  if (error == ENOENT || error == ENOTDIR) throw MissingFile(fmt::format("{}: cannot be opened ({})", path.string(), std::strerror(error)));
  bad_input("{}: cannot be opened ({})", path.string(), std::strerror(error));
}

static const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder, not a file";
  if (S_ISFIFO(mode)) return "a pipe, not a regular file: files are mapped into memory";
  return "not a regular file";
}

// Without O_NONBLOCK a pipe that nobody writes to would be waited for.
MappedFile::MappedFile(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) refuse_to_open(path, errno);
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  size_ = regular ? static_cast<std::size_t>(status.st_size) : 0;
  if (size_ > 0) data_ = system_file::map(file, size_);
  const int error = errno;
  ::close(file);
  require(regular, "{}: is {}", path.string(), kind_of(status.st_mode));
  require(size_ == 0 || data_, "{}: cannot be mapped into memory ({})", path.string(), std::strerror(error));
}

// Only whole pages: the neighbours' bytes on the first and the last one may still be wanted.
void drop_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)), first = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t begin = (first + page - 1) / page * page, end = (first + bytes.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

// Whether `file`, opened by this name, still has it: whoever held the lock before may have renamed or removed it.
static bool has_name(int file, const fs::path& name) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(file, &opened) == 0 && ::stat(name.c_str(), &named) == 0 && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

[[noreturn]] static void fail_to_write(const fs::path& name, int file) {
  const int error = errno;
  if (file >= 0) ::close(file);
  throw WriteError(name, "cannot be written", std::strerror(error));
}

// A locked file rather than a name of one's own: names that nobody uses again would stay behind when a process is killed.
static int open_alone(const fs::path& name) {
  for (;;) {
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) fail_to_write(name, file);
    while (::flock(file, LOCK_EX) != 0)
      if (errno != EINTR) fail_to_write(name, file);
    if (has_name(file, name)) {
      if (::ftruncate(file, 0) != 0) fail_to_write(name, file);
      return file;
    }
    ::close(file);
  }
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += ".partial";
  handle_ = open_alone(temporary_);
}

static void flush(std::intptr_t handle, const fs::path& path) {
  if (::fsync(static_cast<int>(handle)) != 0 && errno != EINVAL) throw WriteError(path, "writing failed", std::strerror(errno));
}

void sync_folder(const fs::path& folder) {
  const int file = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) throw WriteError(folder, "cannot be opened", std::strerror(errno));
  const int result = ::fsync(file);
  const int error = errno;
  ::close(file);
  if (result != 0 && error != EINVAL) throw WriteError(folder, "cannot be flushed", std::strerror(error));
}

FolderLock::FolderLock(const fs::path& folder) {
  const fs::path name = folder / ".lock";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) fail_to_write(name, file);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail_to_write(name, file);
    ::close(file);
    bad_input("{}: another run is writing to this folder", folder.string());
  }
  handle_ = file;
}

void FolderLock::share_with_children() { ::fcntl(static_cast<int>(handle_), F_SETFD, 0); }

FolderLock::~FolderLock() {
  if (handle_ != -1) ::close(static_cast<int>(handle_));
}

fs::path executable_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
}

#endif

MappedFile::~MappedFile() {
  if (data_) system_file::unmap(data_, size_);
}

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

void AtomicFile::write(std::span<const std::byte> piece) {
  const std::string trouble = system_file::write_all(handle_, piece);
  if (!trouble.empty()) throw WriteError(path_, "writing failed", trouble);
}

void AtomicFile::close() noexcept {
  if (handle_ != system_file::none) system_file::close(std::exchange(handle_, system_file::none));
}

// The name goes before the handle, and with it the lock: what has the name afterwards is somebody else's.
AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
  close();
}

void AtomicFile::commit() {
  flush(handle_, path_);
  std::error_code error;
  fs::rename(temporary_, path_, error);
  if (error) throw WriteError(path_, "cannot be replaced", error.message());
  temporary_.clear();
  close();
  sync_folder(path_.parent_path());
}

void write_atomically(const fs::path& path, std::span<const std::byte> content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void write_atomically(const fs::path& path, std::string_view content) {
  write_atomically(path, std::as_bytes(std::span(content.data(), content.size())));
}

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return seed;
}

fs::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value ? value : "");
  };
  if (const fs::path own = variable("ABLATE_CACHE"); !own.empty()) return own;
  if (const fs::path xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "ablate";
  if (const fs::path home = variable("HOME"); !home.empty()) return home / ".cache" / "ablate";
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  return (error ? fs::path("/tmp") : temporary) / "ablate-cache";
}

}  // namespace ablate
