// Mistral3ForConditionalGeneration: a Mistral behind an encoder of pictures.
#include "model/architectures/text_part.h"

namespace ablate {

static const TextParts::Registration registration("Mistral3ForConditionalGeneration", {"mistral3", "mistral"});

}  // namespace ablate
