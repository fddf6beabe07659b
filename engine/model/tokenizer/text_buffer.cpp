#include "model/tokenizer/text_buffer.h"

#include "base/error.h"

#include <span>

namespace ablate {

void TextBuffer::append(std::string_view text) {
  if (!file_ && !folder_.empty() && memory_.size() + text.size() > greatest_in_memory_) {
    file_ = std::make_unique<ScratchFile>(folder_);
    if (!file_->valid()) take_back();
    spill(std::exchange(memory_, {}));
  }
  spill(text);
}

void TextBuffer::spill(std::string_view text) {
  if (file_) {
    const std::size_t before = file_->bytes().size();
    if (file_->append(std::as_bytes(std::span(text)))) return;
    const std::string_view written(reinterpret_cast<const char*>(file_->bytes().data()), before);
    memory_ = written;
    take_back();
  }
  memory_ += text;
}

void TextBuffer::take_back() {
  file_.reset();
  folder_.clear();
}

std::string_view TextBuffer::text() {
  if (!file_) return memory_;
  const std::span<const std::byte> bytes = file_->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ablate
