// Turns the tokens of a sequence of ids back into text.
#pragma once

#include "model/tokenizer/json_node.h"

#include <memory>
#include <string>
#include <vector>

namespace ablate {

class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Rewrites the tokens; the text is what they are together in the end.
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

/// The value of "decoder". Throws InputError naming the key of what is not supported.
std::unique_ptr<Decoder> read_decoder(const JsonNode& node);

}  // namespace ablate
