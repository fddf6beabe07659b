// Splits normalized text into the words that the model merges one by one.
#pragma once

#include "model/tokenizer/cutter.h"
#include "model/tokenizer/json_node.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/pieces.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// Steps one after another, each on every part that the step before it made.
class PreTokenizer {
 public:
  /// Changes the text of a part, or cuts it: one of the two.
  struct Step {
    std::unique_ptr<Normalizer> rewrite;
    std::unique_ptr<Cutter> cut;
  };

  /// `node` is the value of "pre_tokenizer", nothing where the file has none. Throws InputError naming the key of what is not supported.
  explicit PreTokenizer(const std::optional<JsonNode>& node);

  const std::vector<Step>& steps() const { return steps_; }

  /// Passes on the words of `piece`, in order, by the steps from `step` on.
  void split(Piece piece, PieceSink sink, std::size_t step = 0) const;

 private:
  void read(const JsonNode& node, int depth);
  void read_byte_level(const JsonNode& node);
  void read_metaspace_step(const JsonNode& node);
  void rewrite(std::unique_ptr<Normalizer> step) { steps_.push_back({std::move(step), nullptr}); }
  void cut(std::unique_ptr<Cutter> step) { steps_.push_back({nullptr, std::move(step)}); }

  std::vector<Step> steps_;
};

}  // namespace ablate
