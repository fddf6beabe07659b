#include "model/hooks.h"

#include <doctest/doctest.h>

#include <random>

using namespace ablate;

namespace {

// By definition: exponential, so for short texts only.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("patterns of hook points") {
  CHECK(hook_matches("residual.*", "residual.12"));
  CHECK(hook_matches("attn.q", "layer.3.attn.q"));
  CHECK(hook_matches("layer.*.ffn.*", "layer.10.ffn.up"));
  CHECK(hook_matches("*", "logits"));
  CHECK(hook_matches("logits**", "logits"));
  CHECK_FALSE(hook_matches("residual.1", "residual.12"));
  CHECK_FALSE(hook_matches("", "logits"));
  CHECK_FALSE(hook_matches("attn.q", "layer.3.attn.qk"));
}

TEST_CASE("every pattern of two letters and stars matches what its definition says") {
  std::mt19937 random(1);
  const auto text = [&](const char* letters, unsigned kinds) {
    std::string t(random() % 9, ' ');
    for (char& c : t) c = letters[random() % kinds];
    return t;
  };
  int matched = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string pattern = text("ab**", 4), name = text("ab", 2);
    CAPTURE(pattern);
    CAPTURE(name);
    const bool expected = matches(pattern, name) || matches("layer.*." + pattern, name);
    CHECK(hook_matches(pattern, name) == expected);
    matched += expected;
  }
  CHECK(matched > 1000);
}

// A matcher that tries every way to share the text out among the stars needs longer than the universe has for this one.
TEST_CASE("a pattern with many stars takes no time") {
  std::string pattern, name(2000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "*a";
  CHECK(hook_matches(pattern, name));
  CHECK_FALSE(hook_matches(pattern + "b", name));
}
