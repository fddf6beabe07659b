// LlavaForConditionalGeneration and its successors: any language model behind an encoder of pictures.
#include "model/architectures/text_part.h"

namespace ablate {
namespace {

const TextParts::Registration llava("LlavaForConditionalGeneration",
                                    {.model_type = "llava", .usual_text = "llama", .tied_by_either = true});
const TextParts::Registration llava_next("LlavaNextForConditionalGeneration", {.model_type = "llava_next", .usual_text = "llama"});

}  // namespace
}  // namespace ablate
