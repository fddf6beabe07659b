// TransformerConfig -> config.json, of a class that Transformers has wherever the model is one; and its parameters -> the tensors of that class.
#include "model/architectures/architecture.h"
#include "model/checkpoint.h"
#include "model/config_fields.h"
#include "model/exported_tensors.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <type_traits>

namespace ablate {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view own_architecture = "AblateForCausalLM";

struct Writer {
  Json& json;
  template <class T>
  void operator()(const Key& key, const T& value) const {
    if constexpr (std::is_enum_v<T>) json[std::string(key.name)] = name_of(value);
    else json[std::string(key.name)] = value;
  }
  template <class T>
  void operator()(const Key& key, const std::optional<T>& value) const {
    if (value) json[std::string(key.name)] = *value;
  }
  template <class T>
  void operator()(const Key& key, const PerLayer<T>& value) const {
    if (value.is_one()) json[std::string(key.name)] = value[0];
    else json[std::string(key.name)] = value.values();
  }
};

Json scaling_keys(const RopeScaling& scaling) {
  Json keys = Json::object();
  visit_rope_scaling(scaling, Writer{keys});
  return keys;
}

Json own_keys(const TransformerConfig& config) {
  Json keys = Json::object();
  visit_fields(config, Writer{keys});
  const PerLayer<RopeScaling>& scaling = config.rope_scaling;
  if (!scaling.is_one())
    for (const RopeScaling& each : scaling.values()) keys["rope_scaling"].push_back(scaling_keys(each));
  else if (scaling[0].kind != RopeScalingKind::none) keys["rope_scaling"] = scaling_keys(scaling[0]);
  return keys;
}

std::string_view torch_name(DType dtype) { return dtype == DType::f16 ? "float16" : dtype == DType::bf16 ? "bfloat16" : "float32"; }

/// Parameters that lie in one tensor of the class.
struct Stack {
  Placement placement{};
  std::vector<std::int64_t> shape{};
  std::vector<std::pair<TensorToWrite, Placement>> parts{};
};

TensorToWrite written(const std::string& name, std::shared_ptr<const Stack> stack) {
  const std::string dtype = stack->parts[0].first.dtype;
  return {name, dtype, stack->shape, [stack, size = safetensors_element_size(dtype)](const ByteSink& sink) {
            std::size_t elements = 1;
            for (const std::int64_t extent : stack->shape) elements *= static_cast<std::size_t>(extent);
            std::vector<std::byte> tensor(elements * size), bytes;
            for (const auto& [part, placement] : stack->parts) {
              bytes.clear();
              part.produce([&](std::span<const std::byte> more) { bytes.insert(bytes.end(), more.begin(), more.end()); });
              write_placed(tensor, {part.name, part.shape, ParameterKind::linear}, placement, bytes, size);
            }
            sink(tensor);
          }};
}

/// The matrices of one parameter, each a tensor of its own. They are written one after another: its bytes are fetched for the first and let go after the
/// last.
std::vector<TensorToWrite> separated(const TensorToWrite& tensor, const ParameterSpec& spec, const Placement& placement) {
  const auto bytes = std::make_shared<std::vector<std::byte>>();
  const std::vector<std::string> names = placement.names();
  std::vector<TensorToWrite> parts;
  for (std::size_t i = 0; i < names.size(); ++i)
    parts.push_back({names[i], tensor.dtype, placement.shape_for(spec), [=, count = names.size()](const ByteSink& sink) {
                       if (bytes->empty())
                         tensor.produce([&](std::span<const std::byte> more) { bytes->insert(bytes->end(), more.begin(), more.end()); });
                       const std::size_t each = bytes->size() / count;
                       sink(std::span(*bytes).subspan(i * each, each));
                       if (i + 1 == count) bytes->clear(), bytes->shrink_to_fit();
                     }});
  return parts;
}

}  // namespace

std::string_view architecture(const TransformerConfig& config) {
  const Architecture* found = find_architecture(config);
  for (const auto& [name, architecture] : Architectures::all())
    if (&architecture == found) return name;
  return own_architecture;
}

std::string model_config_json(const TransformerConfig& config, DType dtype) {
  const std::string name(architecture(config));
  Json json{{"architectures", {name}}};
  if (name == own_architecture) {
    json["model_type"] = "ablate";
    json["note"] = "Transformers has no class for this model; Ablate loads it.";
    json["ablate"] = own_keys(config);
  } else {
    const Architecture& of = Architectures::find("architecture", name);
    json["model_type"] = of.model_type;
    json.update(of.write(config));
  }
  json["torch_dtype"] = torch_name(dtype);
  return json.dump(2) + "\n";
}

std::vector<TensorToWrite> exported_tensors(const TransformerConfig& config, std::span<const TensorToWrite> tensors) {
  const Architecture* of = find_architecture(config);
  if (!of || !of->place) return {tensors.begin(), tensors.end()};
  std::map<std::string, ParameterSpec> specs;
  for (ParameterSpec& spec : parameters(config)) specs.emplace(spec.name, std::move(spec));
  std::vector<std::pair<std::string, std::shared_ptr<Stack>>> stacks;  // in the model's order
  std::vector<TensorToWrite> out;
  for (const TensorToWrite& tensor : tensors) {
    const ParameterSpec& spec = specs.at(tensor.name);
    const Placement placement = of->placement(config, spec);
    if (placement.separate) {
      for (TensorToWrite& part : separated(tensor, spec, placement)) out.push_back(std::move(part));
      continue;
    }
    auto stack = std::find_if(stacks.begin(), stacks.end(), [&](const auto& entry) { return entry.first == placement.name; });
    if (stack == stacks.end()) {
      stacks.emplace_back(placement.name, std::make_shared<Stack>(Stack{placement, placement.shape_for(spec)}));
      stack = std::prev(stacks.end());
    }
    stack->second->parts.emplace_back(tensor, placement);
  }
  for (const auto& [name, stack] : stacks) {
    if (stack->placement.is_whole()) out.push_back({name, stack->parts[0].first.dtype, stack->shape, stack->parts[0].first.produce});
    else out.push_back(written(name, stack));
  }
  return out;
}

}  // namespace ablate
