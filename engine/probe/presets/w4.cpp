// Four bits by rounding to nearest: the rows "RTN 4-16-16", "4-4-16" and "4-4-4" of SpinQuant's tables (Liu et al. 2024, arXiv 2405.16406).
#include "probe/presets/preset.h"

namespace ablate {
namespace {

Value::Table weights() { return quantized_weights("int4", {{"granularity", preset_value(std::string("channel"))}}); }
Value::Table inputs() {
  return quantized_inputs("int4", {{"granularity", preset_value(std::string("token"))}, {"symmetric", preset_value(false)}});
}
Value::Table cached(const char* at) {
  return quantized_at(at, "int4", {{"granularity", preset_value(std::string("head"))}, {"symmetric", preset_value(false)}});
}

const QuantizationPresets::Registration w4("w4",
                                           {.source = "weights, a range per output channel (round to nearest)", .weights = {weights()}}),
    w4a4("w4a4", {.source = "and activations, a range per token, zero point", .weights = {weights()}, .activations = {inputs()}}),
    w4a4kv4("w4a4kv4", {.source = "and keys after RoPE and values, a range per token and head, zero point",
                        .weights = {weights()},
                        .activations = {inputs(), cached("attn.k"), cached("attn.v")}}),
    kv4("kv4", {.source = "keys after RoPE and values alone", .activations = {cached("attn.k"), cached("attn.v")}});

}  // namespace
}  // namespace ablate
