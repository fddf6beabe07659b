// Byte pair encoding (Sennrich, Haddow and Birch 2016): a word starts as characters, and the pair of neighbours whose merge was learned
// first is joined, again and again.
#pragma once

#include "model/tokenizer/json_node.h"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace ablate {

constexpr std::int32_t greatest_token_id = 1 << 30;

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// Immutable after construction.
class Bpe {
 public:
  /// The value of "model". Throws InputError naming the key of what is missing, contradictory or not supported.
  explicit Bpe(const JsonNode& node);

  std::optional<std::int32_t> id_of(std::string_view token) const;
  const std::string* token_of(std::int32_t id) const;
  /// Tokens in the vocabulary, added tokens not counted.
  std::size_t size() const { return ids_.size(); }
  std::int32_t greatest_id() const { return greatest_id_; }

  /// What words were found to be, so that each is merged once: one for every text, and for one thread at a time.
  class Cache;

  /// Appends the ids of one word (valid UTF-8). Takes n log n steps for n characters. Throws InputError for a character without a token.
  void encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const;

 private:
  struct Merge {
    std::int32_t rank;
    std::int32_t id;
  };
  struct Symbol;
  struct Candidate;

  void read_vocabulary(const JsonNode& node);
  void read_merges(const JsonNode& node);
  void find_joints();
  const Merge* merge_of(std::int32_t left, std::int32_t right) const;
  bool can_cut(std::string_view word, std::size_t at, std::size_t next) const;
  void encode_part(std::string_view part, Cache& cache, std::vector<std::int32_t>& ids) const;
  std::vector<Symbol> symbols_of(std::string_view word) const;
  bool append_bytes(std::vector<Symbol>& symbols, std::string_view character) const;
  std::optional<std::int32_t> unknown_id() const;
  static void link(std::vector<Symbol>& symbols);
  void merge(std::vector<Symbol>& symbols) const;

  std::string where_;
  StringMap<std::int32_t> ids_;
  std::unordered_map<std::int32_t, const std::string*> tokens_;  // into ids_
  std::int32_t greatest_id_ = -1;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by left id << 32 | right id
  std::optional<std::string> unknown_;
  std::string continuing_prefix_, end_suffix_;
  bool fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false;
  std::array<std::optional<std::int32_t>, 256> bytes_;  // "<0x00>" to "<0xFF>", where byte_fallback_
  bool cuts_ = false;                                   // whether long words may be cut where no merge reaches across
  std::unordered_set<std::uint64_t> joints_;            // neighbouring characters that some merge brings into one token: left << 32 | right
};

class Bpe::Cache {
 public:
  /// Appends what `word` is if that is known.
  bool find(std::string_view word, std::vector<std::int32_t>& ids) const;
  void insert(std::string_view word, const std::int32_t* begin, std::size_t count);

 private:
  struct Range {
    std::size_t begin, count;
  };
  std::deque<std::string> words_;
  std::unordered_map<std::string_view, Range> ranges_;  // keys in words_
  std::vector<std::int32_t> ids_;
};

}  // namespace ablate
