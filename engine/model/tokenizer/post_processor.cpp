#include "model/tokenizer/post_processor.h"

#include "base/error.h"

#include <utility>

namespace ablate {

namespace {

std::int32_t read_id(const JsonNode& node) { return static_cast<std::int32_t>(node.integer(0, INT32_MAX)); }

}  // namespace

PostProcessor::PostProcessor(const std::optional<JsonNode>& node) {
  if (!node) return;
  where_ = node->where();
  read(*node, 0);
}

void PostProcessor::read(const JsonNode& node, int depth) {
  const JsonNode type = node.at("type");
  const std::string& name = type.string();
  if (name == "TemplateProcessing") {
    read_template(node);
  } else if (name == "BertProcessing" || name == "RobertaProcessing") {
    read_pair(node);
  } else if (name == "ByteLevel") {
    // Moves the places of words in the text, which are not kept here; the ids stay.
    node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  } else if (name == "Sequence") {
    node.allow_only({"type", "processors"});
    require_depth(node, depth);
    for (const JsonNode& step : node.at("processors").elements()) read(step, depth + 1);
  } else {
    type.refuse_name("TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence");
  }
}

std::vector<PostProcessor::Piece> PostProcessor::read_pieces(const JsonNode& pieces, const JsonNode& node, bool is_pair) {
  std::vector<Piece> read;
  for (const JsonNode& piece : pieces.elements()) {
    piece.allow_only({"Sequence", "SpecialToken"});
    if (const auto sequence = piece.find("Sequence")) {
      const JsonNode id = sequence->at("id");
      if (id.string() != "A" && !(is_pair && id.string() == "B")) id.refuse_name(is_pair ? "A or B" : "A");
      read.push_back({{}, id.string() == "A" ? 0u : 1u});
      continue;
    }
    Piece special;
    const JsonNode token = node.at("special_tokens").at(piece.at("SpecialToken").at("id").string());
    for (const JsonNode& id : token.at("ids").elements()) special.special.push_back(read_id(id));
    read.push_back(std::move(special));
  }
  return read;
}

void PostProcessor::read_template(const JsonNode& node) {
  node.allow_only({"type", "single", "pair", "special_tokens"});
  Step step;
  step.single = read_pieces(node.at("single"), node, false);
  if (const auto pair = node.find("pair")) step.pair = read_pieces(*pair, node, true);
  steps_.push_back(std::move(step));
}

/// ["[CLS]", 101] in front and ["[SEP]", 102] behind.
void PostProcessor::read_pair(const JsonNode& node) {
  node.allow_only({"type", "cls", "sep", "trim_offsets", "add_prefix_space"});
  const auto id = [&](const char* key) {
    const JsonNode pair = node.at(key);
    if (pair.size() != 2) pair.refuse("expected a token and its id");
    return read_id(pair.element(1));
  };
  Step step;
  step.front = id("cls");
  step.back = id("sep");
  steps_.push_back(std::move(step));
}

std::vector<PostProcessor::Ids> PostProcessor::apply_template(const Step& step, const std::vector<Ids>& sequences,
                                                              bool special_tokens) const {
  require(sequences.size() == 1 || sequences.size() == 2,
          "{}: a TemplateProcessing step gets {} sequences from the step before it; expected one or two", where_, sequences.size());
  std::vector<Ids> made;
  for (const Piece& piece : sequences.size() == 1 ? step.single : step.pair) {
    if (piece.sequence) {
      made.push_back(sequences[*piece.sequence]);
    } else if (special_tokens) {
      made.push_back(piece.special);
    }
  }
  return made;
}

std::vector<std::int32_t> PostProcessor::apply(std::vector<std::int32_t> text, bool special_tokens) const {
  if (steps_.empty()) return text;
  std::vector<Ids> sequences{std::move(text)};
  for (const Step& step : steps_) {
    if (!step.front) {
      sequences = apply_template(step, sequences, special_tokens);
    } else if (special_tokens) {
      if (!sequences.empty()) sequences.front().insert(sequences.front().begin(), *step.front);
      for (Ids& sequence : sequences) sequence.push_back(*step.back);
    }
  }
  Ids ids;
  for (const Ids& sequence : sequences) ids.insert(ids.end(), sequence.begin(), sequence.end());
  return ids;
}

bool PostProcessor::keeps_text() const {
  const Ids any{-1};
  return apply(any, false) == any;
}

}  // namespace ablate
