// Tokens beside the model's vocabulary, and special tokens, which are found in the text before anything else is done with it.
#pragma once

#include "model/tokenizer/bpe.h"
#include "model/tokenizer/json_node.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/pieces.h"
#include "model/tokenizer/regex.h"

#include <bitset>
#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace ablate {

/// Finds the longest of several strings at the leftmost place.
class StringFinder {
 public:
  /// Of equal strings the first counts; empty ones are not looked for.
  void add(std::string_view text, std::size_t index);

  struct Match {
    std::size_t begin, end, index;
  };
  /// The first match at or behind `from`.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> children_;  // by node << 8 | byte
  std::unordered_map<std::uint32_t, std::size_t> ends_;        // node -> index
  std::bitset<256> first_bytes_;
  std::uint32_t nodes_ = 1;
};

class AddedTokens {
 public:
  /// `node` is the value of "added_tokens", nothing where the file has none. Tokens that the model knows keep the model's id, others get
  /// the next free one, as in the `tokenizers` library, whatever id the file states. Throws InputError naming the key of what is malformed.
  AddedTokens(const std::optional<JsonNode>& node, const Bpe& model, const Normalizer* normalizer);

  std::optional<std::int32_t> id_of(std::string_view token) const;
  /// As it is decoded: a token that is looked for in normalized text is normalized itself.
  const std::string* token_of(std::int32_t id) const;
  /// Whether `token` is the content of a special token; like in the `tokenizers` library, not when normalization changed it.
  bool is_special(std::string_view token) const { return special_.contains(token); }
  std::int32_t greatest_id() const { return greatest_id_; }

  /// Calls `token` with every added token that is looked for in raw text and `rest` with the text between them, in order.
  void cut_raw(Piece text, const std::function<void(std::int32_t)>& token, PieceSink rest) const { cut(raw_, text, token, rest); }
  /// The same for those that are looked for in normalized text.
  void cut_normalized(Piece text, const std::function<void(std::int32_t)>& token, PieceSink rest) const {
    cut(normalized_, text, token, rest);
  }

 private:
  struct Token {
    std::string content;
    std::string decoded;  // the content, normalized if `normalized`
    bool single_word = false, lstrip = false, rstrip = false, normalized = true, special = false;
  };

  static Token read(const JsonNode& node, const Normalizer* normalizer);
  void add(const Token& token, const Bpe& model);
  void cut(const StringFinder& finder, Piece piece, const std::function<void(std::int32_t)>& token, PieceSink rest) const;
  bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) const;

  StringMap<std::int32_t> ids_;
  std::unordered_map<std::int32_t, Token> tokens_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> special_;
  StringFinder raw_, normalized_;  // index: the token's id
  Regex ends_with_word_, starts_with_word_;
  std::int32_t greatest_id_ = -1;
};

}  // namespace ablate
