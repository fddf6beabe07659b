#include "model/tokenizer/pre_tokenizer.h"

#include "model/tokenizer/byte_alphabet.h"
#include "model/tokenizer/metaspace.h"
#include "model/tokenizer/regex.h"
#include "model/tokenizer/replacement.h"
#include "model/tokenizer/unicode.h"

#include <string>
#include <utility>
#include <vector>

namespace ablate {

namespace {

/// The words of GPT-2 (Radford et al. 2019, encoder.py).
constexpr std::string_view gpt2_words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// Rust's \w and \s, in PCRE2's words.
constexpr std::string_view rust_words =
    R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\t-\r\x{85}\p{Z}]+)";

/// Splits at the matches of a pattern, or, inverted, at what lies between them.
void split_at_matches(const Regex& pattern, bool inverted, SplitBehavior behavior, Piece piece, PieceSink sink) {
  Splitter splitter(piece, behavior, sink);
  std::size_t done = 0;
  for (Regex::Scan scan(pattern, piece.text); scan.next(); done = scan.end()) {
    if (done != scan.begin()) splitter.span(done, scan.begin(), inverted);
    splitter.span(scan.begin(), scan.end(), !inverted);
  }
  if (done != piece.text.size()) splitter.span(done, piece.text.size(), inverted);
  splitter.flush();
}

/// Splits at every character for which `is_delimiter` holds.
template <class Predicate>
void split_at_characters(Predicate is_delimiter, SplitBehavior behavior, Piece piece, PieceSink sink) {
  Splitter splitter(piece, behavior, sink);
  std::size_t done = 0;
  for (std::size_t at = 0; at < piece.text.size();) {
    const std::size_t begin = at;
    if (!is_delimiter(next_code_point(piece.text, at))) continue;
    if (done < begin) splitter.span(done, begin, false);
    splitter.span(begin, at, true);
    done = at;
  }
  if (done < piece.text.size()) splitter.span(done, piece.text.size(), false);
  splitter.flush();
}

class Split : public PreTokenizer {
 public:
  Split(Regex pattern, SplitBehavior behavior, bool inverted) : pattern_(std::move(pattern)), behavior_(behavior), inverted_(inverted) {}
  void split(Piece piece, PieceSink sink) const override { split_at_matches(pattern_, inverted_, behavior_, piece, sink); }

 private:
  Regex pattern_;
  SplitBehavior behavior_;
  bool inverted_;
};

/// Splits into GPT-2's words unless the file leaves that to another step, and spells the bytes as characters.
class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool prefix_space, bool use_regex, const std::string& where)
      : prefix_space_(prefix_space), use_regex_(use_regex), words_(gpt2_words, RegexSyntax::oniguruma, where) {}

  void split(Piece piece, PieceSink sink) const override {
    std::string prefixed;
    if (prefix_space_ && !piece.text.starts_with(' ')) {
      prefixed.append(" ").append(piece.text);
      piece.text = prefixed;
    }
    std::string spelled;
    const auto spell = [&](Piece word) {
      spelled.clear();
      append_byte_characters(spelled, word.text);
      sink({spelled, word.at_start});
    };
    if (use_regex_) {
      split_at_matches(words_, false, SplitBehavior::isolated, piece, spell);
    } else {
      spell(piece);
    }
  }

 private:
  bool prefix_space_, use_regex_;
  Regex words_;
};

/// SentencePiece's spaces: each becomes a visible character, one is put in front, and words start at them (Kudo and Richardson 2018).
class MetaspaceWords : public PreTokenizer {
 public:
  explicit MetaspaceWords(Metaspace settings) : settings_(std::move(settings)) {
    std::size_t at = 0;
    mark_ = next_code_point(settings_.replacement, at);
  }

  void split(Piece piece, PieceSink sink) const override {
    std::string marked;
    for (const char c : piece.text) {
      if (c == ' ') {
        marked += settings_.replacement;
      } else {
        marked += c;
      }
    }
    const bool wanted = settings_.scheme == Metaspace::Scheme::always || (settings_.scheme == Metaspace::Scheme::first && piece.at_start);
    if (wanted && !marked.starts_with(settings_.replacement)) marked.insert(0, settings_.replacement);
    const Piece whole{marked, piece.at_start};
    if (settings_.split) {
      split_at_characters([this](char32_t c) { return c == mark_; }, SplitBehavior::merged_with_next, whole, sink);
    } else {
      sink(whole);
    }
  }

 private:
  Metaspace settings_;
  char32_t mark_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(bool individual) : behavior_(individual ? SplitBehavior::isolated : SplitBehavior::contiguous) {}
  void split(Piece piece, PieceSink sink) const override { split_at_characters(is_numeric, behavior_, piece, sink); }

 private:
  SplitBehavior behavior_;
};

class WhitespaceSplit : public PreTokenizer {
 public:
  void split(Piece piece, PieceSink sink) const override { split_at_characters(is_whitespace, SplitBehavior::removed, piece, sink); }
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> steps) : steps_(std::move(steps)) {}
  void split(Piece piece, PieceSink sink) const override { run(0, piece, sink); }

 private:
  void run(std::size_t step, Piece piece, PieceSink sink) const {
    if (step == steps_.size()) return sink(piece);
    steps_[step]->split(piece, [&, step](Piece part) { run(step + 1, part, sink); });
  }

  std::vector<std::unique_ptr<PreTokenizer>> steps_;
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

std::unique_ptr<PreTokenizer> read(const JsonNode& node, int depth) {
  const JsonNode type = node.at("type");
  const std::string& name = type.string();
  if (name == "Sequence") {
    node.allow_only({"type", "pretokenizers"});
    require_depth(node, depth);
    std::vector<std::unique_ptr<PreTokenizer>> steps;
    for (const JsonNode& step : node.at("pretokenizers").elements()) steps.push_back(read(step, depth + 1));
    return std::make_unique<Sequence>(std::move(steps));
  }
  if (name == "ByteLevel") {
    node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    return std::make_unique<ByteLevel>(node.at("add_prefix_space").boolean(), node.flag("use_regex", true), node.where());
  }
  if (name == "Split") {
    node.allow_only({"type", "pattern", "behavior", "invert"});
    return std::make_unique<Split>(read_pattern(node.at("pattern")), read_behavior(node.at("behavior")), node.at("invert").boolean());
  }
  if (name == "Metaspace") return std::make_unique<MetaspaceWords>(read_metaspace(node));
  if (name == "Digits") {
    node.allow_only({"type", "individual_digits"});
    return std::make_unique<Digits>(node.at("individual_digits").boolean());
  }
  if (name == "Whitespace") {
    node.allow_only({"type"});
    return std::make_unique<Split>(Regex(rust_words, RegexSyntax::pcre2, node.where()), SplitBehavior::removed, true);
  }
  if (name == "WhitespaceSplit") {
    node.allow_only({"type"});
    return std::make_unique<WhitespaceSplit>();
  }
  type.refuse_name("ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit or Sequence");
}

}  // namespace

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonNode& node) { return read(node, 0); }

}  // namespace ablate
