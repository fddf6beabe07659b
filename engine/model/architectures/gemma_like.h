// What the Gemma classes share: embeddings times sqrt(d_model), weights of norms 1 + w, GeGLU.
#pragma once

#include "model/architectures/llama_like.h"

namespace ablate {

/// `sizes` without head_dim and tied, which they share too.
void read_gemma_sizes(ConfigFile& file, LlamaSizes sizes, TransformerConfig& config);
/// The activation of the gated feed-forward, by the key the class has.
void read_gemma_activation(ConfigFile& file, std::string_view key, TransformerConfig& config);
bool is_gemma_shaped(const TransformerConfig& config);
nlohmann::ordered_json gemma_keys(const TransformerConfig& config);

/// Names of blocks with norms on both sides.
Placement place_between_norms(const TransformerConfig& config, const ParameterSpec& parameter);

}  // namespace ablate
