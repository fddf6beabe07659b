// Keys per channel over 32 tokens, values per token over 32 channels, two bits (Liu et al. 2024, KIVI, arXiv 2402.02750).
#include "probe/presets/preset.h"

namespace ablate {
namespace {

Value::Table of_32(const char* at, const char* granularity) {
  return quantized_at(at, "int2",
                      {{"granularity", preset_value(std::string(granularity))},
                       {"group_size", preset_value(std::int64_t{32})},
                       {"symmetric", preset_value(false)},
                       {"offset", preset_value(std::string("minimum"))}});
}

const QuantizationPresets::Registration registration(
    "kv2-kivi",
    {.source =
         "two bits and a float minimum: keys per channel over 32 tokens, values per token over 32 channels; of a cache whose tokens are all "
         "old enough to be quantized (Liu et al. 2024, KIVI, arXiv 2402.02750)",
     .activations = {of_32("attn.k", "channel"), of_32("attn.v", "group")}});

}  // namespace
}  // namespace ablate
