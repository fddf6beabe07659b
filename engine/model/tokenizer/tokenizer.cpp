#include "model/tokenizer.h"

#include "base/file.h"
#include "model/gguf/tokenizer.h"
#include "model/tokenizer/json_node.h"
#include "model/tokenizer/long_text.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/text_buffer.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <utility>

namespace ablate {

template <class Part>
static std::unique_ptr<Part> read_part(const JsonNode& root, std::string_view key, std::unique_ptr<Part> (*read)(const JsonNode&)) {
  const auto node = root.find(key);
  return node ? read(*node) : nullptr;
}

TokenizerParts::TokenizerParts(const JsonNode& root)
    : model(root.at("model")),
      normalizer(read_part<Normalizer>(root, "normalizer", read_normalizer)),
      pre_tokenizer(root.find("pre_tokenizer")),
      decoder(read_part<Decoder>(root, "decoder", read_decoder)),
      post_processor(root.find("post_processor")),
      added(root.find("added_tokens"), model, normalizer.get()) {
  root.allow_only(
      {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"});
  if (const auto version = root.find("version"); version && version->string() != "1.0") version->refuse_name("1.0");
}

void TokenizerParts::encode(Piece raw, Bpe::Cache& cache, std::vector<std::int32_t>& ids) const {
  NormalizedText text{std::string(raw.text), raw.at_start};
  if (normalizer) normalizer->apply(text);
  if (text.text.empty()) return;
  added.cut_normalized(
      {text.text, text.at_start}, [&](std::int32_t token) { ids.push_back(token); },
      [&](Piece piece) { pre_tokenizer.split(piece, [&](Piece word) { model.encode(word.text, cache, ids); }); });
}

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  if (!is_gguf_file(path)) return parse(read_text(path), path.string());
  return parse(tokenizer_json(GgufFile(path)), fmt::format("{}: its tokenizer as a tokenizer.json", path.string()));
}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& name) {
  const JsonDocument document(json, name);
  return Tokenizer(std::make_shared<const TokenizerParts>(document.root()));
}

static std::vector<std::int32_t> encode_text(const TokenizerParts& parts, std::string_view text, bool special_tokens, Bpe::Cache& cache) {
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = repair_utf8(text);
  std::vector<std::int32_t> ids;
  parts.added.cut_raw(
      {text, true}, [&](std::int32_t id) { ids.push_back(id); }, [&](Piece raw) { parts.encode(raw, cache, ids); });
  return parts.post_processor.apply(std::move(ids), special_tokens);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool special_tokens) const {
  Bpe::Cache cache(text.size());
  return encode_text(*parts_, text, special_tokens, cache);
}

void Tokenizer::encode_each(std::span<const std::string_view> texts, const std::function<void(std::span<const std::int32_t>)>& ids) const {
  std::size_t size = 0;
  for (const std::string_view text : texts) size += text.size();
  Bpe::Cache cache(size);
  for (const std::string_view text : texts) ids(encode_text(*parts_, text, false, cache));
}

void Tokenizer::encode_long(std::string_view text, const LongTextOptions& options,
                            const std::function<void(std::span<const std::int32_t>)>& ids) const {
  if (!parts_->post_processor.keeps_text()) return ids(encode(text, false));
  TextBuffer repaired(options.scratch_folder, options.memory);
  if (!is_valid_utf8(text)) {
    // What is ill-formed ends where something else than a continuation of a character comes.
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = character_end(text, std::min(text.size(), begin + options.window));
      repaired.append(repair_utf8(text.substr(begin, end - begin)));
    }
    text = repaired.text();
  }
  LongText(*parts_, options, ids).encode(text);
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
