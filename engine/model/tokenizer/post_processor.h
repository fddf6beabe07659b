// Puts special tokens around the ids of a text.
#pragma once

#include "model/tokenizer/json_node.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ablate {

/// A list of ids with places for the text's own ids in it.
class PostProcessor {
 public:
  /// `node` is the value of "post_processor", nothing where the file has none. Throws InputError naming the key of what is not supported.
  explicit PostProcessor(const std::optional<JsonNode>& node);

  /// Without `special_tokens` only the text's own ids are put in their places.
  std::vector<std::int32_t> apply(std::vector<std::int32_t> text, bool special_tokens) const;

 private:
  void read(const JsonNode& node, int depth);
  void read_template(const JsonNode& node);
  void read_pair(const JsonNode& node);
  void set(const JsonNode& node, std::vector<std::optional<std::int32_t>> pieces);

  std::optional<std::vector<std::optional<std::int32_t>>> pieces_;  // an id, or nothing for the text
};

}  // namespace ablate
