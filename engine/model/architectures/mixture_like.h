// What classes with mixtures of experts share.
#pragma once

#include "model/architectures/llama_like.h"

#include <string>
#include <vector>

namespace ablate {

/// Sets n_experts, which versions of Transformers write as num_experts or as num_local_experts, and experts_per_token; `count`, `chosen`: of a file
/// without them.
void read_experts(ConfigFile& file, int count, int chosen, TransformerConfig& config);

/// decoder_sparse_step and mlp_only_layers: which layers have a mixture, of width moe_intermediate_size; the others have a SwiGLU of intermediate_size.
void read_qwen_mixture(ConfigFile& file, int usual_width, TransformerConfig& config);
/// Those keys, and the number of experts.
void write_qwen_mixture(const TransformerConfig& config, nlohmann::ordered_json& json);

/// The same model with a SwiGLU in place of each mixture, for the questions of llama_like.h; nothing if other feed-forwards are among them.
std::optional<TransformerConfig> without_mixture(const TransformerConfig& config);

/// What a class calls the parts of a mixture, after "mlp.": the router, and each expert's matrices, with a star for its number.
struct MixtureNames {
  std::string router = "mlp.gate.weight", gate = "mlp.experts.*.gate_proj.weight", up = "mlp.experts.*.up_proj.weight",
              down = "mlp.experts.*.down_proj.weight";
};
/// Each expert's matrices in tensors of their own.
Placement place_experts(const TransformerConfig& config, const ParameterSpec& parameter, const MixtureNames& names = {});

}  // namespace ablate
