#include "model/tokenizer/added_tokens.h"

#include "base/error.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <utility>

namespace ablate {

namespace {

/// Rust's \w.
constexpr std::string_view word_character = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])";

std::size_t skip_space(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size(); from = at) {
    if (!is_whitespace(next_code_point(text, at))) break;
  }
  return from;
}

/// Start of the last character that ends at `end`.
std::size_t previous_character(std::string_view text, std::size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

std::size_t skip_space_back(std::string_view text, std::size_t end) {
  while (end > 0) {
    const std::size_t begin = previous_character(text, end);
    std::size_t at = begin;
    if (!is_whitespace(next_code_point(text, at))) break;
    end = begin;
  }
  return end;
}

}  // namespace

void StringFinder::add(std::string_view text, std::size_t index) {
  if (text.empty()) return;
  first_bytes_.set(static_cast<unsigned char>(text.front()));
  std::uint32_t node = 0;
  for (const char c : text) {
    const std::uint64_t key = (static_cast<std::uint64_t>(node) << 8) | static_cast<unsigned char>(c);
    const auto [child, is_new] = children_.emplace(key, nodes_);
    if (is_new) ++nodes_;
    node = child->second;
  }
  ends_.emplace(node, index);
}

std::optional<StringFinder::Match> StringFinder::find(std::string_view text, std::size_t from) const {
  if (children_.empty()) return std::nullopt;
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!first_bytes_.test(static_cast<unsigned char>(text[begin]))) continue;
    std::optional<Match> longest;
    std::uint32_t node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      const auto child = children_.find((static_cast<std::uint64_t>(node) << 8) | static_cast<unsigned char>(text[at]));
      if (child == children_.end()) break;
      node = child->second;
      if (const auto end = ends_.find(node); end != ends_.end()) longest = Match{begin, at + 1, end->second};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(const std::optional<JsonNode>& node, const Bpe& model, const Normalizer* normalizer)
    : ends_with_word_(std::string(word_character) + "\\z", RegexSyntax::oniguruma, "added_tokens"),
      starts_with_word_("\\A" + std::string(word_character), RegexSyntax::oniguruma, "added_tokens") {
  if (!node) return;
  std::vector<Token> listed;
  for (const JsonNode& element : node->elements()) listed.push_back(read(element, normalizer));

  std::vector<Token> special, plain;
  for (const Token& token : listed) {
    if (token.special && !token.content.empty() && special_.insert(token.content).second) special.push_back(token);
  }
  for (const Token& token : listed) {
    if (token.content.empty()) continue;
    add(token, model);
    if (!is_special(token.content)) plain.push_back(token);
  }
  const auto look_for = [&](const Token& token) {
    const auto id = static_cast<std::size_t>(*id_of(token.content));
    (token.normalized ? normalized_ : raw_).add(token.decoded, id);
  };
  for (const Token& token : special) look_for(token);
  for (const Token& token : plain) look_for(token);
}

AddedTokens::Token AddedTokens::read(const JsonNode& node, const Normalizer* normalizer) {
  node.allow_only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  node.at("id").integer(0, greatest_token_id);
  NormalizedText decoded{node.at("content").string()};
  if (normalizer && node.at("normalized").boolean()) normalizer->apply(decoded);
  return {.content = node.at("content").string(),
          .decoded = std::move(decoded.text),
          .single_word = node.at("single_word").boolean(),
          .lstrip = node.at("lstrip").boolean(),
          .rstrip = node.at("rstrip").boolean(),
          .normalized = node.at("normalized").boolean(),
          .special = node.at("special").boolean()};
}

void AddedTokens::add(const Token& token, const Bpe& model) {
  auto id = id_of(token.content);
  if (!id) id = model.id_of(token.content);
  if (!id) id = std::max(greatest_id_ + 1, static_cast<std::int32_t>(model.size()));
  ids_[token.content] = *id;
  tokens_[*id] = token;
  greatest_id_ = std::max(greatest_id_, *id);
}

std::optional<std::int32_t> AddedTokens::id_of(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* AddedTokens::token_of(std::int32_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second.decoded;
}

bool AddedTokens::stands_alone(std::string_view text, std::size_t begin, std::size_t end) const {
  if (begin > 0) {
    const std::size_t before = previous_character(text, begin);
    if (ends_with_word_.matches(text.substr(before, begin - before))) return false;
  }
  if (end == text.size()) return true;
  std::size_t behind = end;
  next_code_point(text, behind);
  return !starts_with_word_.matches(text.substr(end, behind - end));
}

void AddedTokens::cut(const StringFinder& finder, Piece piece, const std::function<void(std::int32_t)>& token, PieceSink rest) const {
  const std::string_view text = piece.text;
  std::size_t done = 0;
  std::size_t from = 0;
  while (const auto match = finder.find(text, from)) {
    from = match->end;
    const auto id = static_cast<std::int32_t>(match->index);
    const Token& found = tokens_.at(id);
    if (found.single_word && !stands_alone(text, match->begin, match->end)) continue;
    const std::size_t begin = found.lstrip ? std::max(skip_space_back(text, match->begin), done) : match->begin;
    if (done < begin) rest(piece.part(done, begin));
    done = found.rstrip ? skip_space(text, match->end) : match->end;
    // Nothing is left of a token that both took white space and was itself taken as white space.
    if (begin < done) token(id);
  }
  if (done < text.size()) rest(piece.part(done, text.size()));
}

}  // namespace ablate
