#include "model/tokenizer.h"

#include "base/file.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/decoder.h"
#include "model/tokenizer/json_node.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/post_processor.h"
#include "model/tokenizer/pre_tokenizer.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <utility>

namespace ablate {

struct Tokenizer::Parts {
  explicit Parts(const JsonNode& root)
      : model(root.at("model")),
        normalizer(read_part<Normalizer>(root, "normalizer", read_normalizer)),
        pre_tokenizer(read_part<PreTokenizer>(root, "pre_tokenizer", read_pre_tokenizer)),
        decoder(read_part<Decoder>(root, "decoder", read_decoder)),
        post_processor(root.find("post_processor")),
        added(root.find("added_tokens"), model, normalizer.get()) {
    root.allow_only(
        {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"});
    if (const auto version = root.find("version"); version && version->string() != "1.0") version->refuse_name("1.0");
  }

  template <class Part>
  static std::unique_ptr<Part> read_part(const JsonNode& root, std::string_view key, std::unique_ptr<Part> (*read)(const JsonNode&)) {
    const auto node = root.find(key);
    return node ? read(*node) : nullptr;
  }

  const std::string* token_of(std::int32_t id) const {
    const std::string* token = added.token_of(id);
    return token ? token : model.token_of(id);
  }

  Bpe model;
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<Decoder> decoder;
  PostProcessor post_processor;
  AddedTokens added;
};

Tokenizer::Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& path) { return parse(read_text(path), path.string()); }

Tokenizer Tokenizer::parse(std::string_view json, const std::string& name) {
  const JsonDocument document(json, name);
  return Tokenizer(std::make_shared<const Parts>(document.root()));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool special_tokens) const {
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = repair_utf8(text);
  std::vector<std::int32_t> ids;
  Bpe::Cache cache;
  const auto add_token = [&](std::int32_t id) { ids.push_back(id); };
  const auto add_word = [&](Piece word) { parts_->model.encode(word.text, cache, ids); };
  parts_->added.extract(text, add_token, [&](Piece piece) {
    if (parts_->pre_tokenizer) {
      parts_->pre_tokenizer->split(piece, add_word);
    } else {
      add_word(piece);
    }
  });
  return parts_->post_processor.apply(std::move(ids), special_tokens);
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  for (const std::int32_t id : ids) {
    const std::string* token = parts_->token_of(id);
    if (token && !(skip_special && parts_->added.is_special(*token))) tokens.push_back(*token);
  }
  if (parts_->decoder) parts_->decoder->apply(tokens);
  std::string text;
  for (const std::string& token : tokens) {
    if (!parts_->decoder && &token != &tokens.front()) text += ' ';
    text += token;
  }
  return text;
}

int Tokenizer::vocabulary_size() const { return 1 + std::max(parts_->model.greatest_id(), parts_->added.greatest_id()); }

std::optional<std::int32_t> Tokenizer::id_of(std::string_view token) const {
  const auto id = parts_->added.id_of(token);
  return id ? id : parts_->model.id_of(token);
}

}  // namespace ablate
