// Statistics of attention in models of which some layers have another mixer.
#pragma once

#include "model/config.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace ablate {

/// Why `statistic` knows nothing of the layers that do not attend: a line, or none where all do.
inline std::vector<std::string> why_not_all_layers(const TransformerConfig& config, const std::string& statistic) {
  std::string layers, kind;
  for (int layer = 0; layer < config.n_layers; ++layer)
    if (!config.attends(layer)) layers += fmt::format("{}{}", layers.empty() ? "" : ", ", layer), kind = config.mixer[layer];
  if (layers.empty()) return {};
  return {fmt::format("{}: there is none of layers {}: their mixer is {}, which keeps a state and gives no weight to keys", statistic,
                      layers, kind)};
}

}  // namespace ablate
