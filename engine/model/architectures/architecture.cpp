#include "model/architectures/architecture.h"

namespace ablate {

const Architecture* find_architecture(const TransformerConfig& config) {
  const auto own = Architectures::all().find(config.origin.name);
  if (own != Architectures::all().end() && own->second.fits(config)) return &own->second;
  const Architecture* best = nullptr;
  for (const auto& [name, architecture] : Architectures::all())
    if ((!best || architecture.rank < best->rank) && architecture.fits(config)) best = &architecture;
  return best;
}

LayerName::LayerName(const std::string& parameter) : rest(parameter) {
  constexpr std::string_view layers = "model.layers.";
  if (!parameter.starts_with(layers)) return;
  const std::size_t dot = parameter.find('.', layers.size());
  layer = std::stoi(parameter.substr(layers.size()));
  rest = parameter.substr(dot + 1);
}

}  // namespace ablate
