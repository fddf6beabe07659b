// Qwen3ForCausalLM: a Llama with norms on each head's q and k. The gated 1B models of arXiv 2505.06708 are of this class by remote code: their q_proj has the
// rows of a sigmoid gate on the attention output behind the queries of each group of heads.
#include "base/error.h"
#include "model/architectures/qwen_like.h"
#include "model/architectures/rope_keys.h"

namespace ablate {
namespace {

constexpr const char* own_name = "Qwen3ForCausalLM";

void read_gate(ConfigFile& file, TransformerConfig& config) {
  const bool by_head = file.get<bool>("headwise_attn_output_gate", false),
             by_channel = file.get<bool>("elementwise_attn_output_gate", false);
  require(!by_head || !by_channel, "{}: true, and elementwise_attn_output_gate is too; keep the right one",
          file.where("headwise_attn_output_gate"));
  if (by_head) config.gate = "head";
  if (by_channel) config.gate = "channel";
  require(config.gate == "none" || !config.qkv_bias, "{}: biases of a gated q_proj are not supported",
          file.where(file.has("qkv_bias") ? "qkv_bias" : "attention_bias"));
}

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.head_dim = 128, .max_positions = 32768}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config);
  config.qk_norm = file.get<bool>("use_qk_norm", true) ? QkNorm::head : QkNorm::none;
  read_attention_bias(file, config);
  if (file.has("qkv_bias")) {  // of the remote code, which has it on o_proj too
    const bool biased = file.get<bool>("qkv_bias");
    require(!file.has("attention_bias") || biased == config.qkv_bias, "{}: {}, but attention_bias is {}; keep the right one",
            file.where("qkv_bias"), biased, config.qkv_bias);
    config.qkv_bias = config.o_bias = biased;
  }
  read_gate(file, config);
  config.sliding_window = read_qwen_windows(file, config.n_layers);
}

bool is_gated(const TransformerConfig& c) { return c.gate == "head" || c.gate == "channel"; }

/// What only the remote code has is written as this class only where it came from it.
bool fits(const TransformerConfig& c) {
  TransformerConfig plain = c;
  if (is_gated(c) && c.gate_input == GateInput::hidden && !c.qkv_bias) plain.gate = "none";
  const bool remote = is_gated(c) || c.qk_norm == QkNorm::none;
  return is_llama_shaped(plain) && c.qk_norm != QkNorm::full && c.qkv_bias == c.o_bias && (!remote || c.origin.name == own_name);
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = qwen_keys(c);
  json["attention_bias"] = c.o_bias;
  if (!is_gated(c) && c.qk_norm == QkNorm::head) return json;
  json["use_qk_norm"] = c.qk_norm == QkNorm::head;
  json["qkv_bias"] = c.qkv_bias;
  json["headwise_attn_output_gate"] = c.gate == "head";
  json["elementwise_attn_output_gate"] = c.gate == "channel";
  return json;
}

/// Of each group of heads that share a key first the queries' rows, then the gates'.
Placement place(const TransformerConfig& c, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  const bool query = own.rest == "self_attn.q_proj.weight", gate = own.rest == "self_attn.gate_proj.weight";
  if (!is_gated(c) || (!query && !gate)) return {.name = parameter.name};
  const std::int64_t heads = c.n_heads / c.n_kv_heads, queries = heads * c.head_dim, gates = c.gate == "head" ? heads : queries;
  return {.name = fmt::format("model.layers.{}.self_attn.q_proj.weight", own.layer),
          .first_row = gate ? queries : 0,
          .all_rows = c.n_kv_heads * (queries + gates),
          .group = gate ? gates : queries,
          .group_stride = queries + gates};
}

const Architectures::Registration registration(own_name, {"qwen3", 2, read, fits, write, place});

}  // namespace
}  // namespace ablate
