// The settings that the pre-tokenizer and the decoder called Metaspace share.
#pragma once

#include "model/tokenizer/json_node.h"

#include <string>

namespace ablate {

struct Metaspace {
  enum class Scheme { always, first, never };

  std::string replacement;         // one character, as UTF-8
  Scheme scheme = Scheme::always;  // which pieces get one in front
  bool split = true;
};

/// Older files say `add_prefix_space` instead of `prepend_scheme`. Throws InputError naming the key.
Metaspace read_metaspace(const JsonNode& node);

}  // namespace ablate
