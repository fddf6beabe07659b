// tokenizer.ggml.model = "llama": SentencePiece's byte pair encoding, whose pieces have scores. The neighbours whose joint piece scores highest are
// joined first, so that every way to put a piece together is a merge, in the order of the scores; as Transformers converts such models.
#include "base/error.h"
#include "model/gguf/tokenizer_kinds.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace ablate {
namespace {

using Json = nlohmann::json;

constexpr const char* scores_key = "tokenizer.ggml.scores";

struct Merge {
  std::string_view left, right;
  double score;
  std::size_t left_id, right_id, left_length, right_length;  ///< lengths in characters
};

bool is_boundary(std::string_view text, std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80; }

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Every way to cut the piece into two that are pieces too.
void add_merges(std::string_view piece, double score, const std::unordered_map<std::string_view, std::size_t>& ids,
                std::vector<Merge>& merges) {
  const std::size_t first = merges.size();
  for (std::size_t at = 1; at < piece.size(); ++at) {
    if (!is_boundary(piece, at)) continue;
    const auto left = ids.find(piece.substr(0, at)), right = ids.find(piece.substr(at));
    if (left == ids.end() || right == ids.end()) continue;
    merges.push_back({left->first, right->first, score, left->second, right->second, characters(left->first), characters(right->first)});
  }
  std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(),
            [](const Merge& a, const Merge& b) { return std::tie(a.left_id, a.right_id) < std::tie(b.left_id, b.right_id); });
}

Json merges_of(const GgufTokens& tokens) {
  constexpr std::size_t longest_piece = 1 << 12;  // a piece of n bytes takes n^2 steps
  const auto& scores = tokens.file().get<std::vector<double>>(scores_key);
  const auto& texts = tokens.texts();
  require(scores.size() == texts.size(), "{}: has {} entries for {} tokens", tokens.where(scores_key), scores.size(), texts.size());
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t id = 0; id < texts.size(); ++id)
    if (tokens.type(id) == GgufTokenType::normal) ids.emplace(texts[id], id);
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < texts.size(); ++id) {
    if (tokens.type(id) != GgufTokenType::normal) continue;
    require(texts[id].size() <= longest_piece, "{}[{}]: has {} bytes; expected up to {}", tokens.where("tokenizer.ggml.tokens"), id,
            texts[id].size(), longest_piece);
    add_merges(texts[id], scores[id], ids, merges);
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_length, a.right_length) > std::tie(b.score, b.left_length, b.right_length);
  });
  Json list = Json::array();
  for (const Merge& merge : merges) list.push_back({merge.left, merge.right});
  return list;
}

Json read(const GgufTokens& tokens) {
  constexpr const char* space = "\u2581";
  const bool prefix = tokens.flag("tokenizer.ggml.add_space_prefix", true);
  const Json spaces{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}};
  Json normalizers = Json::array({spaces});
  Json decoders = Json::array(
      {{{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}}, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (prefix) {
    normalizers.insert(normalizers.begin(), {{"type", "Prepend"}, {"prepend", space}});
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  Json model{{"type", "BPE"}, {"fuse_unk", true}, {"byte_fallback", true}, {"vocab", tokens.vocabulary()}, {"merges", merges_of(tokens)}};
  if (tokens.file().find<std::int64_t>("tokenizer.ggml.unknown_token_id"))
    model["unk_token"] = tokens.special("tokenizer.ggml.unknown_token_id");
  return {{"version", "1.0"},
          {"added_tokens", tokens.added_tokens()},
          {"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
          {"post_processor",
           tokens.around(tokens.flag("tokenizer.ggml.add_bos_token", true), tokens.flag("tokenizer.ggml.add_eos_token", false))},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
          {"model", model}};
}

const GgufTokenizerKinds::Registration registration("llama", read);

}  // namespace
}  // namespace ablate
