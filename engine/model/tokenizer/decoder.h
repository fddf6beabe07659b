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

  /// Rewrites the tokens; the text is what they are together in the end. Throws InputError where the file's decoder is not supported.
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

/// The value of "decoder". What is not supported shows when it is used: nothing but decoding needs it.
std::unique_ptr<Decoder> read_decoder(const JsonNode& node);

}  // namespace ablate
