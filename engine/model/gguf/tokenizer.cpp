#include "model/gguf/tokenizer.h"

#include "base/error.h"
#include "model/gguf/tokenizer_kinds.h"
#include "model/tokenizer/unicode.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace ablate {
namespace {

using Json = nlohmann::json;

/// Keys below "tokenizer." that kinds read, or that do not touch what text becomes.
constexpr std::string_view known[] = {
    "ggml.model",         "ggml.pre",           "ggml.tokens",        "ggml.token_type",       "ggml.scores",           "ggml.merges",
    "ggml.add_bos_token", "ggml.add_eos_token", "ggml.add_sep_token", "ggml.add_space_prefix", "ggml.token_type_count", "chat_template",
    "chat_templates",     "huggingface.json"};

/// Keys that must say false, or nothing.
constexpr std::string_view off[] = {"tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.add_sep_token"};

void settle(const GgufFile& file) {
  constexpr std::string_view prefix = "tokenizer.";
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(prefix)) continue;
    const std::string_view rest = std::string_view(key).substr(prefix.size());
    const bool harmless = std::find(std::begin(known), std::end(known), rest) != std::end(known) || rest.ends_with("_token_id") ||
                          rest.starts_with("chat_template.") || std::find(std::begin(off), std::end(off), key) != std::end(off);
    require(harmless, "{}: is not known, and may change what text becomes", file.place_of(key));
  }
  for (const std::string_view key : off) {
    const bool* value = file.find<bool>(key);
    require(!value || !*value, "{}: true is not supported", file.place_of(key));
  }
}

}  // namespace

GgufTokens::GgufTokens(const GgufFile& file) : file_(file), texts_(file.get<std::vector<std::string_view>>("tokenizer.ggml.tokens")) {
  require(!texts_.empty() && texts_.size() <= 1 << 24, "{}: expected 1 to 2^24 tokens, found {}", where("tokenizer.ggml.tokens"),
          texts_.size());
  for (std::size_t id = 0; id < texts_.size(); ++id)
    require(is_valid_utf8(texts_[id]), "{}[{}]: is not UTF-8", where("tokenizer.ggml.tokens"), id);
  if (const auto* types = file.find<std::vector<std::int64_t>>("tokenizer.ggml.token_type"))
    require(types->size() == texts_.size(), "{}: has {} entries for {} tokens", where("tokenizer.ggml.token_type"), types->size(),
            texts_.size());
}

GgufTokenType GgufTokens::type(std::size_t id) const {
  const auto* types = file_.find<std::vector<std::int64_t>>("tokenizer.ggml.token_type");
  if (!types) return GgufTokenType::normal;
  const std::int64_t type = (*types)[id];
  require(type >= 1 && type <= 6, "{}[{}]: expected 1 to 6, found {}", where("tokenizer.ggml.token_type"), id, type);
  return static_cast<GgufTokenType>(type);
}

bool GgufTokens::flag(std::string_view key, bool fallback) const {
  const bool* value = file_.find<bool>(key);
  return value ? *value : fallback;
}

std::string GgufTokens::special(std::string_view key) const {
  const auto id = file_.get<std::int64_t>(key);
  require(id >= 0 && static_cast<std::uint64_t>(id) < texts_.size(), "{}: {} is no id of the {} tokens", where(key), id, texts_.size());
  return std::string(texts_[static_cast<std::size_t>(id)]);
}

Json GgufTokens::vocabulary() const {
  Json vocabulary = Json::object();
  for (std::size_t id = 0; id < texts_.size(); ++id) {
    const auto [entry, is_new] = vocabulary.emplace(std::string(texts_[id]), id);
    require(is_new, "{}: tokens {} and {} are both \"{}\"", where("tokenizer.ggml.tokens"), entry->get<std::size_t>(), id, texts_[id]);
  }
  return vocabulary;
}

Json GgufTokens::added_tokens() const {
  Json added = Json::array();
  for (std::size_t id = 0; id < texts_.size(); ++id) {
    const GgufTokenType kind = type(id);
    const bool special = kind == GgufTokenType::control || kind == GgufTokenType::unknown;
    if (!special && kind != GgufTokenType::user_defined) continue;
    added.push_back({{"id", id},
                     {"content", std::string(texts_[id])},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  return added;
}

Json GgufTokens::around(bool bos, bool eos) const {
  if (!bos && !eos) return nullptr;
  Json single = Json::array(), tokens = Json::object();
  const auto special_token = [&](std::string_view key) {
    const std::string token = special(key);
    single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    tokens[token] = {{"id", token}, {"ids", {file_.get<std::int64_t>(key)}}, {"tokens", {token}}};
  };
  if (bos) special_token("tokenizer.ggml.bos_token_id");
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (eos) special_token("tokenizer.ggml.eos_token_id");
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

std::string tokenizer_json(const GgufFile& file) {
  if (const auto* whole = file.find<std::string_view>("tokenizer.huggingface.json")) return std::string(*whole);
  require(file.metadata().contains("tokenizer.ggml.model"), "{}: holds no tokenizer (tokenizer.ggml.model)", file.path().string());
  settle(file);
  const std::string kind(file.get<std::string_view>("tokenizer.ggml.model"));
  return GgufTokenizerKinds::find(file.place_of("tokenizer.ggml.model") + ":", kind)(GgufTokens(file)).dump();
}

}  // namespace ablate
