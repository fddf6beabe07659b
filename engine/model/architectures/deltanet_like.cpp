#include "model/architectures/deltanet_like.h"

#include "base/error.h"
#include "model/architectures/rope_keys.h"

#include <algorithm>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* linear = "linear_attention";
constexpr const char* full = "full_attention";

PerLayer<std::string> read_mixers(ConfigFile& file, int n_layers) {
  const int interval = file.count_or("full_attention_interval", 4);
  const auto types = file.get<std::vector<std::string>>("layer_types", {});
  require(types.empty() || types.size() == static_cast<std::size_t>(n_layers), "{}: expected {} layers, found {}",
          file.where("layer_types"), n_layers, types.size());
  std::vector<std::string> mixers;
  for (int layer = 0; layer < n_layers; ++layer) {
    const std::string usual = (layer + 1) % interval == 0 ? full : linear,
                      type = types.empty() ? usual : types[static_cast<std::size_t>(layer)];
    require(type == linear || type == full, "{}: expected {} or {}, found \"{}\"", file.where("layer_types"), linear, full, type);
    mixers.push_back(type == linear ? "gated_deltanet" : "attention");
  }
  return PerLayer<std::string>::list(mixers);
}

}  // namespace

void read_deltanet_like(ConfigFile& file, const LlamaSizes& sizes, TransformerConfig& c) {
  read_llama_sizes(file, sizes, c);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, c, {.default_share = 0.25, .partial = true, .surplus = {"mrope_section", "mrope_interleaved"}});
  require(!file.get<bool>("attention_bias", false), "{}: biases of a gated q_proj are not supported", file.where("attention_bias"));
  file.expect("attn_output_gate", true);
  file.raw("mamba_ssm_dtype");  // of the state, which is f32 here
  c.norm = "rmsnorm_plus_one";
  c.qk_norm = QkNorm::head;
  c.gate = "channel";
  c.mixer = read_mixers(file, c.n_layers);
  const int key_heads = file.count_or("linear_num_key_heads", 16), value_heads = file.count_or("linear_num_value_heads", 32),
            key_dim = file.count_or("linear_key_head_dim", 128), value_dim = file.count_or("linear_value_head_dim", 128),
            taps = file.count_or("linear_conv_kernel_dim", 4);
  if (!c.has_other_mixers()) return;
  c.linear_key_heads = key_heads, c.linear_value_heads = value_heads;
  c.linear_key_dim = key_dim, c.linear_value_dim = value_dim;
  c.linear_taps = taps;
}

bool is_deltanet_shaped(const TransformerConfig& c) {
  TransformerConfig plain = c;
  plain.mixer = "attention";
  plain.gate = "none";
  plain.rotary_share = 1.0;
  plain.norm = "rmsnorm";
  const bool known = !c.mixer.any([](const std::string& kind) { return kind != "attention" && kind != "gated_deltanet"; });
  return known && c.has_other_mixers() && c.gate == "channel" && c.gate_input == GateInput::hidden && c.norm == "rmsnorm_plus_one" &&
         c.final_norm_kind() == c.norm && c.rotary_share.is_one() && c.rotary_share[0] > 0 && c.qk_norm == QkNorm::head && !c.qkv_bias &&
         !c.o_bias && c.sliding_window == PerLayer<int>(0) && is_llama_shaped(plain);
}

Json deltanet_keys(const TransformerConfig& c) {
  Json json = llama_keys(c);
  for (const char* key : {"rope_theta", "rope_scaling"}) json.erase(key);
  Json rope = rope_scaling_json(c.rope_scaling[0]);
  if (rope.is_null()) rope = {{"rope_type", "default"}};
  rope["rope_theta"] = c.rope_theta[0];
  rope["partial_rotary_factor"] = c.rotary_share[0];
  json["rope_parameters"] = rope;
  json["attention_bias"] = false;
  json["layer_types"] = Json::array();
  for (int layer = 0; layer < c.n_layers; ++layer) json["layer_types"].push_back(c.attends(layer) ? full : linear);
  json["linear_num_key_heads"] = c.linear_key_heads, json["linear_num_value_heads"] = c.linear_value_heads;
  json["linear_key_head_dim"] = c.linear_key_dim, json["linear_value_head_dim"] = c.linear_value_dim;
  json["linear_conv_kernel_dim"] = c.linear_taps;
  return json;
}

Placement place_gated_query(const TransformerConfig& c, const ParameterSpec& parameter, const LayerName& own) {
  const bool query = own.rest == "self_attn.q_proj.weight", gate = own.rest == "self_attn.gate_proj.weight";
  if (!query && !gate) return {.name = parameter.name};
  const std::int64_t head = c.head_dim;
  return {.name = fmt::format("model.layers.{}.self_attn.q_proj.weight", own.layer),
          .first_row = gate ? head : 0,
          .all_rows = 2 * c.n_heads * head,
          .group = head,
          .group_stride = 2 * head};
}

}  // namespace ablate
