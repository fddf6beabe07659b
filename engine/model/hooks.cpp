#include "model/hooks.h"

#include "model/config.h"

namespace ablate {
namespace {

void add_attention(std::vector<std::string>& names, const TransformerConfig& config, const std::string& block) {
  for (const char* point : {".q", ".k", ".v"}) names.push_back(block + point);
  names.push_back(block + ".probs");
  if (config.gate != "none") names.push_back(block + ".gate");
  names.push_back(block + ".out");
}

void add_feed_forward(std::vector<std::string>& names, const TransformerConfig& config, const std::string& block) {
  if (config.ffn == "attention") return add_attention(names, config, block);
  if (config.ffn == "linear") return;
  if (config.ffn == "swiglu") names.push_back(block + ".gate");
  names.push_back(block + ".up");
  names.push_back(block + ".act");
}

// What follows the last star met so far is tried at every place in turn: stars before it have taken as little as they can, and taking more
// would not help. At most pattern.size() * text.size() steps.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, after_star = pattern.npos, taken = 0;  // the star takes the text up to `taken`
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (after_star != pattern.npos) {
      p = after_star;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace

std::vector<std::string> hook_points(const TransformerConfig& config) {
  std::vector<std::string> names = {"residual.0"};
  int block = 0;
  const auto add_block = [&] {
    names.push_back("block." + std::to_string(++block));
    names.push_back("residual." + std::to_string(block));
  };
  for (int i = 0; i < config.n_layers; ++i) {
    const std::string layer = "layer." + std::to_string(i);
    names.push_back(layer + ".attn_norm");
    add_attention(names, config, layer + ".attn");
    add_block();
    if (!config.has_ffn()) continue;
    names.push_back(layer + ".ffn_norm");
    add_feed_forward(names, config, layer + ".ffn");
    add_block();
  }
  names.push_back("final_norm");
  names.push_back("logits");
  return names;
}

bool hook_matches(std::string_view pattern, std::string_view name) {
  return glob(pattern, name) || glob("layer.*." + std::string(pattern), name);
}

std::vector<std::string> matching_hooks(const TransformerConfig& config, const std::string& pattern, const std::string& where) {
  std::vector<std::string> matched;
  const std::vector<std::string> all = hook_points(config);
  for (const std::string& name : all)
    if (hook_matches(pattern, name)) matched.push_back(name);
  require(
      !matched.empty(),
      "{}: there is no hook point \"{}\"; this model has residual.0 .. residual.{}, block.1 .. block.{}, layer.0 .. layer.{} (\"{}\" and the like), logits",
      where, pattern, config.blocks(), config.blocks(), config.n_layers - 1, all[1]);
  return matched;
}

}  // namespace ablate
