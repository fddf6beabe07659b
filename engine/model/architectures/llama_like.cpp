#include "model/architectures/llama_like.h"

#include "base/error.h"
#include "model/architectures/rope_keys.h"
#include "model/huggingface_keys.h"

#include <algorithm>

namespace ablate {

using Json = nlohmann::ordered_json;

void read_llama_sizes(ConfigFile& file, const LlamaSizes& sizes, TransformerConfig& c) {
  c.vocab_size = file.size("vocab_size", sizes.vocabulary);
  c.d_model = file.size("hidden_size", sizes.width);
  c.n_layers = file.size("num_hidden_layers", sizes.layers, ConfigFile::most_layers);
  c.n_heads = file.size("num_attention_heads", sizes.heads);
  const bool usual = sizes.key_heads_default || file.is_null("num_key_value_heads");
  c.n_kv_heads = usual ? file.count_or("num_key_value_heads", c.n_heads) : file.size("num_key_value_heads", sizes.key_heads);
  c.d_ffn = file.size("intermediate_size", sizes.ffn);
  c.max_seq_len = file.count_or("max_position_embeddings", sizes.max_positions);
  c.norm_eps = file.get_or_note(sizes.eps_key, sizes.eps);
  c.tie_embeddings = file.get<bool>("tie_word_embeddings", sizes.tied);
  if (file.has("head_dim") || sizes.head_dim > 0) {
    c.head_dim = file.count_or("head_dim", sizes.head_dim);
  } else {
    require(c.d_model % c.n_heads == 0, "{}: {} does not divide into {} heads", file.where("hidden_size"), c.d_model, c.n_heads);
    c.head_dim = c.d_model / c.n_heads;
  }
  c.bos_token_id = file.bos(c.vocab_size);
}

Json llama_keys(const TransformerConfig& c) {
  Json json{{"hidden_size", c.d_model},
            {"num_hidden_layers", c.n_layers},
            {"num_attention_heads", c.n_heads},
            {"num_key_value_heads", c.n_kv_heads},
            {"head_dim", c.head_dim},
            {"intermediate_size", c.d_ffn[0]},
            {"hidden_act", "silu"},
            {"vocab_size", c.vocab_size},
            {"max_position_embeddings", c.max_seq_len},
            {"rms_norm_eps", c.norm_eps},
            {"rope_theta", c.rope_theta[0]},
            {"rope_scaling", rope_scaling_json(c.rope_scaling[0])},
            {"tie_word_embeddings", c.tie_embeddings},
            {"bos_token_id", c.bos_token_id ? Json(*c.bos_token_id) : Json()},
            {"eos_token_id", nullptr},
            {"pad_token_id", nullptr}};
  return json;
}

void read_attention_bias(ConfigFile& file, TransformerConfig& config) {
  config.qkv_bias = config.o_bias = file.get<bool>("attention_bias", false);
}

std::vector<bool> read_sliding_layers(ConfigFile& file, int n_layers, const std::function<bool(int layer)>& usual) {
  std::vector<bool> sliding;
  const auto types = file.get<std::vector<std::string>>("layer_types", {});
  require(types.empty() || types.size() == static_cast<std::size_t>(n_layers), "{}: expected {} layers, found {}",
          file.where("layer_types"), n_layers, types.size());
  for (int layer = 0; layer < n_layers; ++layer) {
    if (types.empty()) {
      sliding.push_back(usual(layer));
      continue;
    }
    const std::string& type = types[static_cast<std::size_t>(layer)];
    require(type == "full_attention" || type == "sliding_attention", "{}: expected full_attention or sliding_attention, found \"{}\"",
            file.where("layer_types"), type);
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

PerLayer<int> windows_of(ConfigFile& file, const std::vector<bool>& sliding, int width) {
  require(width > 0 || std::find(sliding.begin(), sliding.end(), true) == sliding.end(),
          "{}: has layers of sliding_attention, and sliding_window gives no width", file.where("layer_types"));
  std::vector<int> windows;
  for (const bool slides : sliding) windows.push_back(slides ? width : 0);
  return PerLayer<int>::list(windows);
}

Json layer_types(const TransformerConfig& c) {
  Json types = Json::array();
  for (int layer = 0; layer < c.n_layers; ++layer) types.push_back(c.sliding_window[layer] > 0 ? "sliding_attention" : "full_attention");
  return types;
}

void refuse_window(ConfigFile& file) {
  const Value* window = file.raw("sliding_window");
  const bool used = file.get<bool>("use_sliding_window", true);
  file.raw("max_window_layers");
  require(!window || is_off(*window) || !used, "{}: {} has no sliding windows; null, or use_sliding_window = false, says so",
          file.where("sliding_window"), file.class_name);
  for (const char* key : {"sliding_window", "use_sliding_window", "max_window_layers"})
    if (file.has(key)) file.notes().push_back(fmt::format("{}: left out, as {} has no sliding windows", file.where(key), file.class_name));
  const auto listed = file.get<std::vector<std::string>>("layer_types", {});  // a text part may leave their number to its class
  const int layers = file.get<int>("num_hidden_layers", static_cast<int>(listed.size()));
  for (const bool slides : read_sliding_layers(file, layers, [](int) { return false; }))
    require(!slides, "{}: {} has no sliding windows", file.where("layer_types"), file.class_name);
}

bool is_plain(const TransformerConfig& c) {
  return !c.has_other_mixers() && c.gate == "none" && c.value_gate == "none" && c.attention == "softmax" &&
         c.attention_bias == AttentionBias::none && c.embedding_dim == 0 && c.position_offset == 0 && c.d_ffn.is_one() && !c.loss_positions;
}

bool same_rope_everywhere(const TransformerConfig& c) {
  return c.position == Position::rope && c.rope_theta.is_one() && c.rope_scaling.is_one() && c.rotary_share.is_one();
}

bool is_llama_shaped(const TransformerConfig& c) {
  return is_plain(c) && same_rope_everywhere(c) && c.rotary_share[0] == 1.0 && c.norm == "rmsnorm" && c.final_norm_kind() == "rmsnorm" &&
         c.attn_input_norm && c.ffn_input_norm && !c.output_norm && !c.post_norm && !c.parallel_residual && c.ffn == "swiglu" &&
         !c.ffn_bias && c.qk_norm != QkNorm::full && c.embedding_scale == 1.0 && c.attention_scale == 0.0 && c.attention_softcap == 0.0 &&
         c.logit_softcap == 0.0;
}

}  // namespace ablate
