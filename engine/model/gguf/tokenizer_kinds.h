// Kinds of tokenizers in GGUF files: tokenizer.ggml.model. Each registers itself in its own file.
#pragma once

#include "base/registry.h"
#include "model/gguf/tokenizer.h"

#include <functional>

namespace ablate {

/// Makes the whole tokenizer.json.
using GgufTokenizerKinds = Registry<std::function<nlohmann::json(const GgufTokens& tokens)>>;

/// How a byte-level tokenizer cuts text into words: a value of tokenizer.ggml.pre.
struct GgufWordRule {
  const char* pre_tokenizer;    ///< JSON
  const char* normalizer = "";  ///< JSON; "": none
  bool ignore_merges = false;   ///< a word that is a token is that token, whatever the merges say
  bool bos = false;             ///< whether texts start with a token where the file does not say
};
using GgufWordRules = Registry<GgufWordRule>;

}  // namespace ablate
