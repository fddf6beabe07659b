// What the classes that follow Llama share: the names of their keys, and most of what they mean.
#pragma once

#include "model/architectures/architecture.h"

#include <span>

namespace ablate {

/// What differs in the sizes.
struct LlamaSizes {
  int head_dim = 0;  ///< of a file that says none; 0: hidden_size / num_attention_heads
  int max_positions = 2048;
  bool key_heads_default = false;  ///< whether an absent num_key_value_heads is num_attention_heads
  double eps = 1e-6;
  std::string_view eps_key = "rms_norm_eps";
  bool tied = false;
  /// What the class has where a text part says nothing; 0: it must say it.
  int vocabulary = 0, width = 0, layers = 0, heads = 0, key_heads = 0, ffn = 0;
};
void read_llama_sizes(ConfigFile& file, const LlamaSizes& sizes, TransformerConfig& config);

/// The keys of sizes, of RoPE and of tokens, as Transformers 4 and 5 read them.
nlohmann::ordered_json llama_keys(const TransformerConfig& config);

/// attention_bias, on q, k, v and o.
void read_attention_bias(ConfigFile& file, TransformerConfig& config);

/// Which layers have a window of `width`, by the list layer_types; `usual`: of a file without the list. Throws InputError for other types.
std::vector<bool> read_sliding_layers(ConfigFile& file, int n_layers, const std::function<bool(int layer)>& usual);
/// Throws InputError where a layer slides, and there is no width (0).
PerLayer<int> windows_of(ConfigFile& file, const std::vector<bool>& sliding, int width);
nlohmann::ordered_json layer_types(const TransformerConfig& config);

/// What a class without windows may say about them: that there are none.
void refuse_window(ConfigFile& file);

/// RoPE on all channels of all heads, RMSNorm before both blocks, SwiGLU, softmax, nothing else: q and k norms, biases and windows aside.
bool is_llama_shaped(const TransformerConfig& config);
/// Whether everything that no class but a few has is as Llama has it: gates, learned keys, embedding widths, offsets.
bool is_plain(const TransformerConfig& config);
bool same_rope_everywhere(const TransformerConfig& config);

}  // namespace ablate
