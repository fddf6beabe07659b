// A file of ids that grows batch by batch, and the journal that says how far it is whole.
#pragma once

#include "train/data/corpus.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace ablate {

std::string to_line(const BatchRecord& record);
/// Those of a journal's whole lines, up to the first that is none.
std::vector<BatchRecord> read_records(std::string_view text);

/// How many of the records, from the first on, are what the file of ids holds.
std::size_t whole_records(std::span<const BatchRecord> records, std::span<const std::byte> ids, int width);

/// Only one process may have one for a file at a time.
class GrowingTokens {
 public:
  /// Takes up what an earlier process left, as far as ids and journal agree. Throws WriteError.
  GrowingTokens(std::filesystem::path ids, std::filesystem::path journal, int width);
  ~GrowingTokens();
  GrowingTokens(const GrowingTokens&) = delete;
  GrowingTokens& operator=(const GrowingTokens&) = delete;

  const std::vector<BatchRecord>& records() const { return records_; }

  /// Both are on the disk when it returns. Throws WriteError (a full disk): what was appended before stays.
  void append(std::span<const std::vector<std::byte>> ids, const BatchRecord& record);

 private:
  void take_up(int width);

  std::filesystem::path ids_path_, journal_path_;
  std::vector<BatchRecord> records_;
  std::intptr_t ids_ = -1, journal_ = -1;
};

}  // namespace ablate
