// Eight bits for weights and activations: the same bits, and all the difference in whether one token sets every token's scale.
#include "probe/presets/preset.h"

namespace ablate {
namespace {

const Value group = preset_value(std::string("group")), channel = preset_value(std::string("channel")),
            token = preset_value(std::string("token")), tensor = preset_value(std::string("tensor"));

const QuantizationPresets::Registration per_tensor(
    "w8a8-tensor-static",
    {.source = "one static range per input, zero point; weights in groups of 128 (Son et al. 2024, CushionCache, arXiv 2406.12016)",
     .weights = {quantized_weights("int8", {{"granularity", group}, {"group_size", preset_value(std::int64_t{128})}})},
     .activations = {quantized_inputs("int8", {{"granularity", tensor}, {"symmetric", preset_value(false)}})},
     .is_static = true});

const QuantizationPresets::Registration per_token(
    "w8a8-token",
    {.source = "a range per token and per output channel (Xiao et al. 2023, SmoothQuant, arXiv 2211.10438, \"per-token dynamic\")",
     .weights = {quantized_weights("int8", {{"granularity", channel}})},
     .activations = {quantized_inputs("int8", {{"granularity", token}})}});

const QuantizationPresets::Registration mixed(
    "llm-int8",
    {.source = "as w8a8-token, but columns with an |x| of 6 or more in 16 bits (Dettmers et al. 2022, LLM.int8(), arXiv 2208.07339)",
     .weights = {quantized_weights("int8", {{"granularity", channel}})},
     .activations = {quantized_inputs("int8", {{"granularity", token}, {"keep_columns_from", preset_value(6.0)}})}});

}  // namespace
}  // namespace ablate
