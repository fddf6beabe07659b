// What is done to text before it is split: Unicode normal forms, replacements, prefixes.
#pragma once

#include "model/tokenizer/json_node.h"

#include <memory>
#include <string>
#include <string_view>

namespace ablate {

struct NormalizedText {
  std::string text;
  /// The first character came from the first character of the input (see Piece).
  bool at_start = false;
  /// Earlier text comes before it, which was normalized by itself.
  bool continues = false;
};

constexpr char32_t unknown_character = 0xFFFFFFFF;

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalizedText& text) const = 0;

  /// Whether a text may be normalized in two parts, the first up to the character `before`, the second, which continues it, from `after`
  /// on.
  /// These two become what they are in the normalized text; what comes after the cut may be unknown, before and thereafter.
  virtual bool splits(char32_t& before, char32_t& after) const = 0;
};

/// The value of "normalizer". Throws InputError naming the key of what is not supported.
std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node);

/// Every byte becomes the character that stands for it in GPT-2's alphabet: the normalizer called ByteLevel.
std::unique_ptr<Normalizer> spelled_bytes();

}  // namespace ablate
