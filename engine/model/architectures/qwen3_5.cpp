// Qwen3_5ForCausalLM, the language model of Qwen3.5: three layers in four are Gated DeltaNet, the others attend behind a gate.
#include "model/architectures/deltanet_like.h"

namespace ablate {
namespace {

void read(ConfigFile& file, TransformerConfig& config) {
  read_deltanet_like(file,
                     {.head_dim = 256,
                      .max_positions = 32768,
                      .vocabulary = 248320,
                      .width = 4096,
                      .layers = 32,
                      .heads = 16,
                      .key_heads = 4,
                      .ffn = 12288},
                     config);
}

bool fits(const TransformerConfig& c) { return is_deltanet_shaped(c) && c.ffn == "swiglu"; }

/// q, k and v lie below each other, and so do their convolutions.
Placement place(const TransformerConfig& c, const ParameterSpec& parameter) {
  const LayerName own(parameter.name);
  constexpr std::string_view mixer = "linear_attn.";
  if (!own.rest.starts_with(mixer)) return place_gated_query(c, parameter, own);
  const std::string part = own.rest.substr(mixer.size());
  const std::int64_t keys = std::int64_t{c.linear_key_heads} * c.linear_key_dim,
                     all = 2 * keys + std::int64_t{c.linear_value_heads} * c.linear_value_dim;
  const auto named = [&](std::string_view theirs) { return fmt::format("model.layers.{}.{}{}", own.layer, mixer, theirs); };
  for (const auto& [letter, first] : {std::pair{'q', std::int64_t{0}}, {'k', keys}, {'v', 2 * keys}}) {
    if (part == fmt::format("{}_proj.weight", letter)) return {.name = named("in_proj_qkv.weight"), .first_row = first, .all_rows = all};
    if (part == fmt::format("{}_conv.weight", letter)) return {.name = named("conv1d.weight"), .first_row = first, .all_rows = all};
  }
  for (const auto& [ours, theirs] : {std::pair{"gate", "in_proj_z"}, {"a", "in_proj_a"}, {"b", "in_proj_b"}, {"o", "out_proj"}})
    if (part == fmt::format("{}_proj.weight", ours)) return {.name = named(fmt::format("{}.weight", theirs))};
  return {.name = parameter.name};
}

bool surplus(std::string_view name) { return name.starts_with("mtp."); }

const Architectures::Registration registration("Qwen3_5ForCausalLM",
                                               {"qwen3_5_text", 61, read, fits, deltanet_keys, place, "model.", surplus});

}  // namespace
}  // namespace ablate
