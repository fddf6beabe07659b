#include "train/data/text_tokens.h"

#include "base/error.h"
#include "base/file_hash.h"
#include "base/hash.h"
#include "model/tokenizer.h"
#include "model/tokenizer/libraries.h"

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

std::string_view text_of(const MappedFile& file) { return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}; }

CacheFile cache_file(const std::vector<fs::path>& files, const TextEncoder& encoder, int width) {
  Hasher key;
  key.add(fmt::format("version {}, {}", cache_version, tokenizer_libraries())).add(encoder.identity);
  for (const fs::path& file : files) key.add(content_hash(file));
  return CacheFile(fs::path("tokens") / fmt::format("{}.u{}", key.hex(), 8 * width));
}

std::vector<std::byte> pack(std::span<const std::int32_t> ids, int width) {
  std::vector<std::byte> bytes(ids.size() * static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (int b = 0; b < width; ++b)
      bytes[i * static_cast<std::size_t>(width) + static_cast<std::size_t>(b)] = static_cast<std::byte>(ids[i] >> (8 * b));
  return bytes;
}

void tokenize(const std::vector<fs::path>& files, const TextEncoder& encoder, int width, const CacheFile::Sink& sink) {
  for (const fs::path& name : files) {
    const MappedFile file(name);
    encoder.encode(text_of(file), [&](std::span<const std::int32_t> ids) { sink(pack(ids, width)); });
  }
}

}  // namespace

TextEncoder text_encoder(const fs::path& tokenizer) {
  if (tokenizer == "bytes") return {encode_bytes, 256, "bytes", /*decodes=*/false};
  const auto loaded = std::make_shared<const Tokenizer>(Tokenizer::load(tokenizer));
  const auto encode = [loaded](std::string_view text, const IdSink& ids) {
    loaded->encode_long(text, {.scratch_folder = cache_folder() / "tokens"}, ids);
  };
  return {encode, loaded->vocabulary_size(), content_hash(tokenizer), /*decodes=*/true,
          [loaded](std::int32_t id) { return loaded->decode(std::span(&id, 1), /*skip_special=*/false); }};
}

TextTokens::TextTokens(const std::vector<fs::path>& files, const TextEncoder& encoder, const std::function<void(const std::string&)>& note)
    : width_(encoder.vocabulary <= 65536 ? 2 : 4) {
  const CacheFile cache = cache_file(files, encoder, width_);
  cached_ = cache.read();
  if (cached_) return;
  const std::string trouble = cache.keep([&](const CacheFile::Sink& sink) {
    if (cache.read()) return false;  // another run has filled it while this one waited
    tokenize(files, encoder, width_, sink);
    return true;
  });
  if (!trouble.empty() && note) note(trouble);
  cached_ = cache.read();
  if (cached_) return;
  tokenize(files, encoder, width_, [&](std::span<const std::byte> piece) { memory_.insert(memory_.end(), piece.begin(), piece.end()); });
}

}  // namespace ablate
