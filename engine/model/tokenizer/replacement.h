// A pattern and what to put in its place: the normalizer and the decoder called Replace.
#pragma once

#include "model/tokenizer/json_node.h"
#include "model/tokenizer/regex.h"

#include <string>
#include <string_view>

namespace ablate {

/// {"String": ...} or {"Regex": ...}. Throws InputError naming the key.
Regex read_pattern(const JsonNode& node);

class Replacement {
 public:
  Replacement(Regex pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}

  /// Every match becomes the content, taken literally. Throws InputError when the result is longer than a GiB and four times as long as
  /// `text`.
  std::string apply(std::string_view text) const;

  /// Bytes of the match at the very start of `text`; 0 if there is none.
  std::size_t match_at_start(std::string_view text) const;

  /// Whether no match can have this character in it; false where that is not known.
  bool leaves(char32_t character) const;

  const std::string& content() const { return content_; }

 private:
  Regex pattern_;
  std::string content_;
};

/// {"type": "Replace", "pattern": ..., "content": ...}. Throws InputError naming the key.
Replacement read_replacement(const JsonNode& node);

}  // namespace ablate
