// Text to token ids and back, as a Hugging Face tokenizer.json says, or a GGUF file.
//
// The steps, and the corners of each, follow the `tokenizers` library: added tokens are cut out of the raw text, what is left is
// normalized, added tokens that ask for it are cut out of the normalized text, the rest is split into words (pre-tokenizer), every word is
// merged by byte pair encoding (Sennrich et al. 2016), and the post-processor puts special tokens around the result.
#pragma once

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

struct TokenizerParts;

struct LongTextOptions {
  std::filesystem::path scratch_folder = {};  ///< where long text may lie between two steps; empty: in memory
  std::size_t memory = 256 << 20;             ///< so many bytes of it stay in memory all the same
  std::size_t window = 1 << 20;               ///< about so many bytes are encoded by a thread at a time
  unsigned threads = 0;                       ///< 0: as many as the machine has cores
};

/// Immutable after loading: cheap to copy, and safe to use from several threads at once.
///
/// Supported: the BPE model (byte fallback, unknown tokens, `ignore_merges`); the normalizers NFC, NFD, NFKC, NFKD, Lowercase, Strip,
/// StripAccents, Prepend, Replace, Nmt, ByteLevel, BertNormalizer, Sequence; the pre-tokenizers ByteLevel, Split, Digits, Punctuation,
/// Metaspace, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, UnicodeScripts, FixedLength, Sequence; the post-processors
/// TemplateProcessing (its `single` template), BertProcessing, RobertaProcessing, ByteLevel, Sequence; the decoders ByteLevel, ByteFallback,
/// Fuse, Replace, Strip, Metaspace, WordPiece, BPEDecoder, CTC, Sequence. `truncation` and `padding` shape batches rather than tokens: they
/// are not applied, as Transformers does not apply them unless asked to.
///
/// docs/tokenizers.md says which versions of Unicode are used for what.
class Tokenizer {
 public:
  /// Throws InputError naming the file and the JSON key of whatever is missing, malformed or not supported: nothing is ignored. A decoder
  /// that is not supported is told by decode().
  static Tokenizer load(const std::filesystem::path& path);

  /// The same for the text of a tokenizer.json; `name` stands for the path in messages.
  static Tokenizer parse(std::string_view json, const std::string& name);

  /// `text` should be UTF-8; what is not becomes U+FFFD, one for every maximal ill-formed part, as Python's errors="replace" does. With
  /// `special_tokens` the post-processor adds its tokens; special tokens written out in `text` are recognized either way. Throws InputError
  /// when a pattern of the tokenizer gives up on the text, or the text has a character that is neither in the vocabulary nor covered by an
  /// unknown token that is.
  std::vector<std::int32_t> encode(std::string_view text, bool special_tokens = true) const;

  /// The ids of encode(text, false) of each of the texts, one after another, on this thread: what words were found to be in one serves the
  /// others.
  void encode_each(std::span<const std::string_view> texts, const std::function<void(std::span<const std::int32_t>)>& ids) const;

  /// The ids of encode(text, false), passed on in order as they are found: on several cores, and with little memory beside the text, which may
  /// be a mapped file of any length. (A pattern sees at most a GiB of text on each side of a place; a normalizer that replaces what a
  /// regular expression matches needs the text in memory.)
  void encode_long(std::string_view text, const LongTextOptions& options,
                   const std::function<void(std::span<const std::int32_t>)>& ids) const;

  /// Always UTF-8. Throws InputError when the file's decoder is not supported. Ids that are no token are left out, and special tokens too if `skip_special`. Without a decoder in the file the tokens
  /// are joined by spaces.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = true) const;

  /// One more than the greatest id: the rows that an embedding needs.
  int vocabulary_size() const;

  /// The id of the token with this content (spelled as in the file: "Ġthe"), added tokens included.
  std::optional<std::int32_t> id_of(std::string_view token) const;

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts);
  std::shared_ptr<const TokenizerParts> parts_;
};

}  // namespace ablate
