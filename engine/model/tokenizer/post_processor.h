// Puts special tokens around the ids of a text.
#pragma once

#include "model/tokenizer/json_node.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// Steps one after another. Like in the `tokenizers` library each sees how many sequences the one before it left: a template makes one of
/// each
/// of its pieces.
class PostProcessor {
 public:
  /// `node` is the value of "post_processor", nothing where the file has none. Throws InputError naming the key of what is not supported.
  explicit PostProcessor(const std::optional<JsonNode>& node);

  /// Without `special_tokens` only the text's own ids are put in their places. Throws InputError for a template after steps that leave more
  /// than two sequences, for which templates have no names.
  std::vector<std::int32_t> apply(std::vector<std::int32_t> text, bool special_tokens) const;

  /// Whether the text's own ids stay as they are without `special_tokens`.
  bool keeps_text() const;

 private:
  using Ids = std::vector<std::int32_t>;
  /// Special tokens, or where a sequence goes: 0 or 1.
  struct Piece {
    Ids special;
    std::optional<std::size_t> sequence;
  };
  /// What becomes of one sequence, and of two; or else tokens around the first and behind each.
  struct Step {
    std::vector<Piece> single, pair;
    std::optional<std::int32_t> front, back;
  };

  void read(const JsonNode& node, int depth);
  void read_template(const JsonNode& node);
  void read_pair(const JsonNode& node);
  static std::vector<Piece> read_pieces(const JsonNode& pieces, const JsonNode& node, bool is_pair);
  std::vector<Ids> apply_template(const Step& step, const std::vector<Ids>& sequences, bool special_tokens) const;

  std::string where_;
  std::vector<Step> steps_;
};

}  // namespace ablate
