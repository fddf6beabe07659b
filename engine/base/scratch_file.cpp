#include "base/scratch_file.h"

#include "base/system_file.h"

#include <system_error>
#include <utility>

namespace ablate {

ScratchFile::ScratchFile(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  handle_ = system_file::open_nameless(folder);
}

ScratchFile::~ScratchFile() {
  unmap();
  if (valid()) system_file::close(handle_);
}

bool ScratchFile::append(std::span<const std::byte> bytes) {
  unmap();
  if (!system_file::write_all(handle_, bytes).empty()) return false;
  size_ += bytes.size();
  return true;
}

std::span<const std::byte> ScratchFile::bytes() {
  if (!data_ && size_ > 0) {
    data_ = system_file::map(handle_, size_);
    mapped_ = data_ ? size_ : 0;
  }
  return {data_, mapped_};
}

void ScratchFile::unmap() {
  if (data_) system_file::unmap(std::exchange(data_, nullptr), std::exchange(mapped_, 0));
}

}  // namespace ablate
