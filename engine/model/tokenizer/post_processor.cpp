#include "model/tokenizer/post_processor.h"

#include <utility>

namespace ablate {

namespace {

std::int32_t read_id(const JsonNode& node) { return static_cast<std::int32_t>(node.integer(0, INT32_MAX)); }

}  // namespace

PostProcessor::PostProcessor(const std::optional<JsonNode>& node) {
  if (node) read(*node, 0);
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

void PostProcessor::set(const JsonNode& node, std::vector<std::optional<std::int32_t>> pieces) {
  if (pieces_) node.refuse("more than one step that adds tokens is not supported");
  pieces_ = std::move(pieces);
}

void PostProcessor::read_template(const JsonNode& node) {
  node.allow_only({"type", "single", "pair", "special_tokens"});
  std::vector<std::optional<std::int32_t>> pieces;
  for (const JsonNode& piece : node.at("single").elements()) {
    piece.allow_only({"Sequence", "SpecialToken"});
    if (const auto sequence = piece.find("Sequence")) {
      const JsonNode id = sequence->at("id");
      if (id.string() != "A") id.refuse_name("A");
      pieces.emplace_back();
      continue;
    }
    const JsonNode token = node.at("special_tokens").at(piece.at("SpecialToken").at("id").string());
    for (const JsonNode& id : token.at("ids").elements()) pieces.emplace_back(read_id(id));
  }
  set(node, std::move(pieces));
}

/// ["[CLS]", 101] in front and ["[SEP]", 102] behind.
void PostProcessor::read_pair(const JsonNode& node) {
  node.allow_only({"type", "cls", "sep", "trim_offsets", "add_prefix_space"});
  const auto id = [&](const char* key) {
    const JsonNode pair = node.at(key);
    if (pair.size() != 2) pair.refuse("expected a token and its id");
    return read_id(pair.element(1));
  };
  set(node, {id("cls"), std::nullopt, id("sep")});
}

std::vector<std::int32_t> PostProcessor::apply(std::vector<std::int32_t> text, bool special_tokens) const {
  if (!pieces_) return text;
  std::vector<std::int32_t> ids;
  for (const auto& piece : *pieces_) {
    if (!piece) {
      ids.insert(ids.end(), text.begin(), text.end());
    } else if (special_tokens) {
      ids.push_back(*piece);
    }
  }
  return ids;
}

}  // namespace ablate
