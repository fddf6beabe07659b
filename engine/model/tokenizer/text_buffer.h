// Text that is put together from parts and then read as one, however long: what does not fit into memory goes to a scratch file.
#pragma once

#include "base/scratch_file.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace ablate {

class TextBuffer {
 public:
  /// Without a folder, or where nothing can be written there, all of it stays in memory.
  TextBuffer(std::filesystem::path scratch_folder, std::size_t greatest_in_memory)
      : folder_(std::move(scratch_folder)), greatest_in_memory_(greatest_in_memory) {}

  void append(std::string_view text);

  /// All of it, until the next append().
  std::string_view text();

 private:
  void spill(std::string_view text);
  void take_back();

  std::filesystem::path folder_;
  std::size_t greatest_in_memory_;
  std::string memory_;
  std::unique_ptr<ScratchFile> file_;
};

}  // namespace ablate
