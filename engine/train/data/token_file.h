// Flat files of token ids: little-endian uint16 or uint32, as they are, or behind the header of llm.c.
#pragma once

#include "base/file.h"
#include "train/data/windows.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace ablate {

class TokenFile {
 public:
  /// `width` is 2 or 4 bytes per id as the user said, or 0: as the file's header says, else 2. Throws InputError when the file is something
  /// else, or its ids look as if they were of another width.
  TokenFile(const std::filesystem::path& path, int width);

  TokenSpan tokens() const { return tokens_; }
  const std::string& where() const { return where_; }

  /// One more than the greatest id. Throws InputError for one that a vocabulary of `most` (0: any) does not have, saying where it is. A long
  /// file is read for it on all cores, and once: the cache keeps what was found.
  std::int64_t vocabulary(std::int64_t most) const;

 private:
  void read_header(int width);
  void check_width(bool said) const;
  std::uint32_t greatest() const;
  std::uint32_t greatest_of_long() const;

  MappedFile file_;
  std::string where_;
  TokenSpan tokens_;
};

}  // namespace ablate
