// Quantization settings that the literature names: `preset = "..."` of an [[intervention]]. Each registers itself in its own file of this folder.
#pragma once

#include "base/registry.h"
#include "base/value.h"

#include <string>
#include <vector>

namespace ablate {

struct QuantizationPreset {
  std::string source;                       ///< whose setting it is
  std::vector<Value::Table> weights{};      ///< [[intervention]] tables with do = "quantize", in order; these at weights,
  std::vector<Value::Table> activations{};  ///< and these at hook points, which may leave out first tokens
  bool is_static = false;                   ///< the activations' ranges are those of a calibration
};
using QuantizationPresets = Registry<QuantizationPreset>;

/// The tables that a table with a `preset` stands for, each with do = "quantize". Besides the preset it may have except_tokens and, where ranges are
/// static, statistics: those of all its activations. Throws InputError at the key for an unknown preset or another key.
std::vector<Value> expand_preset(const Value& intervention);

/// A value without a place, for presets.
template <class T>
Value preset_value(T value) {
  return {std::move(value), "", 0, {}};
}
/// At all matrices of the layers, at all that they multiply, at keys and values.
Value::Table quantized_weights(const std::string& format, Value::Table keys);
Value::Table quantized_inputs(const std::string& format, Value::Table keys);
Value::Table quantized_at(const std::string& at, const std::string& format, Value::Table keys);

}  // namespace ablate
