#include "fetch/download.h"

#include "base/error.h"
#include "base/file.h"
#include "base/system_file.h"
#include "fetch/digest.h"
#include "fetch/fetch_error.h"

namespace ablate {
namespace fs = std::filesystem;
namespace {

/// A file that grows at its end. Only one process at a time has it.
class GrowingFile {
 public:
  explicit GrowingFile(fs::path path) : path_(std::move(path)) {
    if (const std::string trouble = system_file::open_to_append(path_, handle_); !trouble.empty())
      throw WriteError(path_, "cannot be written", trouble);
    std::error_code error;
    size_ = fs::file_size(path_, error);
    if (error) throw WriteError(path_, "cannot be read", error.message());
  }
  ~GrowingFile() { system_file::close(handle_); }
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  std::uint64_t size() const { return size_; }
  void append(std::span<const std::byte> piece) {
    if (const std::string trouble = system_file::write_all(handle_, piece); !trouble.empty())
      throw WriteError(path_, "writing failed", trouble);
    size_ += piece.size();
  }
  void empty() {
    std::error_code error;
    fs::resize_file(path_, 0, error);
    if (error) throw WriteError(path_, "cannot be written", error.message());
    size_ = 0;
  }
  void flush() {
    if (const std::string trouble = system_file::flush(handle_); !trouble.empty()) throw WriteError(path_, "writing failed", trouble);
  }

 private:
  fs::path path_;
  system_file::Handle handle_ = system_file::none;
  std::uint64_t size_ = 0;
};

/// Asks for what is missing of the file, once.
HttpAnswer go_on(Hub& hub, const std::string& url, GrowingFile& part, DownloadProgress& progress) {
  return hub.http().bytes(
      url, part.size(),
      [&](bool from_first) {
        if (!from_first && part.size() > 0) part.empty();
      },
      [&](std::span<const std::byte> piece) {
        part.append(piece);
        progress.reach(part.size());
      });
}

void fill(Hub& hub, const std::string& url, const HubFile& file, GrowingFile& part, DownloadProgress& progress) {
  constexpr int most_tries = 4;
  if (part.size() > file.size) part.empty();
  for (int tries = 1; part.size() < file.size; ++tries) {
    const std::uint64_t before = part.size();
    const HttpAnswer answer = go_on(hub, url, part, progress);
    const bool ok = answer.status == 200 || answer.status == 206;
    if (answer.status != 0 && !ok) hub.refuse(answer, file.name);
    if (part.size() >= file.size || (tries < most_tries && part.size() > before)) continue;
    cannot_fetch("{}: ended after {} of {} bytes ({}): the same command goes on from there", url, part.size(), file.size,
                 answer.trouble.empty() ? "the server sent no more" : answer.trouble);
  }
}

}  // namespace

fs::path incomplete_of(const fs::path& blob) {
  fs::path part = blob;
  return part += ".incomplete";
}

void download(Hub& hub, const HubRevision& revision, const HubFile& file, const fs::path& blob, DownloadProgress& progress) {
  const std::string url = hub.url(revision, file.name);
  const fs::path part = incomplete_of(blob);
  GrowingFile growing(part);
  progress.start(file.name, growing.size(), file.size);
  fill(hub, url, file, growing, progress);
  growing.flush();
  std::string wrong =
      growing.size() == file.size ? check_digest(part, file.etag) : fmt::format("{} bytes, expected {}", growing.size(), file.size);
  if (!wrong.empty()) {
    growing.empty();
    fs::remove(part);
    cannot_fetch("{}: what arrived is damaged ({}) and was removed", url, wrong);
  }
  fs::rename(part, blob);
  sync_folder(blob.parent_path());
  progress.finish();
}

}  // namespace ablate
