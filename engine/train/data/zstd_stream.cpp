// Files compressed by zstd: one frame or several after another (RFC 8878, by libzstd).
#include "train/data/byte_stream.h"

#include <zstd.h>

#include <vector>

namespace ablate {
namespace {

constexpr int largest_window = 31;  // as a power of two: zstd --ultra --long=31 writes it, and the reader needs as much memory

class ZstdStream : public ByteStream {
 public:
  ZstdStream(std::unique_ptr<ByteStream> packed, std::string where)
      : packed_(std::move(packed)), where_(std::move(where)), state_(ZSTD_createDStream(), ZSTD_freeDStream), input_(ZSTD_DStreamInSize()) {
    if (!state_ || ZSTD_isError(ZSTD_DCtx_setParameter(state_.get(), ZSTD_d_windowLogMax, largest_window)) != 0)
      throw RunError("zstd has no memory");
  }

  std::size_t read(std::span<char> out) override {
    ZSTD_outBuffer unpacked{out.data(), out.size(), 0};
    while (unpacked.pos == 0 && !out.empty()) {
      // Text that did not fit into the last `out` may be left where all of the input is used up.
      if (buffer_.pos == buffer_.size && !full_ && !more_input()) break;
      const std::size_t result = ZSTD_decompressStream(state_.get(), &unpacked, &buffer_);
      require(ZSTD_isError(result) == 0, "{}: is no zstd file, or a damaged one: {} after {} bytes of text", where_,
              ZSTD_getErrorName(result), unpacked_);
      within_ = result != 0;
      full_ = within_ && unpacked.pos == unpacked.size;
    }
    unpacked_ += unpacked.pos;
    return unpacked.pos;
  }

  std::uint64_t stored() const override { return packed_->stored() - (buffer_.size - buffer_.pos); }

 private:
  /// False at the end of the file, which must be the end of a frame too.
  bool more_input() {
    buffer_ = {input_.data(), packed_->read(input_), 0};
    began_ = began_ || buffer_.size > 0;
    require(buffer_.size > 0 || (began_ && !within_),
            "{}: the file ends before its zstd stream does, after {} bytes of text (was it cut short?)", where_, unpacked_);
    return buffer_.size > 0;
  }

  std::unique_ptr<ByteStream> packed_;
  std::string where_;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> state_;
  std::vector<char> input_;
  ZSTD_inBuffer buffer_{nullptr, 0, 0};
  bool began_ = false, within_ = false, full_ = false;
  std::uint64_t unpacked_ = 0;
};

const Compressions::Registration registration(".zst", [](std::unique_ptr<ByteStream> packed, const std::string& where) {
  return std::make_unique<ZstdStream>(std::move(packed), where);
});

}  // namespace
}  // namespace ablate
