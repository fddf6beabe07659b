#include "experiment/run/model_source.h"

#include "base/storage_format.h"
#include "model/checkpoint_names.h"
#include "model/feed_forward.h"
#include "model/mixer.h"
#include "model/planted.h"
#include "ops/attention.h"
#include "ops/gate.h"
#include "ops/norm.h"

namespace ablate {
namespace {

WeightTypes stored_types(const CheckpointFolder& checkpoint, const std::string& stored, const std::string& where) {
  const std::optional<DType> type = parse_type(stored);
  if (!type) return types_as_stored(checkpoint);
  return is_blocks(*type) ? types_in_blocks(checkpoint.config(), *type, checkpoint.dtype(), where) : WeightTypes(*type);
}

ModelSource from_checkpoint(Settings& model) {
  const std::string stored = read_stored(model);
  model.get<std::string>({"checkpoint", "folder, GGUF file or Hugging Face name of a trained model"});
  const std::filesystem::path folder = read_checkpoint_path(model, "checkpoint");
  const auto checkpoint = std::make_shared<const CheckpointFolder>(folder);
  return {checkpoint->config(),
          stored_types(*checkpoint, stored, model.where("stored")),
          [checkpoint](Weights& weights) { weights.load(*checkpoint); },
          "checkpoint " + folder.string(),
          folder,
          checkpoint->notes()};
}

std::vector<std::string> with(std::vector<std::string> first, const std::vector<std::string>& names) {
  first.insert(first.end(), names.begin(), names.end());
  return first;
}

void name_what_is_known(Settings& model) {
  model.known_names("norm", Norms::names());
  model.known_names("final_norm", with({"same", "none"}, Norms::names()));
  model.known_names("ffn", with({"attention", "none"}, FeedForwards::names()));
  model.known_names("gate", with({"none"}, Gates::names()));
  model.known_names("attention", AttentionScores::names());
}

// Names that anyone may add to are known by whoever implements them.
void check_names(Settings& model, const TransformerConfig& config) {
  name_what_is_known(model);
  Norms::find(model.where("norm") + ":", config.norm);
  Norms::find(model.where("final_norm") + ":", config.final_norm_kind());
  if (config.has_ffn() && !config.second_is_attention())
    for (const std::string& kind : config.ffn.values()) FeedForwards::find(model.where("ffn") + ":", kind);
  for (const std::string& kind : config.mixer.values())
    if (kind != "attention") Mixers::find(model.where("mixer") + ": attention, or a mixer;", kind);
  if (config.gate != "none") Gates::find(model.where("gate") + ":", config.gate);
  if (config.value_gate != "none") Gates::find(model.where("value_gate") + ":", config.value_gate);
  AttentionScores::find(model.where("attention") + ":", config.attention);
}

const ModelPresets::Registration planted("planted", [](Settings& settings) {
  const PlantedModel model = PlantedModel::from(settings);
  return ModelSource{model.config, DType::f32, [model](Weights& weights) { model.fill(weights); }, "preset planted"};
});

}  // namespace

std::string read_stored(Settings& model) {
  std::vector<std::string> types = {"as in the file", "f32", "f16", "bf16"};
  for (const auto& [name, format] : StorageFormats::all())
    if (format.encode) types.emplace_back(format.name);
  return model.choice({"stored", "type that the checkpoint's weights are kept in on the device"}, "as in the file", types);
}

ModelSource ModelSource::from(Settings& model, const std::string& rule, std::uint64_t seed) {
  if (model.has("checkpoint")) {
    // A file that runs on a preset is pointed at a checkpoint by adding one key: what the preset was told no longer matters.
    if (model.has("preset"))
      for (const std::string& key : model.keys()) model.raw(key);
    return from_checkpoint(model);
  }
  model.known_names("preset", ModelPresets::names());
  if (model.has("preset"))
    return ModelPresets::find(
        model.where("preset"),
        model.get<std::string>({"preset", "a model built in: \"planted\" has a spike and a sink by construction"}))(model);
  const TransformerConfig config = TransformerConfig::from(model);
  check_names(model, config);
  return {config, DType::f32, [=](Weights& weights) { weights.initialize(rule, seed); },
          fmt::format("initialised by rule \"{}\" from seed {}", rule, seed)};
}

}  // namespace ablate
