#include "model/tokenizer/normalizer.h"

#include "model/tokenizer/byte_alphabet.h"
#include "model/tokenizer/regex.h"
#include "model/tokenizer/replacement.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ablate {

namespace {

std::string as_utf8(char32_t c) {
  std::string text;
  append_utf8(text, c);
  return text;
}

char32_t first_of(std::string_view text) {
  std::size_t at = 0;
  return next_code_point(text, at);
}

char32_t last_of(std::string_view text) { return first_of(text.substr(character_begin(text, text.size() - 1))); }

/// Text without the characters that `keep` says no to.
template <class Predicate>
void keep_characters(NormalizedText& text, Predicate keep) {
  std::string kept;
  kept.reserve(text.text.size());
  for (std::size_t at = 0; at < text.text.size();) {
    const std::size_t begin = at;
    if (keep(next_code_point(text.text, at))) {
      kept.append(text.text, begin, at - begin);
    } else if (begin == 0) {
      text.at_start = false;
    }
  }
  text.text = std::move(kept);
}

template <class Map>
void map_characters(std::string& text, Map map) {
  std::string mapped;
  mapped.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append_utf8(mapped, map(next_code_point(text, at)));
  text = std::move(mapped);
}

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  void apply(NormalizedText& text) const override { text.text = normal_form(text.text, form_); }

  // No character goes together with an ASCII character before it, nor with a control character on any side. What is before may be no other:
  // it might be several in another form.
  bool splits(char32_t& before, char32_t& after) const override {
    const bool takes_marks = (after >= '<' && after <= '>') || (after >= 'A' && after <= 'Z') || (after >= 'a' && after <= 'z');
    const bool starts_anew = after < 0x80 || before < ' ';
    if (after >= 0x80 || takes_marks) after = unknown_character;
    return before < 0x80 && starts_anew;
  }

 private:
  NormalForm form_;
};

class Lowercase : public Normalizer {
 public:
  void apply(NormalizedText& text) const override { text.text = lowercase(text.text); }

  bool splits(char32_t& before, char32_t& after) const override {
    before = last_of(lowercase(as_utf8(before)));
    if (after != unknown_character) after = first_of(lowercase(as_utf8(after)));
    return true;
  }
};

/// Removes some characters, and makes spaces of some others.
class Cleaning : public Normalizer {
 public:
  using Predicate = bool (*)(char32_t c);
  Cleaning(Predicate removed, Predicate space) : removed_(removed), space_(space) {}

  void apply(NormalizedText& text) const override {
    keep_characters(text, [this](char32_t c) { return !removed_(c); });
    map_characters(text.text, [this](char32_t c) { return mapped(c); });
  }

  bool splits(char32_t& before, char32_t& after) const override {
    const bool stay = !removed_(before) && after != unknown_character && !removed_(after);
    before = mapped(before);
    after = mapped(after);
    return stay;
  }

 private:
  char32_t mapped(char32_t c) const { return space_(c) ? U' ' : c; }

  Predicate removed_, space_;
};

/// What the machine translation of SentencePiece does to control characters and rare spaces.
std::unique_ptr<Normalizer> nmt() {
  return std::make_unique<Cleaning>(
      [](char32_t c) { return (c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F; },
      [](char32_t c) {
        return c == 9 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
               c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      });
}

bool never(char32_t) { return false; }

/// Removes the marks of decomposed letters.
std::unique_ptr<Normalizer> strip_accents() { return std::make_unique<Cleaning>(is_mark, never); }

/// Removes marks that take no space of their own.
std::unique_ptr<Normalizer> bert_accents() { return std::make_unique<Cleaning>(is_nonspacing_mark, never); }

/// Removes control characters, and makes all white space spaces.
std::unique_ptr<Normalizer> bert_clean() {
  return std::make_unique<Cleaning>(
      [](char32_t c) { return c == 0 || c == 0xFFFD || (c != '\t' && c != '\n' && c != '\r' && is_other(c)); },
      [](char32_t c) { return is_whitespace(c); });
}

class SpelledBytes : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    std::string spelled;
    spelled.reserve(text.text.size() + text.text.size() / 4);
    append_byte_characters(spelled, text.text);
    text.text = std::move(spelled);
  }

  bool splits(char32_t& before, char32_t& after) const override {
    before = last_of(spelling(before));
    if (after != unknown_character) after = first_of(spelling(after));
    return true;
  }

 private:
  static std::string spelling(char32_t c) {
    std::string spelled;
    append_byte_characters(spelled, as_utf8(c));
    return spelled;
  }
};

/// Puts spaces around Chinese characters.
class BertChinese : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    std::string spaced;
    for (std::size_t at = 0; at < text.text.size();) {
      const std::size_t begin = at;
      const bool chinese = is_chinese(next_code_point(text.text, at));
      if (chinese) spaced += ' ';
      spaced.append(text.text, begin, at - begin);
      if (chinese) spaced += ' ';
    }
    text.text = std::move(spaced);
  }
  bool splits(char32_t& before, char32_t& after) const override {
    return !is_chinese(before) && after != unknown_character && !is_chinese(after);
  }

 private:
  /// Google's BERT, tokenization.py; 0x2B920 rather than 0x2B820 as in the `tokenizers` library.
  static bool is_chinese(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
  }
};

/// Removes white space from the ends.
class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  void apply(NormalizedText& text) const override {
    std::size_t begin = 0;
    std::size_t end = 0;  // behind the last character that is no white space
    bool only_space = true;
    for (std::size_t at = 0; at < text.text.size();) {
      const bool space = is_whitespace(next_code_point(text.text, at));
      if (!space) end = at;
      if (space && only_space) begin = at;
      only_space = only_space && space;
    }
    if (right_) text.text.resize(end);
    if (!left_ || begin == 0) return;
    text.text.erase(0, begin);
    text.at_start = false;
  }
  bool splits(char32_t& before, char32_t& after) const override {
    return !is_whitespace(before) && after != unknown_character && !is_whitespace(after);
  }

 private:
  bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(NormalizedText& text) const override {
    if (!text.continues && !text.text.empty()) text.text.insert(0, prefix_);
  }
  bool splits(char32_t&, char32_t&) const override { return true; }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  explicit Replace(Replacement replacement) : replacement_(std::move(replacement)) {}

  void apply(NormalizedText& text) const override {
    // New text counts as coming from the last character it replaces.
    const std::size_t first_match = replacement_.match_at_start(text.text);
    std::size_t first_character = 0;
    if (!text.text.empty()) next_code_point(text.text, first_character);
    if (first_match > 0 && (first_match != first_character || replacement_.content().empty())) text.at_start = false;
    text.text = replacement_.apply(text.text);
  }
  bool splits(char32_t& before, char32_t& after) const override {
    if (after != unknown_character && !replacement_.leaves(after)) after = unknown_character;
    return replacement_.leaves(before);
  }

 private:
  Replacement replacement_;
};

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  void apply(NormalizedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }
  bool splits(char32_t& before, char32_t& after) const override {
    return std::all_of(steps_.begin(), steps_.end(), [&](const auto& step) { return step->splits(before, after); });
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

std::unique_ptr<Normalizer> read(const JsonNode& node, int depth);

std::unique_ptr<Normalizer> read_sequence(const JsonNode& node, int depth) {
  node.allow_only({"type", "normalizers"});
  require_depth(node, depth);
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const JsonNode& step : node.at("normalizers").elements()) steps.push_back(read(step, depth + 1));
  return std::make_unique<Sequence>(std::move(steps));
}

/// The steps of Google's BERT (tokenization.py), each of which can be switched off.
std::unique_ptr<Normalizer> read_bert(const JsonNode& node) {
  node.allow_only({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool lower = node.at("lowercase").boolean();
  std::vector<std::unique_ptr<Normalizer>> steps;
  if (node.at("clean_text").boolean()) steps.push_back(bert_clean());
  if (node.at("handle_chinese_chars").boolean()) steps.push_back(std::make_unique<BertChinese>());
  if (node.flag("strip_accents", lower)) {
    steps.push_back(std::make_unique<UnicodeForm>(NormalForm::nfd));
    steps.push_back(bert_accents());
  }
  if (lower) steps.push_back(std::make_unique<Lowercase>());
  return std::make_unique<Sequence>(std::move(steps));
}

std::unique_ptr<Normalizer> read_form(const JsonNode& node, NormalForm form) {
  node.allow_only({"type"});
  return std::make_unique<UnicodeForm>(form);
}

std::unique_ptr<Normalizer> read(const JsonNode& node, int depth) {
  const JsonNode type = node.at("type");
  const std::string& name = type.string();
  if (name == "Sequence") return read_sequence(node, depth);
  if (name == "NFC") return read_form(node, NormalForm::nfc);
  if (name == "NFD") return read_form(node, NormalForm::nfd);
  if (name == "NFKC") return read_form(node, NormalForm::nfkc);
  if (name == "NFKD") return read_form(node, NormalForm::nfkd);
  if (name == "Replace") return std::make_unique<Replace>(read_replacement(node));
  if (name == "Lowercase") {
    node.allow_only({"type"});
    return std::make_unique<Lowercase>();
  }
  if (name == "Strip") {
    node.allow_only({"type", "strip_left", "strip_right"});
    return std::make_unique<Strip>(node.at("strip_left").boolean(), node.at("strip_right").boolean());
  }
  if (name == "Prepend") {
    node.allow_only({"type", "prepend"});
    return std::make_unique<Prepend>(node.at("prepend").string());
  }
  if (name == "StripAccents" || name == "Nmt" || name == "ByteLevel") {
    node.allow_only({"type"});
    if (name == "ByteLevel") return spelled_bytes();
    return name == "Nmt" ? nmt() : strip_accents();
  }
  if (name == "BertNormalizer") return read_bert(node);
  type.refuse_name("NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace, Nmt, ByteLevel, BertNormalizer or Sequence");
}

}  // namespace

std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node) { return read(node, 0); }
std::unique_ptr<Normalizer> spelled_bytes() { return std::make_unique<SpelledBytes>(); }

}  // namespace ablate
