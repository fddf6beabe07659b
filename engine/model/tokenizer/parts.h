// What a tokenizer consists of.
#pragma once

#include "model/tokenizer.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/decoder.h"
#include "model/tokenizer/json_node.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/post_processor.h"
#include "model/tokenizer/pre_tokenizer.h"

#include <memory>
#include <string>

namespace ablate {

struct TokenizerParts {
  explicit TokenizerParts(const JsonNode& root);

  const std::string* token_of(std::int32_t id) const {
    const std::string* token = added.token_of(id);
    return token ? token : model.token_of(id);
  }

  /// Appends the ids of text between two added tokens that are looked for in raw text.
  void encode(Piece raw, Bpe::Cache& cache, std::vector<std::int32_t>& ids) const;

  Bpe model;
  std::unique_ptr<Normalizer> normalizer;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<Decoder> decoder;
  PostProcessor post_processor;
  AddedTokens added;
};

}  // namespace ablate
