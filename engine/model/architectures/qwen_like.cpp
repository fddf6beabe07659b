#include "model/architectures/qwen_like.h"

#include <algorithm>

namespace ablate {

PerLayer<int> read_qwen_windows(ConfigFile& file, int n_layers) {
  const int from = file.get<int>("max_window_layers", 28), given = file.get<int>("sliding_window", 4096);
  const bool used = file.get<bool>("use_sliding_window", false) && !file.is_null("sliding_window");
  const int width = used ? given : 0;
  return windows_of(file, read_sliding_layers(file, n_layers, [&](int layer) { return width > 0 && layer >= from; }), width);
}

nlohmann::ordered_json qwen_keys(const TransformerConfig& c) {
  nlohmann::ordered_json json = llama_keys(c);
  const auto& windows = c.sliding_window.values();
  const int width = *std::max_element(windows.begin(), windows.end());
  json["sliding_window"] = width > 0 ? nlohmann::ordered_json(width) : nlohmann::ordered_json();
  json["use_sliding_window"] = width > 0;
  json["max_window_layers"] = width > 0 ? 0 : c.n_layers;
  if (!c.sliding_window.is_one()) json["layer_types"] = layer_types(c);
  return json;
}

}  // namespace ablate
