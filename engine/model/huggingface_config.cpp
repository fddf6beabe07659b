// config.json -> TransformerConfig. What Transformers computes for a class is the reference; a key that would change it is never ignored.
#include "base/error.h"
#include "model/architectures/architecture.h"
#include "model/architectures/text_part.h"
#include "model/checkpoint.h"
#include "model/json_settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace ablate {
namespace {

constexpr std::string_view own_architecture = "AblateForCausalLM";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// By the class that `architectures` names, or else by model_type; where both are there they must not contradict each other.
const std::pair<const std::string, Architecture>& named_architecture(ConfigFile& file) {
  const auto names = file.get<std::vector<std::string>>("architectures", {});
  const std::string type = file.get("model_type", "");
  const auto& all = Architectures::all();
  const auto of_type = std::find_if(all.begin(), all.end(), [&](auto& entry) { return entry.second.model_type == type; });
  for (const auto& entry : all) {
    const auto& [name, architecture] = entry;
    if (names.empty() ? architecture.model_type != type : names.size() != 1 || !equal_ignoring_case(name, names[0])) continue;
    require(type.empty() || of_type == all.end() || architecture.model_type == type,
            "{}: \"{}\" is not the model_type of {}; keep the right one", file.where("model_type"), type, name);
    return entry;
  }
  std::vector<std::string_view> known;
  for (const auto& [name, architecture] : all) known.push_back(name);
  bad_input("{}: expected one of {}, {}, found {}", file.where("architectures"), fmt::join(known, ", "), own_architecture,
            names.empty() ? fmt::format("none, and model_type \"{}\"", type) : fmt::format("{}", fmt::join(names, ", ")));
}

/// The name that a key of `[model]` has in most files.
std::string_view huggingface_name(std::string_view key) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"d_model", "hidden_size"},         {"n_layers", "num_hidden_layers"},
      {"n_heads", "num_attention_heads"}, {"n_kv_heads", "num_key_value_heads"},
      {"d_ffn", "intermediate_size"},     {"max_seq_len", "max_position_embeddings"},
      {"norm_eps", "rms_norm_eps"},       {"tie_embeddings", "tie_word_embeddings"}};
  for (const auto& [ours, theirs] : names)
    if (ours == key) return theirs;
  return key;
}

/// The place of a key of `[model]` in the file: a nested one stands in rope_scaling or in rope_parameters.
std::string place_of(ConfigFile& file, const Architecture& architecture, std::string_view key) {
  const std::size_t dot = key.find('.');
  if (dot != key.npos) return file.json().table(file.has("rope_scaling") ? "rope_scaling" : "rope_parameters").where(key.substr(dot + 1));
  const std::string_view own = architecture.key_name ? architecture.key_name(key) : std::string_view();
  return file.where(own.empty() ? huggingface_name(key) : own);
}

TransformerConfig parse_huggingface(ConfigFile file) {
  const auto& named = named_architecture(file);
  const Architecture& architecture = named.second;
  file.class_name = named.first;
  TransformerConfig config;
  config.origin.name = named.first;
  architecture.read(file, config);
  file.settle();
  config.validate([&](std::string_view key) { return place_of(file, architecture, key); });
  return config;
}

TransformerConfig parse_own(Settings& json) {
  require(json.has("ablate"), "{}: expected the table of an {}", json.where("ablate"), own_architecture);
  Settings table = json.table("ablate");
  const TransformerConfig c = TransformerConfig::from(table);
  table.reject_unused();
  return c;
}

}  // namespace

TransformerConfig parse_model_config(std::string_view text, std::string_view where, std::vector<std::string>* notes) {
  std::vector<std::string> nulls, unused;
  std::vector<std::string>& said = notes ? *notes : unused;
  Settings json = settings_from_json(text, std::string(where), &nulls);
  if (json.get<std::vector<std::string>>("architectures", {}) == std::vector<std::string>{std::string(own_architecture)})
    return parse_own(json);
  const TextPart* part = find_text_part(json);
  if (part) json = text_settings(json, *part, where, nulls, said);
  ConfigFile file(json, std::string(where), std::move(nulls), said);
  file.is_part = part != nullptr;
  return parse_huggingface(std::move(file));
}

std::string why_no_bos(std::string_view text, std::string_view where) {
  std::vector<std::string> nulls, notes;
  Settings json = settings_from_json(text, std::string(where), &nulls);
  if (const TextPart* part = find_text_part(json)) json = text_settings(json, *part, where, nulls, notes);
  const Value* bos = json.raw("bos_token_id");
  if (!bos) return fmt::format("{} names no beginning-of-sequence token (bos_token_id)", where);
  if (const auto* ids = bos->as<Value::Array>())
    return fmt::format("{} lists {} ids, no single one", json.where("bos_token_id"), ids->size());
  return fmt::format("{} = {} is no id below vocab_size", json.where("bos_token_id"), to_text(*bos));
}

}  // namespace ablate
