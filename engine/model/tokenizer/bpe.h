// Byte pair encoding (Sennrich, Haddow and Birch 2016): a word starts as characters, and the pair of neighbours whose merge was learned
// first is joined, again and again.
#pragma once

#include "model/tokenizer/cutter.h"
#include "model/tokenizer/json_node.h"
#include "model/tokenizer/pair_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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
  ~Bpe();
  Bpe(const Bpe&) = delete;
  Bpe& operator=(const Bpe&) = delete;

  std::optional<std::int32_t> id_of(std::string_view token) const;
  const std::string* token_of(std::int32_t id) const;
  /// Tokens in the vocabulary, added tokens not counted.
  std::size_t size() const { return ids_.size(); }
  std::int32_t greatest_id() const { return greatest_id_; }

  /// What words were found to be, so that each is merged once: one for every text, and for one thread at a time.
  class Cache;

  /// Appends the ids of one word (valid UTF-8). Takes n log n steps for n characters. Throws InputError for a character without a token.
  void encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const;

  /// Cuts `word` where no merge reaches across, into parts for encode_part; nothing if that cannot be told or the word is one token.
  const Cutter* joints(std::string_view word) const;
  void encode_part(std::string_view part, Cache& cache, std::vector<std::int32_t>& ids) const;

 private:
  class Joints;
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
  void read_characters();
  std::int32_t id_of_character(char32_t character) const { return character < characters_.size() ? characters_[character] : -1; }
  bool can_cut(char32_t left, char32_t right) const;
  std::vector<Symbol> symbols_of(std::string_view word) const;
  bool append_bytes(std::vector<Symbol>& symbols, std::string_view character) const;
  std::optional<std::int32_t> unknown_id() const;
  static void link(std::vector<Symbol>& symbols);
  void merge(std::vector<Symbol>& symbols) const;
  void merge_word(std::string_view word, std::vector<std::int32_t>& ids) const;

  std::string where_;
  StringMap<std::int32_t> ids_;
  std::unordered_map<std::int32_t, const std::string*> tokens_;  // into ids_
  std::vector<std::int32_t> characters_;                         // the tokens of one character, by code point; -1 where there is none
  std::int32_t greatest_id_ = -1;
  PairTable<Merge> merges_;  // by left id << 32 | right id
  std::optional<std::string> unknown_;
  std::string continuing_prefix_, end_suffix_;
  bool fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false, shared_ids_ = false;
  std::array<std::optional<std::int32_t>, 256> bytes_;  // "<0x00>" to "<0xFF>", where byte_fallback_
  std::unique_ptr<Joints> cutter_;                      // where long words may be cut, if it can be told
  std::unordered_set<std::uint64_t> joints_;            // neighbouring characters that some merge brings into one token: left << 32 | right
};

/// A table of short words, one for each value of a hash: a word that comes takes the place of the one that had it.
class Bpe::Cache {
 public:
  /// For texts of about so many bytes.
  explicit Cache(std::size_t bytes) : slots_(std::bit_ceil(std::clamp<std::size_t>(bytes / 8, 16, 1 << 16))) {}

  /// Appends what `word` is if that is known.
  bool find(std::string_view word, std::vector<std::int32_t>& ids) const;
  void insert(std::string_view word, std::span<const std::int32_t> ids);

 private:
  /// What one read from memory fetches.
  struct alignas(64) Slot {
    std::uint8_t bytes = 0, count = 0;
    std::array<char, 30> word;
    std::array<std::int32_t, 8> ids;
  };
  std::size_t place_of(std::string_view word) const { return StringHash{}(word) & (slots_.size() - 1); }

  std::vector<Slot> slots_;
};

}  // namespace ablate
