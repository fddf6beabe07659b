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
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalizedText& text) const = 0;
};

/// The value of "normalizer". Throws InputError naming the key of what is not supported.
std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node);

}  // namespace ablate
