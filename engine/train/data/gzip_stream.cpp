// Files compressed by gzip: one stream or several after another (RFC 1952, by zlib).
#include "train/data/byte_stream.h"

#include <zlib.h>

#include <vector>

namespace ablate {
namespace {

class GzipStream : public ByteStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> packed, std::string where)
      : packed_(std::move(packed)), where_(std::move(where)), input_(1 << 18) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&state_, gzip_only + MAX_WBITS) != Z_OK) throw RunError("zlib has no memory");
  }
  ~GzipStream() override { inflateEnd(&state_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  std::size_t read(std::span<char> out) override {
    out = out.first(std::min<std::size_t>(out.size(), 1u << 30));
    state_.next_out = reinterpret_cast<Bytef*>(out.data());
    state_.avail_out = static_cast<uInt>(out.size());
    while (state_.avail_out == out.size() && !out.empty()) {
      if (state_.avail_in == 0 && !more_input()) break;
      if (between_ && !next_member()) break;
      step();
    }
    const std::size_t count = out.size() - state_.avail_out;
    unpacked_ += count;
    return count;
  }

  std::uint64_t stored() const override { return packed_->stored() - state_.avail_in; }

 private:
  /// False at the end of the file, which must be the end of a member too.
  bool more_input() {
    const std::size_t count = packed_->read(input_);
    state_.next_in = reinterpret_cast<Bytef*>(input_.data());
    state_.avail_in = static_cast<uInt>(count);
    require(count > 0 || (between_ && members_ > 0),
            "{}: the file ends before its gzip stream does, after {} bytes of text (was it cut short?)", where_, unpacked_);
    return count > 0;
  }

  /// Zeros may fill up a file behind its last member, and nothing else.
  bool next_member() {
    while (state_.avail_in > 0 && members_ > 0 && *state_.next_in == 0) ++state_.next_in, --state_.avail_in;
    if (state_.avail_in == 0) return more_input() && next_member();
    if (inflateReset(&state_) != Z_OK) throw RunError("zlib cannot go on");
    between_ = false;
    return true;
  }

  void step() {
    const int result = inflate(&state_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) between_ = true, ++members_;
    else
      require(result == Z_OK || result == Z_BUF_ERROR, "{}: is no gzip file, or a damaged one: {} after {} bytes of text", where_,
              state_.msg ? state_.msg : "unreadable", unpacked_);
  }

  std::unique_ptr<ByteStream> packed_;
  std::string where_;
  std::vector<char> input_;
  z_stream state_{};
  bool between_ = true;  // no member is being read
  std::uint64_t members_ = 0, unpacked_ = 0;
};

const Compressions::Registration registration(".gz", [](std::unique_ptr<ByteStream> packed, const std::string& where) {
  return std::make_unique<GzipStream>(std::move(packed), where);
});

}  // namespace
}  // namespace ablate
