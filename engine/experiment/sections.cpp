// How a plan's [model] is read before anything is opened.
#include "base/settings.h"
#include "experiment/run/model_source.h"
#include "model/checkpoint_names.h"
#include "train/train_settings.h"

namespace ablate {
namespace {

void read_model(Settings& experiment) {
  Settings model = experiment.table("model");
  if (!model.has({"checkpoint", "folder, GGUF file or Hugging Face name of a trained model"})) {
    ModelSource::from(model, TrainSettings().init_rule, 0);
    return;
  }
  for (const std::string& key : model.keys()) model.raw(key);  // of a preset that the checkpoint takes the place of
  read_stored(model);
  read_checkpoint_path(model, "checkpoint");
}

const SectionRegistration registration{{"model", read_model}};

}  // namespace
}  // namespace ablate
