#include "model/tokenizer/replacement.h"

#include "base/error.h"
#include "model/tokenizer/unicode.h"

#include <algorithm>

namespace ablate {

// Steps in a row can double the text again and again.
static constexpr std::size_t longest_text = std::size_t{1} << 30;

Regex read_pattern(const JsonNode& node) {
  node.allow_only({"String", "Regex"});
  if (const auto text = node.find("String")) return {text->string(), RegexSyntax::literal, text->where()};
  const JsonNode regex = node.at("Regex");
  return {regex.string(), RegexSyntax::oniguruma, regex.where()};
}

Replacement read_replacement(const JsonNode& node) {
  node.allow_only({"type", "pattern", "content"});
  return {read_pattern(node.at("pattern")), node.at("content").string()};
}

std::string Replacement::apply(std::string_view text) const {
  std::string result;
  result.reserve(text.size());
  std::size_t copied = 0;
  const std::size_t longest = std::max(longest_text, 4 * text.size());
  for (Regex::Scan scan(pattern_, text); scan.next(); copied = scan.end()) {
    result.append(text.substr(copied, scan.begin() - copied));
    result += content_;
    require(result.size() <= longest, "a Replace step makes the text longer than {} bytes", longest);
  }
  result.append(text.substr(copied));
  return result;
}

bool Replacement::leaves(char32_t character) const {
  std::string spelled;
  append_utf8(spelled, character);
  const std::string* text = pattern_.literal();
  return text && text->find(spelled) == text->npos;
}

std::size_t Replacement::match_at_start(std::string_view text) const {
  Regex::Scan scan(pattern_, text);
  return scan.next() && scan.begin() == 0 ? scan.end() : 0;
}

}  // namespace ablate
