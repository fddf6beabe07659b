// What Qwen3-Next and Qwen3.5 share: layers of Gated DeltaNet among such of attention with a gate in q_proj, a quarter of each head rotated, norms of weight
// 1 + w.
#pragma once

#include "model/architectures/llama_like.h"

namespace ablate {

void read_deltanet_like(ConfigFile& file, const LlamaSizes& sizes, TransformerConfig& config);
/// All but the feed-forward, which is left to the class.
bool is_deltanet_shaped(const TransformerConfig& config);
nlohmann::ordered_json deltanet_keys(const TransformerConfig& config);

/// Of each head first the query's rows of q_proj, then its gate's. `own`: a parameter of attention.
Placement place_gated_query(const TransformerConfig& config, const ParameterSpec& parameter, const LayerName& own);

}  // namespace ablate
