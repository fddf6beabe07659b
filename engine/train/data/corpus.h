// Documents of any amount of text as one row of ids: tokenized once, on all cores, into a file of the cache that is mapped.
//
// In cache_folder()/tokens: KEY.u16 (or .u32), the ids of all documents in their order; KEY.journal, while they are made: a line of JSON for
// every batch of documents that is on the disk, from which a killed run goes on; KEY.index, once all are there: the same lines as one
// CacheFile. What does not fit together counts as missing. Neither the size of a batch nor the number of threads decides an id: every
// document is tokenized by itself.
#pragma once

#include "base/file.h"
#include "train/data/documents.h"
#include "train/data/text_tokens.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// What a batch of documents gave.
struct BatchRecord {
  DocumentPlace end;       ///< the batch ends here
  std::uint64_t ids = 0;   ///< of the batch
  std::uint64_t hash = 0;  ///< of the bytes of its ids
  std::uint64_t documents = 0, empty = 0, blank_lines = 0;
  std::int32_t greatest = -1;
  struct Damage {
    std::uint64_t places = 0, line = 0;  ///< that are no UTF-8; of the first
  };
  std::map<std::size_t, Damage> damage = {};  ///< by file
};

class Corpus {
 public:
  /// Throws InputError for files that cannot be read as their names say, Interrupted when the user stops it (what was done stays), RunError
  /// when the cache cannot hold more than memory should.
  Corpus(const std::vector<std::filesystem::path>& files, const TextEncoder& encoder, int width, const TextRules& rules);

  TokenSpan tokens() const { return {mapped_ ? mapped_->bytes() : std::span<const std::byte>(memory_), width_}; }
  std::int32_t greatest() const;
  const std::vector<BatchRecord>& records() const { return records_; }

 private:
  using Keep = std::function<void(std::span<const std::vector<std::byte>> ids, const BatchRecord& record)>;

  bool take_up();
  void tokenize(DocumentPlace from, const Keep& keep);
  void make_in_cache();
  void note_what_was_found() const;

  const std::vector<std::filesystem::path> files_;
  const TextEncoder& encoder_;
  const TextRules& rules_;
  int width_;
  std::string name_;  // in the cache, without an ending
  std::vector<BatchRecord> records_;
  std::optional<MappedFile> mapped_;
  std::vector<std::byte> memory_;
};

}  // namespace ablate
