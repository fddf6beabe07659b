// The tokenizer inside a GGUF file, as the tokenizer.json that says the same.
#pragma once

#include "model/gguf/gguf.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>

namespace ablate {

/// The text of a tokenizer.json: what the file holds as one, or what its tokens, merges and scores come to. Throws InputError naming what is missing,
/// contradictory or not supported; a key that nobody knows is refused where it may change what text becomes.
std::string tokenizer_json(const GgufFile& file);

/// What a file's tokens are, beside their text.
enum class GgufTokenType : std::int64_t { normal = 1, unknown, control, user_defined, unused, byte };

/// The tokens of a file, being turned into a tokenizer.json. Keys are marked as they are asked for.
class GgufTokens {
 public:
  explicit GgufTokens(const GgufFile& file);

  const GgufFile& file() const { return file_; }
  const std::vector<std::string_view>& texts() const { return texts_; }
  GgufTokenType type(std::size_t id) const;
  std::string where(std::string_view key) const { return file_.place_of(key); }

  bool flag(std::string_view key, bool fallback) const;
  /// The text of the token whose id the key gives; throws InputError where there is none.
  std::string special(std::string_view key) const;
  /// "vocab" of a model: text -> id.
  nlohmann::json vocabulary() const;
  /// "added_tokens": those that are looked for in text.
  nlohmann::json added_tokens() const;
  /// "post_processor": the token that starts a text, and the one that ends it.
  nlohmann::json around(bool bos, bool eos) const;

 private:
  const GgufFile& file_;
  const std::vector<std::string_view>& texts_;
};

}  // namespace ablate
