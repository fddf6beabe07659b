#include "probe/presets/preset.h"

#include "base/error.h"

namespace ablate {

Value::Table quantized_at(const std::string& at, const std::string& format, Value::Table keys) {
  keys["at"] = preset_value(at);
  keys["do"] = preset_value(std::string("quantize"));
  keys["format"] = preset_value(format);
  return keys;
}

Value::Table quantized_weights(const std::string& format, Value::Table keys) {
  return quantized_at("linear_weights", format, std::move(keys));
}
Value::Table quantized_inputs(const std::string& format, Value::Table keys) {
  return quantized_at("linear_inputs", format, std::move(keys));
}

std::vector<Value> expand_preset(const Value& intervention) {
  const Value::Table& given = *intervention.as<Value::Table>();
  const Value& name = given.at("preset");
  const std::string* text = name.as<std::string>();
  require(text, "{}: intervention.preset: expected a string, found {}", name.where, type_name(name));
  const QuantizationPreset& preset = QuantizationPresets::find(name.where + ": intervention.preset", *text);
  std::vector<Value> tables;
  for (const auto* part : {&preset.weights, &preset.activations})
    for (Value::Table table : *part) {
      for (auto& [key, value] : table) value.where = name.where;
      if (part == &preset.activations) {
        for (const char* key : {"except_tokens", "statistics"})
          if (const auto own = given.find(key); own != given.end()) table[key] = own->second;
        if (preset.is_static) table["range"] = {std::string("static"), name.where, 0, {}};
      }
      tables.push_back({std::move(table), name.where, intervention.order, {}});
    }
  for (const auto& [key, value] : given) {
    const bool known =
        key == "preset" || (!preset.activations.empty() && (key == "except_tokens" || (key == "statistics" && preset.is_static)));
    require(known, "{}: intervention.{}: preset \"{}\" takes no {}", value.where, key, *text, key);
  }
  return tables;
}

}  // namespace ablate
