#include "train/data/text_tokens.h"

#include "base/error.h"
#include "model/tokenizer.h"

#include <algorithm>
#include <memory>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t cache_version = 2;  // part of every key: raise it when tokenizing changes

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

std::uint64_t combine(std::uint64_t hash, std::uint64_t value) { return hash_bytes(std::as_bytes(std::span(&value, 1)), hash); }

std::string_view text_of(const MappedFile& file) { return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}; }

fs::path cache_path(const std::vector<MappedFile>& files, const TextEncoder& encoder, int width) {
  std::uint64_t key = combine(encoder.identity, cache_version);
  for (const MappedFile& file : files) key = combine(hash_bytes(file.bytes(), key), file.bytes().size());
  return cache_folder() / "tokens" / fmt::format("{:016x}.u{}", key, 8 * width);
}

void write_tokens(AtomicFile& out, std::span<const std::int32_t> ids, int width) {
  std::vector<std::byte> bytes(ids.size() * static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (int b = 0; b < width; ++b)
      bytes[i * static_cast<std::size_t>(width) + static_cast<std::size_t>(b)] = static_cast<std::byte>(ids[i] >> (8 * b));
  out.write(bytes);
}

void fill_cache(const fs::path& path, const std::vector<MappedFile>& files, const TextEncoder& encoder, int width) {
  fs::create_directories(path.parent_path());
  AtomicFile out(path);
  if (fs::exists(path)) return;  // another run has filled it while this one waited
  for (const MappedFile& file : files)
    encoder.encode(text_of(file), [&](std::span<const std::int32_t> ids) { write_tokens(out, ids, width); });
  out.commit();
}

}  // namespace

TextEncoder text_encoder(const fs::path& tokenizer) {
  if (tokenizer == "bytes") return {encode_bytes, 256, hash_text("bytes")};
  const auto loaded = std::make_shared<const Tokenizer>(Tokenizer::load(tokenizer));
  const auto encode = [loaded](std::string_view text, const IdSink& ids) {
    loaded->encode_long(text, {.scratch_folder = cache_folder() / "tokens"}, ids);
  };
  return {encode, loaded->vocabulary_size(), hash_text(read_text(tokenizer))};
}

TextTokens::TextTokens(const std::vector<fs::path>& paths, const TextEncoder& encoder) : width_(encoder.vocabulary <= 65536 ? 2 : 4) {
  std::vector<MappedFile> files;
  for (const fs::path& path : paths) files.emplace_back(path);
  const fs::path cached = cache_path(files, encoder, width_);
  if (!fs::exists(cached)) fill_cache(cached, files, encoder, width_);
  file_.emplace(cached);
}

}  // namespace ablate
