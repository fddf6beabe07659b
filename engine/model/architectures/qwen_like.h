// What the Qwen classes share: windows from some layer on.
#pragma once

#include "model/architectures/llama_like.h"

namespace ablate {

/// use_sliding_window, sliding_window, max_window_layers (the first layer that slides) or layer_types.
PerLayer<int> read_qwen_windows(ConfigFile& file, int n_layers);
nlohmann::ordered_json qwen_keys(const TransformerConfig& config);

}  // namespace ablate
