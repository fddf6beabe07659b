#include "model/tokenizer/pre_tokenizer.h"

#include "model/tokenizer/metaspace.h"
#include "model/tokenizer/regex.h"
#include "model/tokenizer/replacement.h"
#include "model/tokenizer/unicode.h"

#include <utility>

namespace ablate {

namespace {

/// The words of GPT-2 (Radford et al. 2019, encoder.py).
constexpr std::string_view gpt2_words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// Rust's \w+|[^\w\s]+
constexpr std::string_view rust_words =
    R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\t-\r\x{85}\p{Z}]+)";

/// Puts a space in front of text that has none there.
class PrefixSpace : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    if (!text.continues && !text.text.starts_with(' ')) text.text.insert(0, 1, ' ');
  }
  bool splits(char32_t&, char32_t&) const override { return true; }
};

/// SentencePiece's spaces: each becomes a visible character, and one is put in front (Kudo and Richardson 2018).
class VisibleSpaces : public Normalizer {
 public:
  explicit VisibleSpaces(Metaspace settings) : settings_(std::move(settings)) {}

  void apply(NormalizedText& text) const override {
    std::string marked;
    marked.reserve(text.text.size() + text.text.size() / 2);
    for (const char c : text.text) {
      if (c == ' ') {
        marked += settings_.replacement;
      } else {
        marked += c;
      }
    }
    const bool wanted = settings_.scheme == Metaspace::Scheme::always || (settings_.scheme == Metaspace::Scheme::first && text.at_start);
    if (!text.continues && wanted && !marked.starts_with(settings_.replacement)) marked.insert(0, settings_.replacement);
    text.text = std::move(marked);
  }
  bool splits(char32_t& before, char32_t& after) const override {
    if (after == ' ') after = unknown_character;
    return before != ' ';
  }

 private:
  Metaspace settings_;
};

SplitBehavior read_behavior(const JsonNode& node) {
  const std::string& name = node.string();
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  node.refuse_name("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

char32_t read_character(const JsonNode& node) {
  const std::string character = node.character();
  std::size_t at = 0;
  return next_code_point(character, at);
}

}  // namespace

PreTokenizer::PreTokenizer(const std::optional<JsonNode>& node) {
  if (node) read(*node, 0);
}

void PreTokenizer::read_byte_level(const JsonNode& node) {
  node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (node.at("add_prefix_space").boolean()) rewrite(std::make_unique<PrefixSpace>());
  if (node.flag("use_regex", true))
    cut(std::make_unique<MatchCutter>(Regex(gpt2_words, RegexSyntax::oniguruma, node.where()), SplitBehavior::isolated, false));
  rewrite(spelled_bytes());
}

void PreTokenizer::read_metaspace_step(const JsonNode& node) {
  const Metaspace settings = read_metaspace(node);
  rewrite(std::make_unique<VisibleSpaces>(settings));
  std::size_t at = 0;
  if (settings.split) cut(cut_at_character(next_code_point(settings.replacement, at), SplitBehavior::merged_with_next));
}

void PreTokenizer::read(const JsonNode& node, int depth) {
  const JsonNode type = node.at("type");
  const std::string& name = type.string();
  if (name == "Sequence") {
    node.allow_only({"type", "pretokenizers"});
    require_depth(node, depth);
    for (const JsonNode& step : node.at("pretokenizers").elements()) read(step, depth + 1);
  } else if (name == "ByteLevel") {
    read_byte_level(node);
  } else if (name == "Split") {
    node.allow_only({"type", "pattern", "behavior", "invert"});
    cut(std::make_unique<MatchCutter>(read_pattern(node.at("pattern")), read_behavior(node.at("behavior")), node.at("invert").boolean()));
  } else if (name == "Metaspace") {
    read_metaspace_step(node);
  } else if (name == "Digits") {
    node.allow_only({"type", "individual_digits"});
    const bool individual = node.at("individual_digits").boolean();
    cut(cut_at_characters(is_numeric, individual ? SplitBehavior::isolated : SplitBehavior::contiguous));
  } else if (name == "Punctuation") {
    node.allow_only({"type", "behavior"});
    const auto behavior = node.find("behavior");
    cut(cut_at_characters(is_punctuation, behavior ? read_behavior(*behavior) : SplitBehavior::isolated));
  } else if (name == "BertPreTokenizer") {
    node.allow_only({"type"});
    cut(cut_at_characters(is_whitespace, SplitBehavior::removed));
    cut(cut_at_characters(is_punctuation, SplitBehavior::isolated));
  } else if (name == "CharDelimiterSplit") {
    node.allow_only({"type", "delimiter"});
    cut(cut_at_character(read_character(node.at("delimiter")), SplitBehavior::removed));
  } else if (name == "UnicodeScripts") {
    node.allow_only({"type"});
    cut(cut_at_scripts());
  } else if (name == "FixedLength") {
    node.allow_only({"type", "length"});
    const auto length = node.find("length");
    cut(cut_at_lengths(static_cast<std::size_t>(length ? length->integer(1, INT64_MAX) : 5)));
  } else if (name == "Whitespace") {
    node.allow_only({"type"});
    cut(std::make_unique<MatchCutter>(Regex(rust_words, RegexSyntax::oniguruma, node.where()), SplitBehavior::removed, true));
  } else if (name == "WhitespaceSplit") {
    node.allow_only({"type"});
    cut(cut_at_characters(is_whitespace, SplitBehavior::removed));
  } else {
    type.refuse_name(
        "ByteLevel, Split, Digits, Punctuation, Metaspace, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, "
        "UnicodeScripts, FixedLength or Sequence");
  }
}

void PreTokenizer::split(Piece piece, PieceSink sink, std::size_t step) const {
  if (step == steps_.size()) return sink(piece);
  const Step& now = steps_[step];
  if (now.cut) return now.cut->cut(piece, [&](Piece part) { split(part, sink, step + 1); });
  NormalizedText text{std::string(piece.text), piece.at_start};
  now.rewrite->apply(text);
  if (!text.text.empty()) split({text.text, text.at_start}, sink, step + 1);
}

}  // namespace ablate
