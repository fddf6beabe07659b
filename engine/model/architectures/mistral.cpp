// MistralForCausalLM: a Llama whose layers all have a window.
#include "base/error.h"
#include "model/architectures/llama_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

int window(ConfigFile& file) {
  if (file.is_null("sliding_window")) return 0;
  const int width = file.get_or_note("sliding_window", 4096);
  require(width == 0 || file.get<bool>("use_sliding_window", true),
          "{}: false, but sliding_window is {}, which {} always uses; keep the right one (no window: sliding_window = null)",
          file.where("use_sliding_window"), width, file.class_name);
  file.raw("max_window_layers");
  return width;
}

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(
      file, {.max_positions = 131072, .vocabulary = 32000, .width = 4096, .layers = 32, .heads = 32, .key_heads = 8, .ffn = 14336}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  require(!file.get<bool>("attention_bias", false), "{}: {} has no attention biases", file.where("attention_bias"), file.class_name);
  const int width = window(file);
  config.sliding_window = windows_of(file, read_sliding_layers(file, config.n_layers, [&](int) { return width > 0; }), width);
}

bool fits(const TransformerConfig& c) {
  return is_llama_shaped(c) && c.qk_norm == QkNorm::none && !c.qkv_bias && !c.o_bias && c.sliding_window.is_one();
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  json["sliding_window"] = c.sliding_window[0] > 0 ? nlohmann::ordered_json(c.sliding_window[0]) : nlohmann::ordered_json();
  return json;
}

const Architectures::Registration registration("MistralForCausalLM", {"mistral", 3, read, fits, write});

}  // namespace
}  // namespace ablate
