#include "model/mixer.h"

namespace ablate {

const MixerKind& mixer_of(const TransformerConfig& config, int layer) { return Mixers::find("model.mixer:", config.mixer[layer]); }

}  // namespace ablate
