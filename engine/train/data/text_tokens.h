// Text files as one row of tokens, tokenized once and kept in the cache folder.
#pragma once

#include "base/cache.h"
#include "train/data/windows.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Takes ids as they come.
using IdSink = std::function<void(std::span<const std::int32_t> ids)>;

/// Turns text into ids.
struct TextEncoder {
  std::function<void(std::string_view text, const IdSink& ids)> encode;
  std::int64_t vocabulary = 0;
  std::string identity;                                       ///< two encoders that differ have different ones
  bool decodes = true;                                        ///< takes text as UTF-8: what is not becomes U+FFFD
  std::function<std::string(std::int32_t id)> spelling = {};  ///< of a token, for messages
};

/// "bytes": one token per byte; else the path of a tokenizer.json. Throws InputError.
TextEncoder text_encoder(const std::filesystem::path& tokenizer);

/// The tokens of the files, one file after another, each as a whole. They are made only when the cache does not hold them for these contents
/// and this encoder. Where the cache cannot keep them they stay in memory, and `note` gets a line that says why.
class TextTokens {
 public:
  TextTokens(const std::vector<std::filesystem::path>& files, const TextEncoder& encoder,
             const std::function<void(const std::string&)>& note = {});

  TokenSpan tokens() const { return {cached_ ? cached_->bytes() : std::span<const std::byte>(memory_), width_}; }

 private:
  int width_;
  std::optional<CacheFile::Content> cached_;
  std::vector<std::byte> memory_;
};

}  // namespace ablate
