// Text files as one row of tokens, tokenized once and kept in the cache folder.
#pragma once

#include "base/cache.h"
#include "train/data/windows.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
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
  std::function<void(std::string_view text, const IdSink& ids)> encode;  ///< one long text, on all cores
  /// Several texts on one core, each by itself: the sink is called once for each.
  std::function<void(std::span<const std::string_view> texts, const IdSink& ids)> encode_each;
  std::int64_t vocabulary = 0;
  std::string identity;                                       ///< two encoders that differ have different ones
  bool decodes = true;                                        ///< takes text as UTF-8: what is not becomes U+FFFD
  std::function<std::string(std::int32_t id)> spelling = {};  ///< of a token, for messages
};

/// "bytes": one token per byte; else the path of a tokenizer.json. Throws InputError.
TextEncoder text_encoder(const std::filesystem::path& tokenizer);

/// How documents become one row of ids.
struct TextRules {
  std::string field = "text";                         ///< of a line of JSON
  std::int32_t start_id = -1, end_id = -1;            ///< before and behind every document that has ids; -1: none
  std::size_t batch = 32 << 20;                       ///< bytes of text that are tokenized at a time; decides no id
  unsigned threads = 0;                               ///< 0: all cores; decides no id
  std::function<void(const std::string&)> note = {};  ///< takes what is to be said of the text, a line each
  std::function<void(const std::string&)> tell = {};  ///< takes how far things are, a line every ten seconds
};

/// Ids of so many bytes hold a vocabulary.
inline int width_of_ids(std::int64_t vocabulary) { return vocabulary <= 65536 ? 2 : 4; }
/// Little-endian, `width` bytes each.
std::vector<std::byte> pack_ids(std::span<const std::int32_t> ids, int width);

class Corpus;

/// The tokens of the files, one document after another. They are made only when the cache does not hold them for these contents and this
/// encoder. Where the cache cannot keep them they stay in memory, and the note says why.
class TextTokens {
 public:
  TextTokens(const std::vector<std::filesystem::path>& files, const TextEncoder& encoder, const TextRules& rules = {});
  ~TextTokens();

  TokenSpan tokens() const;
  /// The greatest id, where it is known.
  std::optional<std::int32_t> greatest() const;

 private:
  void take_plain(const std::vector<std::filesystem::path>& files, const TextEncoder& encoder, const TextRules& rules);

  int width_;
  std::unique_ptr<Corpus> corpus_;
  std::optional<CacheFile::Content> cached_;
  std::vector<std::byte> memory_;
};

}  // namespace ablate
