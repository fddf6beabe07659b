// tokenizer.ggml.model = "gpt2": byte pairs merged in the order of a list, tokens spelled in GPT-2's alphabet of bytes.
#include "base/error.h"
#include "model/gguf/tokenizer_kinds.h"
#include "model/tokenizer/unicode.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ablate {
namespace {

using Json = nlohmann::json;

constexpr const char* merges_key = "tokenizer.ggml.merges";

/// "left right", where a token may begin with a space of its own.
Json merge_of(const GgufTokens& tokens, std::size_t index, std::string_view line) {
  const std::size_t space = line.find(' ', 1);
  require(space != line.npos && space + 1 < line.size() && is_valid_utf8(line), "{}[{}]: expected two tokens with a space between them",
          tokens.where(merges_key), index);
  return {line.substr(0, space), line.substr(space + 1)};
}

/// The rule's own steps, with the space before a text that the file may ask for.
Json pre_tokenizer_of(const GgufTokens& tokens, const GgufWordRule& rule) {
  Json step = Json::parse(rule.pre_tokenizer);
  Json& bytes = step.at("type") == "Sequence" ? step.at("pretokenizers").back() : step;
  bytes["add_prefix_space"] = tokens.flag("tokenizer.ggml.add_space_prefix", false);
  bytes["trim_offsets"] = true;
  return step;
}

Json read(const GgufTokens& tokens) {
  const std::string pre(tokens.file().get<std::string_view>("tokenizer.ggml.pre"));
  const GgufWordRule& rule = GgufWordRules::find(tokens.where("tokenizer.ggml.pre") + ":", pre);
  Json merges = Json::array();
  const auto& lines = tokens.file().get<std::vector<std::string_view>>(merges_key);
  for (std::size_t i = 0; i < lines.size(); ++i) merges.push_back(merge_of(tokens, i, lines[i]));
  return {{"version", "1.0"},
          {"added_tokens", tokens.added_tokens()},
          {"normalizer", *rule.normalizer ? Json::parse(rule.normalizer) : Json()},
          {"pre_tokenizer", pre_tokenizer_of(tokens, rule)},
          {"post_processor",
           tokens.around(tokens.flag("tokenizer.ggml.add_bos_token", rule.bos), tokens.flag("tokenizer.ggml.add_eos_token", false))},
          {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", rule.ignore_merges},
            {"vocab", tokens.vocabulary()},
            {"merges", merges}}}};
}

const GgufTokenizerKinds::Registration registration("gpt2", read);

}  // namespace
}  // namespace ablate
