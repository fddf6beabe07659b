#include "train/data/text_tokens.h"

#include "base/error.h"
#include "base/file_hash.h"
#include "base/hash.h"
#include "model/tokenizer.h"
#include "model/tokenizer/libraries.h"
#include "train/data/corpus.h"
#include "train/data/text_files.h"

#include <algorithm>
#include <memory>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr int cache_version = 3;  // part of every key: raise it when tokenizing changes

void encode_bytes(std::string_view text, const IdSink& sink) {
  constexpr std::size_t at_once = 1 << 20;
  std::vector<std::int32_t> ids;
  for (std::size_t begin = 0; begin < text.size(); begin += at_once) {
    const std::string_view piece = text.substr(begin, at_once);
    ids.resize(piece.size());
    std::transform(piece.begin(), piece.end(), ids.begin(), [](char c) { return static_cast<unsigned char>(c); });
    sink(ids);
  }
}

void encode_bytes_each(std::span<const std::string_view> texts, const IdSink& sink) {
  for (const std::string_view text : texts) {
    std::vector<std::int32_t> ids(text.size());
    std::transform(text.begin(), text.end(), ids.begin(), [](char c) { return static_cast<unsigned char>(c); });
    sink(ids);
  }
}

/// Whether the files are few bytes of text as they stand: one row without marks between documents, kept in one file of the cache.
bool are_plain(const std::vector<fs::path>& files, const TextRules& rules) {
  constexpr std::uintmax_t most = 256 << 20;
  if (rules.start_id >= 0 || rules.end_id >= 0) return false;
  std::uintmax_t all = 0;
  for (const fs::path& file : files) {
    if (is_json_lines(file) || is_compressed(file)) return false;
    std::error_code error;
    const std::uintmax_t size = fs::file_size(file, error);
    if (!error) all += size;
  }
  return all <= most;
}

std::string_view text_of(const MappedFile& file) { return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}; }

CacheFile cache_file(const std::vector<fs::path>& files, const TextEncoder& encoder, int width) {
  Hasher key;
  key.add(fmt::format("version {}, {}", cache_version, tokenizer_libraries())).add(encoder.identity);
  for (const fs::path& file : files) key.add(content_hash(file));
  return CacheFile(fs::path("tokens") / fmt::format("{}.u{}", key.hex(), 8 * width));
}

void tokenize(const std::vector<fs::path>& files, const TextEncoder& encoder, int width, const CacheFile::Sink& sink) {
  for (const fs::path& name : files) {
    const MappedFile file(name);
    encoder.encode(text_of(file), [&](std::span<const std::int32_t> ids) { sink(pack_ids(ids, width)); });
  }
}

}  // namespace

TextEncoder text_encoder(const fs::path& tokenizer) {
  if (tokenizer == "bytes") return {encode_bytes, encode_bytes_each, 256, "bytes", /*decodes=*/false};
  const auto loaded = std::make_shared<const Tokenizer>(Tokenizer::load(tokenizer));
  const auto encode = [loaded](std::string_view text, const IdSink& ids) {
    loaded->encode_long(text, {.scratch_folder = cache_folder() / "tokens"}, ids);
  };
  const auto encode_each = [loaded](std::span<const std::string_view> texts, const IdSink& ids) { loaded->encode_each(texts, ids); };
  return {encode, encode_each, loaded->vocabulary_size(), content_hash(tokenizer), /*decodes=*/true, [loaded](std::int32_t id) {
            return loaded->decode(std::span(&id, 1), /*skip_special=*/false);
          }};
}

std::vector<std::byte> pack_ids(std::span<const std::int32_t> ids, int width) {
  std::vector<std::byte> bytes(ids.size() * static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (int b = 0; b < width; ++b)
      bytes[i * static_cast<std::size_t>(width) + static_cast<std::size_t>(b)] = static_cast<std::byte>(ids[i] >> (8 * b));
  return bytes;
}

TextTokens::~TextTokens() = default;

TextTokens::TextTokens(const std::vector<fs::path>& files, const TextEncoder& encoder, const TextRules& rules)
    : width_(width_of_ids(std::max<std::int64_t>({encoder.vocabulary, rules.start_id + std::int64_t{1}, rules.end_id + std::int64_t{1}}))) {
  if (are_plain(files, rules)) take_plain(files, encoder, rules);
  else corpus_ = std::make_unique<Corpus>(files, encoder, width_, rules);
}

void TextTokens::take_plain(const std::vector<fs::path>& files, const TextEncoder& encoder, const TextRules& rules) {
  check_text_files(files, encoder.decodes, rules.note);
  const CacheFile cache = cache_file(files, encoder, width_);
  cached_ = cache.read();
  if (cached_) return;
  const std::string trouble = cache.keep([&](const CacheFile::Sink& sink) {
    if (cache.read()) return false;  // another run has filled it while this one waited
    tokenize(files, encoder, width_, sink);
    return true;
  });
  if (!trouble.empty() && rules.note) rules.note(trouble);
  cached_ = cache.read();
  if (cached_) return;
  tokenize(files, encoder, width_, [&](std::span<const std::byte> piece) { memory_.insert(memory_.end(), piece.begin(), piece.end()); });
}

TokenSpan TextTokens::tokens() const {
  if (corpus_) return corpus_->tokens();
  return {cached_ ? cached_->bytes() : std::span<const std::byte>(memory_), width_};
}

std::optional<std::int32_t> TextTokens::greatest() const { return corpus_ ? std::optional(corpus_->greatest()) : std::nullopt; }

}  // namespace ablate
