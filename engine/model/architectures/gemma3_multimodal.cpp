// Gemma3ForConditionalGeneration: the checkpoints of 4B and more, whose language model is a Gemma3ForCausalLM.
#include "model/architectures/text_part.h"

namespace ablate {

static const TextParts::Registration registration("Gemma3ForConditionalGeneration", {"gemma3", "gemma3_text"});

}  // namespace ablate
