#include "model/gguf/architecture.h"

#include "base/error.h"
#include "model/architectures/architecture.h"

#include <fmt/format.h>

namespace ablate {
namespace {

struct ToSetting {
  template <class T>
  Value operator()(const T& value) const {
    return {value, where};
  }
  Value operator()(std::string_view text) const { return {std::string(text), where}; }
  template <class T>
  Value operator()(const std::vector<T>& values) const {
    Value::Array array;
    for (const auto& value : values) array.push_back((*this)(value));
    return {std::move(array), where};
  }
  std::string where;
};

Settings keys_of(const GgufFile& file, const std::string& architecture) {
  const ToSetting to_setting{file.path().string()};
  const std::string prefix = fmt::format("{}.", architecture);
  Value::Table table;
  for (const auto& [key, value] : file.metadata())
    if (key.starts_with(prefix)) table.emplace(key.substr(prefix.size()), std::visit(to_setting, value));
  return Settings({std::move(table), to_setting.where}, architecture);
}

/// Our names of what a layer has, and GGUF's.
constexpr std::pair<std::string_view, std::string_view> layer_names[] = {{"input_layernorm", "attn_norm"},
                                                                         {"post_attention_layernorm", "ffn_norm"},
                                                                         {"self_attn.q_proj", "attn_q"},
                                                                         {"self_attn.k_proj", "attn_k"},
                                                                         {"self_attn.v_proj", "attn_v"},
                                                                         {"self_attn.o_proj", "attn_output"},
                                                                         {"self_attn.q_norm", "attn_q_norm"},
                                                                         {"self_attn.k_norm", "attn_k_norm"},
                                                                         {"self_attn.sinks", "attn_sinks"},
                                                                         {"mlp.gate_proj", "ffn_gate"},
                                                                         {"mlp.up_proj", "ffn_up"},
                                                                         {"mlp.down_proj", "ffn_down"},
                                                                         {"attn_output_layernorm", "post_attention_norm"},
                                                                         {"ffn_output_layernorm", "post_ffw_norm"}};

constexpr std::pair<std::string_view, std::string_view> model_names[] = {
    {"model.embed_tokens", "token_embd"}, {"model.embed_positions", "position_embd"}, {"model.norm", "output_norm"}, {"lm_head", "output"}};

}  // namespace

GgufModel::GgufModel(const GgufFile& file, std::string architecture, std::vector<std::string>& notes)
    : keys(keys_of(file, architecture)), notes(notes), file_(file) {}

int GgufModel::count(std::string_view key, int most) {
  const int found = keys.get<int>(key);
  require(found >= 1 && found <= most, "{}: expected 1 to {}, found {}", keys.where(key), most, found);
  return found;
}

int GgufModel::count_or(std::string_view key, int fallback, int most) { return keys.has(key) ? count(key, most) : fallback; }

int GgufModel::count_of_all_layers(std::string_view key) {
  const Value* value = keys.raw(key);
  if (!value || !value->as<Value::Array>()) return count(key);
  const auto all = keys.get<std::vector<int>>(key);
  require(!all.empty() && all[0] >= 1, "{}: expected numbers from 1 on", keys.where(key));
  for (const int each : all)
    require(each == all[0], "{}: has {} and {}; layers that differ in it are not supported", keys.where(key), all[0], each);
  return all[0];
}

int GgufModel::count_of_all_layers_or(std::string_view key, int fallback) { return keys.has(key) ? count_of_all_layers(key) : fallback; }

void GgufModel::expect(std::string_view key, double value) {
  const auto found = keys.get<double>(key, value);
  require(found == value || found == 0, "{}: {} is not supported, only {}", keys.where(key), found, value);
}

void GgufModel::expect_off(std::string_view key) {
  const Value* value = keys.raw(key);
  if (!value) return;
  const auto* flag = value->as<bool>();
  const auto* integer = value->as<std::int64_t>();
  const auto* number = value->as<double>();
  const bool off = (flag && !*flag) || (integer && *integer == 0) || (number && *number == 0);
  require(off, "{}: {} is not supported", keys.where(key), to_text(*value));
}

const TensorView& GgufModel::tensor(std::string_view name) const {
  const auto found = file_.tensors().find(name);
  require(found != file_.tensors().end(), "{}: the tensor {} is missing", file_.path().string(), name);
  return found->second;
}

std::string gguf_name(const ParameterSpec& parameter) {
  const LayerName name(parameter.name);
  const auto of = [&](const auto& names, const std::string& prefix) {
    for (const auto& [ours, theirs] : names)
      if (name.rest.starts_with(ours) && name.rest.substr(ours.size()).find_first_of('.') == 0)
        return fmt::format("{}{}{}", prefix, theirs, name.rest.substr(ours.size()));
    return parameter.name;
  };
  return name.layer < 0 ? of(model_names, "") : of(layer_names, fmt::format("blk.{}.", name.layer));
}

}  // namespace ablate
