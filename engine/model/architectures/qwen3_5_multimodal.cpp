// Qwen3_5ForConditionalGeneration: as Qwen3.5 is published; of text alone it computes what Qwen3_5ForCausalLM does.
#include "model/architectures/text_part.h"

namespace ablate {

static const TextParts::Registration registration("Qwen3_5ForConditionalGeneration", {"qwen3_5", "qwen3_5_text"});

}  // namespace ablate
