// Any bytes as a tokenizer.json, as a pattern in one ("/" in front), or as a text ("\"" in front): ids and text again, the
// same ids however the text is cut, or an InputError of one line. To start from: tests/fuzz/seeds/tokenizer.
#include "base/error.h"
#include "model/tokenizer.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdlib>

using namespace ablate;
using nlohmann::json;

namespace {

constexpr std::string_view sample = "The 12 caf\u00e9s aren't\t\u65e5\u672c  <s>ab abab\r\n ";
constexpr std::size_t longest_for_patterns = 64;  // patterns may take a long time for every character

json with(const char* part, json value) {
  json file = json::parse(R"({
    "added_tokens": [{"id": 5, "content": "<s>", "single_word": false, "lstrip": true, "rstrip": true, "normalized": false, "special": true}],
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "abab": 3, "\u2581": 4, "<0xE2>": 6, "?": 7}, "merges": ["a b", ["ab", "ab"]],
              "byte_fallback": true, "unk_token": "?", "fuse_unk": true}})");
  file[part] = std::move(value);
  return file;
}

void round_trip(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text);
  for (const std::int32_t id : ids) {
    if (id < 0) std::abort();
  }
  std::vector<std::int32_t> in_windows;
  tokenizer.encode_long(text, {.scratch_folder = {}, .memory = 256 << 20, .window = 16, .threads = 2},
                        [&](std::span<const std::int32_t> found) { in_windows.insert(in_windows.end(), found.begin(), found.end()); });
  if (in_windows != tokenizer.encode(text, false)) std::abort();
  tokenizer.decode(ids);
  tokenizer.decode(ids, false);
}

void read_file(std::string_view bytes) { round_trip(Tokenizer::parse(bytes, "fuzz"), sample); }

void split_by_pattern(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const json pattern = {{"Regex", bytes.substr(0, line)}};
  const json split = {{"type", "Split"}, {"pattern", pattern}, {"behavior", "MergedWithNext"}, {"invert", false}};
  const std::string file = with("pre_tokenizer", split).dump(-1, ' ', false, json::error_handler_t::replace);
  const Tokenizer tokenizer = Tokenizer::parse(file, "fuzz");
  round_trip(tokenizer, sample);
  round_trip(tokenizer, bytes.substr(line).substr(0, longest_for_patterns));
}

void read_text(std::string_view bytes) {
  static const std::array tokenizers = {
      Tokenizer::parse(with("normalizer", {{"type", "NFKC"}}).dump(), "fuzz"),
      Tokenizer::parse(with("pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}}).dump(),
                       "fuzz"),
      Tokenizer::parse(with("pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", true}}).dump(), "fuzz"),
      Tokenizer::parse(with("pre_tokenizer", {{"type", "UnicodeScripts"}}).dump(), "fuzz"),
      Tokenizer::parse(
          with("normalizer", {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"lowercase", true}})
              .dump(),
          "fuzz"),
      Tokenizer::parse(with("decoder", {{"type", "ByteFallback"}}).dump(), "fuzz"),
  };
  for (const Tokenizer& tokenizer : tokenizers) round_trip(tokenizer, bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    switch (bytes.front()) {
      case '/': split_by_pattern(bytes.substr(1)); break;
      case '"': read_text(bytes.substr(1)); break;
      default: read_file(bytes);
    }
  } catch (const InputError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
  return 0;
}
