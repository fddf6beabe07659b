// GptOssForCausalLM: windows in every second layer, a learned logit per head that takes attention away, mixtures of clamped SwiGLUs with biases. Its experts
// are published in MXFP4, or stand in one tensor as (experts, in, out), the channels of gate and up in turn.
#include "base/error.h"
#include "model/architectures/mixture_like.h"
#include "model/architectures/rope_keys.h"

#include <algorithm>
#include <cmath>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

/// The origin of a folder in MXFP4: its tensors have other names. It is written as the class itself.
constexpr const char* in_mxfp4 = "GptOssForCausalLM in MXFP4";

/// What a file without rotary settings means.
RopeScaling usual_scaling() {
  RopeScaling s;
  s.kind = RopeScalingKind::yarn;
  s.factor = 32;
  s.original_max_position_embeddings = 4096;
  s.truncate = false;
  s.attention_factor = 0.1 * std::log(s.factor) + 1;
  return s;
}

void read_quantization(ConfigFile& file, TransformerConfig& config) {
  if (!file.has("quantization_config")) return;
  Settings quantization = file.json().table("quantization_config");
  const auto method = quantization.get<std::string>("quant_method", "");
  require(method == "mxfp4", "{}: expected mxfp4, found \"{}\"", quantization.where("quant_method"), method);
  quantization.raw("modules_to_not_convert");  // their tensors are there, in a type of their own
  config.origin.name = in_mxfp4;
}

void read(ConfigFile& file, TransformerConfig& config) {
  read_llama_sizes(file, {.head_dim = 64, .max_positions = 131072, .eps = 1e-5}, config);
  file.choice("hidden_act", {"silu", "swish"});
  read_rope(file, config, {.default_theta = 150000});
  if (!file.has("rope_scaling") && !file.has("rope_parameters")) config.rope_scaling = usual_scaling();
  file.raw("initial_context_length");  // of the original files: that of the rotary settings
  config.qkv_bias = config.o_bias = file.get<bool>("attention_bias", true);
  config.attention_bias = AttentionBias::sink_logit;
  const auto sliding = read_sliding_layers(file, config.n_layers, [](int layer) { return layer % 2 == 0; });
  config.sliding_window = windows_of(file, sliding, file.get<int>("sliding_window", 128));
  read_experts(file, 128, 4, config);
  const int chosen = file.get<int>("experts_per_token", config.experts_per_token);
  require(chosen == config.experts_per_token, "{}: {}, but num_experts_per_tok is {}; keep the right one", file.where("experts_per_token"),
          chosen, config.experts_per_token);
  config.ffn = "experts_clamped";
  config.norm_expert_weights = config.ffn_bias = true;
  config.swiglu_limit = file.get<double>("swiglu_limit", 7.0);
  config.swiglu_alpha = file.get<double>("swiglu_alpha", 1.702);
  read_quantization(file, config);
}

bool fits(const TransformerConfig& c) {
  TransformerConfig plain = c;
  plain.attention_bias = AttentionBias::none, plain.ffn_bias = false;
  plain.ffn = "swiglu", plain.n_experts = plain.experts_per_token = 0, plain.norm_expert_weights = false;
  return is_llama_shaped(plain) && c.attention_bias == AttentionBias::sink_logit && c.ffn == "experts_clamped" && c.ffn_bias &&
         c.norm_expert_weights && c.d_shared_expert == 0 && c.qk_norm == QkNorm::none && c.qkv_bias == c.o_bias;
}

Json write(const TransformerConfig& c) {
  Json json = llama_keys(c);
  const auto& windows = c.sliding_window.values();
  if (c.rope_scaling[0].kind == RopeScalingKind::none) json["rope_scaling"] = Json{{"rope_type", "default"}};
  json["attention_bias"] = c.o_bias;
  json["sliding_window"] = std::max(1, *std::max_element(windows.begin(), windows.end()));
  json["layer_types"] = layer_types(c);
  json["num_local_experts"] = c.n_experts;
  json["num_experts_per_tok"] = c.experts_per_token;
  json["swiglu_limit"] = c.swiglu_limit;
  json["swiglu_alpha"] = c.swiglu_alpha;
  return json;
}

/// Which of our tensors of experts lies where: gate and up take turns.
struct Part {
  std::string tensor;
  std::int64_t first = 0, rows = 0;  ///< 0 rows: it has the tensor for itself
};

Part part_of(const std::string& rest, std::int64_t width) {
  if (rest.starts_with("mlp.experts.gate_proj.")) return {"gate_up_proj", 0, 2 * width};
  if (rest.starts_with("mlp.experts.up_proj.")) return {"gate_up_proj", 1, 2 * width};
  if (rest.starts_with("mlp.experts.down_proj.")) return {"down_proj"};
  return {};
}

Placement placed(const TransformerConfig& c, const ParameterSpec& parameter, bool packed) {
  const LayerName own(parameter.name);
  const Part part = part_of(own.rest, own.layer < 0 ? 0 : c.d_ffn[own.layer]);
  if (part.tensor.empty()) return {.name = parameter.name};
  const bool bias = own.rest.ends_with(".bias");
  const std::string name = fmt::format("model.layers.{}.mlp.experts.{}", own.layer, part.tensor);
  Placement place{.name = name, .first_row = part.first, .all_rows = part.rows, .matrices = c.n_experts};
  if (part.rows > 0) place.group = 1, place.group_stride = 2;
  if (bias) place.name += "_bias";
  else if (packed) place.name += "_blocks", place.scales = name + "_scales";
  else place.transposed = true;
  return place;
}

Placement place(const TransformerConfig& config, const ParameterSpec& parameter) { return placed(config, parameter, false); }
Placement place_packed(const TransformerConfig& config, const ParameterSpec& parameter) { return placed(config, parameter, true); }

void refuse(ConfigFile& file, TransformerConfig&) { bad_input("{}: is no class", file.where("architectures")); }
bool never(const TransformerConfig&) { return false; }

const Architectures::Registration registration("GptOssForCausalLM", {"gpt_oss", 54, read, fits, write, place});
const Architectures::Registration packed(in_mxfp4, {"", 1000, refuse, never, write, place_packed});

}  // namespace
}  // namespace ablate
