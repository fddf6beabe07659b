#include "train/data/byte_stream.h"

#include "base/file.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ablate {
namespace {

/// A file as it is stored. What was read of the mapped file is let go again.
class StoredBytes : public ByteStream {
 public:
  explicit StoredBytes(const std::filesystem::path& file) : file_(file), name_(file.string()) {}

  std::size_t read(std::span<char> out) override {
    const std::size_t count = std::min(out.size(), file_.bytes().size() - at_);
    if (count > 0) std::memcpy(out.data(), file_.bytes().data() + at_, count);
    at_ += count;
    if (at_ - dropped_ >= drop_every) drop_pages(file_.bytes().subspan(std::exchange(dropped_, at_), at_ - dropped_));
    return count;
  }

  void skip(std::uint64_t bytes) override {
    require(bytes <= file_.bytes().size() - at_, "{}: ends after {} bytes, where more were read before", name_, file_.bytes().size());
    at_ += static_cast<std::size_t>(bytes);
    dropped_ = at_;
  }

  std::uint64_t stored() const override { return at_; }

 private:
  static constexpr std::size_t drop_every = 16 << 20;

  MappedFile file_;
  std::string name_;
  std::size_t at_ = 0, dropped_ = 0;
};

}  // namespace

void ByteStream::skip(std::uint64_t bytes) {
  std::string ignored(std::min<std::uint64_t>(bytes, 1 << 20), '\0');
  while (bytes > 0) {
    const std::size_t count = read(std::span(ignored).first(std::min<std::uint64_t>(bytes, ignored.size())));
    require(count > 0, "the data end where more were read before");
    bytes -= count;
  }
}

std::size_t ByteStream::fill(std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t count = read(out.subspan(done));
    if (count == 0) break;
    done += count;
  }
  return done;
}

bool is_compressed(const std::filesystem::path& file) { return Compressions::has(file.extension().string()); }

std::filesystem::path unpacked_name(const std::filesystem::path& file) {
  return is_compressed(file) ? std::filesystem::path(file).replace_extension() : file;
}

std::unique_ptr<ByteStream> open_stream(const std::filesystem::path& file) {
  auto stored = std::make_unique<StoredBytes>(file);
  if (!is_compressed(file)) return stored;
  return Compressions::find("compression", file.extension().string())(std::move(stored), file.string());
}

}  // namespace ablate
