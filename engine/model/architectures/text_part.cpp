#include "model/architectures/text_part.h"

#include "base/error.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ablate {
namespace {

constexpr std::string_view table = "text_config";

/// Of the whole model, and so of its language model: how it is stored, what is tied, and the token that begins a text.
constexpr std::string_view shared[] = {"torch_dtype",        "dtype",       "tie_word_embeddings", "quantization_config",
                                       "compression_config", "bos_token_id"};

std::vector<std::string> names_of_classes() {
  std::vector<std::string> names;
  for (const auto& [name, part] : TextParts::all()) names.push_back(name);
  return names;
}

/// The head is the whole model's, so what that says of it counts, though text_config may have a default of its own class written into it.
void settle_tie(Settings& json, const TextPart& part, Value& own, std::vector<std::string>& notes) {
  constexpr std::string_view key = "tie_word_embeddings";
  const Value *value = json.raw(key), *inner = find(own, key);
  if (!value || !inner || same(*value, *inner)) return;
  const bool* inner_ties = inner->as<bool>();
  if (part.tied_by_either && inner_ties && *inner_ties) return;
  notes.push_back(fmt::format("{}: {}, which counts, though text_config says {}", json.where(key), to_text(*value), to_text(*inner)));
  assign(own, key, *value);
}

}  // namespace

std::string TextPart::own_name(std::string_view tensor) const {
  for (const auto& [theirs, own] : prefixes)
    if (tensor.starts_with(theirs)) return own + std::string(tensor.substr(theirs.size()));
  return "";
}

const TextPart* find_text_part(Settings& json) {
  if (!json.has(table)) return nullptr;
  const auto names = json.get<std::vector<std::string>>("architectures", {});
  const std::string type = json.get("model_type", "");
  for (const auto& [name, part] : TextParts::all())
    if (names.empty() ? part.model_type == type : names.size() == 1 && names[0] == name) return &part;
  bad_input("{}: a model of several modalities, of which the language model alone is read: of {}; found {}", json.where(table),
            fmt::join(names_of_classes(), ", "),
            names.empty() ? fmt::format("model_type \"{}\"", type) : fmt::format("{}", fmt::join(names, ", ")));
}

Settings text_settings(Settings& json, const TextPart& part, std::string_view where, std::vector<std::string>& nulls,
                       std::vector<std::string>& notes) {
  const Value* given = json.raw(table);
  require(given->as<Value::Table>(), "{}: expected a table, found {}", json.where(table), type_name(*given));
  Value own = *given;
  for (const std::string_view key : shared) {
    const Value* value = json.raw(key);
    if (value && (!find(own, key) || key.ends_with("dtype"))) assign(own, key, *value);
  }
  settle_tie(json, part, own, notes);
  erase(own, "architectures");  // Transformers goes by model_type here
  if (!find(own, "model_type")) assign(own, "model_type", {.data = part.usual_text, .where = given->where});
  std::vector<std::string> left_out;
  for (const std::string& key : json.keys())
    if (key != table && key != "architectures" && key != "model_type" && key != "transformers_version" &&
        std::find(std::begin(shared), std::end(shared), key) == std::end(shared))
      left_out.push_back(key);
  notes.push_back(fmt::format("{}: the language model of a model of several modalities is read ({}){}{}", where, table,
                              left_out.empty() ? "" : "; left out: ", fmt::join(left_out, ", ")));
  const std::string inside = std::string(table) + ".";
  std::erase_if(nulls, [&](const std::string& key) { return !key.starts_with(inside); });
  for (std::string& key : nulls) key.erase(0, inside.size());
  return Settings(std::move(own));
}

}  // namespace ablate
