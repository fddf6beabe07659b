// Qwen3NextForCausalLM: the layers of Qwen3.5 with mixtures of experts, and one more that every token goes through; projections of several kinds share a tensor.
#include "model/architectures/deltanet_like.h"
#include "model/architectures/mixture_like.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_deltanet_like(file, {.head_dim = 256, .max_positions = 32768}, config);
  read_experts(file, 512, 10, config);
  config.norm_expert_weights = file.get<bool>("norm_topk_prob", true);
  config.d_shared_expert = file.count_or("shared_expert_intermediate_size", 512);
  read_qwen_mixture(file, 512, config);
}

bool fits(const TransformerConfig& c) {
  const auto dense = without_mixture(c);
  return dense && is_deltanet_shaped(*dense) && c.d_shared_expert > 0;
}

nlohmann::ordered_json write(const TransformerConfig& c) {
  nlohmann::ordered_json json = deltanet_keys(c);
  json["shared_expert_intermediate_size"] = c.d_shared_expert;
  write_qwen_mixture(c, json);
  return json;
}

/// A head of keys after another: its query, its key, the values that share it, their gates.
Placement place(const TransformerConfig& c, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  constexpr std::string_view mixer = "linear_attn.";
  if (own.rest.starts_with("self_attn.")) return place_gated_query(c, parameter, own);
  if (!own.rest.starts_with(mixer)) return place_experts(c, parameter);
  const std::string part = own.rest.substr(mixer.size());
  const std::int64_t key = c.linear_key_dim, shared = c.linear_value_heads / c.linear_key_heads, values = shared * c.linear_value_dim,
                     keys = c.linear_key_heads * key, stride = 2 * key + 2 * values;
  const auto named = [&](std::string_view theirs) { return fmt::format("model.layers.{}.{}{}", own.layer, mixer, theirs); };
  const auto in_heads = [&](std::string_view theirs, std::int64_t first, std::int64_t rows, std::int64_t all) {
    return Placement{.name = named(theirs), .first_row = first, .all_rows = c.linear_key_heads * all, .group = rows, .group_stride = all};
  };
  if (part == "q_proj.weight") return in_heads("in_proj_qkvz.weight", 0, key, stride);
  if (part == "k_proj.weight") return in_heads("in_proj_qkvz.weight", key, key, stride);
  if (part == "v_proj.weight") return in_heads("in_proj_qkvz.weight", 2 * key, values, stride);
  if (part == "gate_proj.weight") return in_heads("in_proj_qkvz.weight", 2 * key + values, values, stride);
  if (part == "b_proj.weight") return in_heads("in_proj_ba.weight", 0, shared, 2 * shared);
  if (part == "a_proj.weight") return in_heads("in_proj_ba.weight", shared, shared, 2 * shared);
  for (const auto& [letter, first] : {std::pair{'q', std::int64_t{0}}, {'k', keys}, {'v', 2 * keys}})
    if (part == fmt::format("{}_conv.weight", letter))
      return {.name = named("conv1d.weight"),
              .first_row = first,
              .all_rows = 2 * keys + c.linear_value_heads * std::int64_t{c.linear_value_dim}};
  return {.name = part == "o_proj.weight" ? named("out_proj.weight") : parameter.name};
}

bool surplus(std::string_view name) { return name.starts_with("mtp."); }

const Architectures::Registration registration("Qwen3NextForCausalLM", {"qwen3_next", 62, read, fits, write, place, "model.", surplus});

}  // namespace
}  // namespace ablate
