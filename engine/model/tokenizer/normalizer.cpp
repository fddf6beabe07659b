#include "model/tokenizer/normalizer.h"

#include "model/tokenizer/regex.h"
#include "model/tokenizer/replacement.h"
#include "model/tokenizer/unicode.h"

#include <utility>
#include <vector>

namespace ablate {

namespace {

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  void apply(NormalizedText& text) const override { text.text = normal_form(text.text, form_); }

 private:
  NormalForm form_;
};

class Lowercase : public Normalizer {
 public:
  void apply(NormalizedText& text) const override { text.text = lowercase(text.text); }
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

 private:
  bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(NormalizedText& text) const override {
    if (!text.text.empty()) text.text.insert(0, prefix_);
  }

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

 private:
  Replacement replacement_;
};

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  void apply(NormalizedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
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
  type.refuse_name("NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace or Sequence");
}

}  // namespace

std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node) { return read(node, 0); }

}  // namespace ablate
