// Splits normalized text into words, the units that byte pair encoding works on.
#pragma once

#include "model/tokenizer/json_node.h"
#include "model/tokenizer/pieces.h"

#include <memory>

namespace ablate {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  /// Passes the words of `piece` to `sink`, in order, none of them empty; a word may be spelled differently from the text it came from.
  virtual void split(Piece piece, PieceSink sink) const = 0;
};

/// The value of "pre_tokenizer". Throws InputError naming the key of what is not supported.
std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonNode& node);

}  // namespace ablate
